"""Autoencoders as the latent-diffusion code names them: in full checkpoints, in bare VAE files, in FLUX's
`ae.safetensors`."""

from glaze_runtime.weights.layouts.base import Layout

_LEVELS = 4
"""Of every published autoencoder; the decoder's are counted from the image on, those of diffusers from the latent."""


def _renames(half: str) -> tuple[tuple[str, str], ...]:
    """Of what both halves have, `half` being encoder or decoder."""
    return (
        (r"\.nin_shortcut\.", ".conv_shortcut."),
        (rf"^{half}\.mid\.block_1\.", f"{half}.mid_block.resnets.0."),
        (rf"^{half}\.mid\.block_2\.", f"{half}.mid_block.resnets.1."),
        (rf"^{half}\.mid\.attn_1\.norm\.", f"{half}.mid_block.attentions.0.group_norm."),
        (rf"^{half}\.mid\.attn_1\.proj_out\.", f"{half}.mid_block.attentions.0.to_out.0."),
        (rf"^{half}\.mid\.attn_1\.([qkv])\.", rf"{half}.mid_block.attentions.0.to_\1."),
        (rf"^{half}\.norm_out\.", f"{half}.conv_norm_out."),
    )


LDM = Layout(
    name="LDM",
    mark="encoder.down.0.block.0.conv1.weight",
    prefixes=("", "first_stage_model.", "vae."),
    keeps=r"(encoder|quant_conv)\.",
    renames=(
        (r"^encoder\.quant_conv\.", "quant_conv."),
        (r"^encoder\.down\.(\d+)\.block\.", r"encoder.down_blocks.\1.resnets."),
        (r"^encoder\.down\.(\d+)\.downsample\.", r"encoder.down_blocks.\1.downsamplers.0."),
        *_renames("encoder"),
    ),
)

LDM_DECODER = Layout(
    name="LDM",
    mark="decoder.up.0.block.0.conv1.weight",
    prefixes=LDM.prefixes,
    keeps=r"(decoder|post_quant_conv)\.",
    renames=(
        (r"^decoder\.post_quant_conv\.", "post_quant_conv."),
        *(
            (rf"^decoder\.up\.{level}\.", f"decoder.up_blocks.{_LEVELS - 1 - level}.")
            for level in range(_LEVELS)
        ),
        (r"^decoder\.up_blocks\.(\d+)\.block\.", r"decoder.up_blocks.\1.resnets."),
        (r"^decoder\.up_blocks\.(\d+)\.upsample\.", r"decoder.up_blocks.\1.upsamplers.0."),
        *_renames("decoder"),
    ),
)
