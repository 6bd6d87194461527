"""Lossy WebP."""

from functools import partial
from io import BytesIO

from PIL import Image as PillowImage

from glaze_edge.audit.purifiers.base import Purifier, on_8_bits


def _webp(image: PillowImage.Image, *, quality: int) -> PillowImage.Image:
    file = BytesIO()
    image.save(file, "WEBP", quality=quality)
    return PillowImage.open(file).convert("RGB")


def webp(quality: int) -> Purifier:
    """At a quality of 0 to 100."""
    return Purifier(
        name=f"webp-{quality}",
        does=f"WebP, quality {quality}",
        purify=on_8_bits(partial(_webp, quality=quality)),
    )
