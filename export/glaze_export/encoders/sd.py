"""Stable Diffusion 1.x, 2.x and SDXL: 4 channels. The three differ in their weights and their scale."""

from glaze_export.encoders.autoencoder_kl import AutoencoderKL
from glaze_models import EncoderCard


def build(card: EncoderCard) -> AutoencoderKL:
    """The encoder of `card`, without its weights."""
    return AutoencoderKL(card.channels, quant=True)
