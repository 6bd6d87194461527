"""The encoder families: torch modules, image [1,3,H,W] in 0..1 -> latent mean [1,C,H/stride,W/stride].

A new family is one new file here and one entry in `FAMILIES`.
"""

from collections.abc import Callable

from torch import nn

from glaze_export.encoders import surrogate, tiny
from glaze_models import EncoderCard

Family = Callable[[EncoderCard], nn.Module]
"""Builds the module of a card in float32, in eval mode, with the names of its weights file."""

FAMILIES: dict[str, Family] = {"surrogate": surrogate.load, "tiny": tiny.load}
