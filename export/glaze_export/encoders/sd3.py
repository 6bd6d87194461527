"""Stable Diffusion 3.x: 16 channels, and no convolution over the moments."""

from glaze_export.encoders.autoencoder_kl import AutoencoderKL
from glaze_models import EncoderCard


def build(card: EncoderCard) -> AutoencoderKL:
    """The encoder of `card`, without its weights."""
    return AutoencoderKL(card.channels, quant=False)
