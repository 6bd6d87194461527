"""The encoder families: torch modules, image [1,3,H,W] in 0..1 -> latent mean [1,C,H/stride,W/stride].

A new family is one new file here and one entry in `FAMILIES`.
"""

from collections.abc import Callable

from torch import nn

from glaze_export.encoders import autoencoder_kl, clip_vision, sana, surrogate, tiny
from glaze_models import EncoderCard

Family = Callable[[EncoderCard], nn.Module]
"""Builds the module of a card, with the names of its weights file and torch's own initialisation."""

FAMILIES: dict[str, Family] = {
    "autoencoder-kl": autoencoder_kl.build,
    "clip-vision": clip_vision.build,
    "sana": sana.build,
    "surrogate": surrogate.build,
    "tiny": tiny.build,
}
