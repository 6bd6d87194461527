"""The encoder families: torch modules, image [1,3,H,W] in 0..1 -> latent mean [1,C,H/stride,W/stride].

A new family is one new file here and one entry in `FAMILIES`.
"""

from collections.abc import Callable

from torch import nn

from glaze_export.encoders import clip_vision, flux1, flux2, sana, sd, sd3, surrogate, tiny
from glaze_models import EncoderCard

Family = Callable[[EncoderCard], nn.Module]
"""Builds the module of a card, with the names of its weights file and torch's own initialisation."""

FAMILIES: dict[str, Family] = {
    "clip-vision": clip_vision.build,
    "flux1": flux1.build,
    "flux2": flux2.build,
    "sana": sana.build,
    "sd": sd.build,
    "sd3": sd3.build,
    "surrogate": surrogate.build,
    "tiny": tiny.build,
}
