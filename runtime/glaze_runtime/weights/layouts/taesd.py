"""Tiny autoencoders as TAESD's own code saves them: the places in a sequence, without a name before them."""

from glaze_runtime.weights.layouts.base import Layout

TAESD = Layout(
    name="TAESD",
    mark="1.conv.0.weight",
    prefixes=("", "encoder.", "taesd_encoder."),
    keeps=r"\d+\.",
    renames=((r"^", "encoder.layers."),),
)

TAESD_DECODER = Layout(
    name="TAESD",
    mark="1.weight",
    prefixes=("", "decoder.", "taesd_decoder."),
    keeps=r"\d+\.",
    renames=tuple((rf"^{place}\.", f"decoder.layers.{place - 1}.") for place in range(1, 20)),
)
