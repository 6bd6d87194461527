"""JPEG, at the qualities that sites and phones use, with and without halved chroma."""

from functools import partial
from io import BytesIO

from PIL import Image as PillowImage

from glaze_edge.audit.purifiers.base import Purifier, on_8_bits

SUBSAMPLING = {"444": 0, "420": 2}
"""Pillow's names for how chroma is kept."""


def as_jpeg(image: PillowImage.Image, *, quality: int, chroma: str) -> PillowImage.Image:
    """`image` after JPEG; `chroma` is "444" or "420"."""
    file = BytesIO()
    image.save(file, "JPEG", quality=quality, subsampling=SUBSAMPLING[chroma])
    return PillowImage.open(file).convert("RGB")


def jpeg(quality: int, chroma: str) -> Purifier:
    """`chroma` is "444" or "420"."""
    return Purifier(
        name=f"jpeg-{quality}-{chroma}",
        does=f"JPEG, quality {quality}, {':'.join(chroma)}",
        purify=on_8_bits(partial(as_jpeg, quality=quality, chroma=chroma)),
    )
