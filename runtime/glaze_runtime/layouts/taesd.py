"""Tiny autoencoders as TAESD's own code saves them: the places in a sequence, without a name before them."""

from glaze_runtime.layouts.base import Layout

TAESD = Layout(
    name="TAESD",
    mark="1.conv.0.weight",
    prefixes=("", "encoder.", "taesd_encoder."),
    keeps=r"\d+\.",
    renames=((r"^", "encoder.layers."),),
)
