"""Pictures as the page shows them: small, encoded by us, whatever the file was."""

from dataclasses import replace
from io import BytesIO

import numpy as np
from PIL import Image as PillowImage

from glaze_edge.files import Picture
from glaze_edge.preprocess import shown
from glaze_runtime.arrays import Image

THUMB_SIDE, VIEW_SIDE = 256, 2048
"""Pixels."""


def thumb(picture: Picture) -> bytes:
    """A small WebP of the whole picture."""
    image = shown(picture)
    image.thumbnail((THUMB_SIDE, THUMB_SIDE), PillowImage.Resampling.LANCZOS)
    return webp(image)


def webp(image: PillowImage.Image) -> bytes:
    """`image` as WebP, lossy."""
    file = BytesIO()
    image.save(file, "WEBP", quality=85)
    return file.getvalue()


def png(image: PillowImage.Image) -> bytes:
    """`image` as PNG, quickly rather than smally."""
    file = BytesIO()
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()


def view(image: PillowImage.Image) -> PillowImage.Image:
    """`image`, at VIEW_SIDE at most."""
    image = image.copy()
    image.thumbnail((VIEW_SIDE, VIEW_SIDE), PillowImage.Resampling.LANCZOS)
    return image


def part(picture: Picture, image: Image, rows: slice, columns: slice) -> Picture:
    """A part of `image` [H,W,3], which is `picture` at any size, as a picture; opaque, but where nothing is visible."""
    visible = picture.visible
    if visible is not None:
        down = (np.arange(n) * m // n for n, m in zip(image.shape[:2], visible.shape, strict=True))
        visible = visible[np.ix_(*down)][rows, columns]
    return replace(
        picture,
        image=np.ascontiguousarray(image[rows, columns]),
        visible=None if visible is None or visible.all() else visible,
        mode="L" if picture.grey else "RGB",
    )
