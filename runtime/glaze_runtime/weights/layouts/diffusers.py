"""Autoencoders as diffusers saves them; before 0.17 their attention had other names."""

from glaze_runtime.weights.layouts.base import Layout

_ATTENTION = r"(?<=\.attentions\.0\.)"
_RENAMES = (
    (_ATTENTION + r"query\.", "to_q."),
    (_ATTENTION + r"key\.", "to_k."),
    (_ATTENTION + r"value\.", "to_v."),
    (_ATTENTION + r"proj_attn\.", "to_out.0."),
)

KL = Layout(
    name="diffusers",
    mark="encoder.down_blocks.0.resnets.0.conv1.weight",
    prefixes=("", "vae.", "first_stage_model."),
    keeps=r"(encoder|quant_conv)\.",
    renames=_RENAMES,
)

KL_DECODER = Layout(
    name="diffusers",
    mark="decoder.up_blocks.0.resnets.0.conv1.weight",
    prefixes=KL.prefixes,
    keeps=r"(decoder|post_quant_conv)\.",
    renames=_RENAMES,
)

DC = Layout(
    name="diffusers (deep compression)",
    mark="encoder.down_blocks.0.0.conv1.weight",
    prefixes=("", "vae."),
    keeps=r"encoder\.",
)

TINY = Layout(
    name="diffusers (tiny)",
    mark="encoder.layers.1.conv.0.weight",
    prefixes=("", "vae."),
    keeps=r"encoder\.layers\.",
)

TINY_DECODER = Layout(
    name="diffusers (tiny)",
    mark="decoder.layers.2.conv.0.weight",
    prefixes=TINY.prefixes,
    keeps=r"decoder\.layers\.",
)
