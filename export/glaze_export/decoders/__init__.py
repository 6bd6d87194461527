"""The decoder families: torch modules, latent mean [1,C,h,w], before the generator's scale -> image
[1,3,stride·h,stride·w] in 0..1.

A new family is one new file here and one entry in `FAMILIES`.
"""

from collections.abc import Callable

from torch import nn

from glaze_export.decoders import autoencoder_kl, small, tiny
from glaze_models import DecoderCard

Family = Callable[[DecoderCard], nn.Module]
"""Builds the module of a card, with the names of its weights file and torch's own initialisation."""

FAMILIES: dict[str, Family] = {
    "autoencoder-kl": autoencoder_kl.build,
    "small": small.build,
    "tiny": tiny.build,
}
