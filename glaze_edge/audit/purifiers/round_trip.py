"""Through a generator's autoencoder and back."""

from glaze_edge.audit.autoencoder import Autoencoder
from glaze_edge.audit.purifiers.base import AutoencoderPurifier
from glaze_runtime.arrays import Image


def _round_trip(image: Image, autoencoder: Autoencoder) -> Image:
    return autoencoder.decode(autoencoder.encode(image))


def round_trip() -> AutoencoderPurifier:
    """Once."""
    return AutoencoderPurifier(name="vae", does="through an autoencoder and back", purify=_round_trip)
