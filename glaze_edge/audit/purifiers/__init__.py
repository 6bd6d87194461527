"""The battery: what people and mimics do to pictures. A purifier is one file and an entry of `PURIFIERS`."""

from glaze_edge.audit.autoencoder import Autoencoder
from glaze_edge.audit.purifiers.base import AutoencoderPurifier, Purifier
from glaze_edge.audit.purifiers.bilateral import bilateral
from glaze_edge.audit.purifiers.blur import blur
from glaze_edge.audit.purifiers.crop import crop
from glaze_edge.audit.purifiers.guided import adverse_cleaner
from glaze_edge.audit.purifiers.impress import impress
from glaze_edge.audit.purifiers.jpeg import jpeg
from glaze_edge.audit.purifiers.median import median
from glaze_edge.audit.purifiers.noise import noise
from glaze_edge.audit.purifiers.resize import resize
from glaze_edge.audit.purifiers.round_trip import round_trip
from glaze_edge.audit.purifiers.screenshot import screenshot
from glaze_edge.audit.purifiers.shift import shift
from glaze_edge.audit.purifiers.upscale import noisy_upscale
from glaze_edge.audit.purifiers.webp import webp

__all__ = ["PURIFIERS", "AutoencoderPurifier", "Purifier", "battery"]

PURIFIERS: tuple[Purifier | AutoencoderPurifier, ...] = (
    *(jpeg(quality, chroma) for quality in (95, 85, 75, 50) for chroma in ("444", "420")),
    webp(80),
    *(resize(scale) for scale in (0.5, 0.75, 1.5)),
    shift(4),
    crop(0.875),
    *(noise(sigma) for sigma in (0.02, 0.05, 0.1)),
    blur(1.0),
    median(3),
    bilateral(diameter=9, colour=75, space=75),
    adverse_cleaner(),
    screenshot(0.8),
    noisy_upscale(0.1),
    round_trip(),
    impress(),
)


def battery(autoencoder: Autoencoder | None) -> list[Purifier]:
    """All purifiers; those that need an autoencoder through the attacker's, or left out where there is none."""
    ready: list[Purifier] = []
    for purifier in PURIFIERS:
        if isinstance(purifier, Purifier):
            ready.append(purifier)
        elif autoencoder is not None:
            ready.append(purifier.through(autoencoder))
    return ready
