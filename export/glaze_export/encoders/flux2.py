"""FLUX.2 (AutoencoderKLFlux2): 32 channels. What follows in the generator, 2x2 patches and a batch norm, is its scale."""

from glaze_export.encoders.autoencoder_kl import AutoencoderKL
from glaze_models import EncoderCard


def build(card: EncoderCard) -> AutoencoderKL:
    """The encoder of `card`, without its weights."""
    return AutoencoderKL(card.channels, quant=True)
