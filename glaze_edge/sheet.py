"""Pictures for looking rather than reading: labelled ones side by side, and the difference of two."""

from collections.abc import Sequence

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw

from glaze_runtime.arrays import Image, to_pillow

LABEL, GAP = 18, 6
"""Pixels."""
AMPLIFIED = 8
"""A difference is shown so many times larger, around grey."""


def sheet(tiles: Sequence[tuple[str, Image]], columns: int) -> PillowImage.Image:
    """Tiles (label, [H,W,3] in 0..1) in rows of `columns`; all take the room of the largest."""
    height = max(image.shape[0] for _, image in tiles) + LABEL + GAP
    width = max(image.shape[1] for _, image in tiles) + GAP
    rows = -(-len(tiles) // columns)
    page = PillowImage.new("RGB", (columns * width + GAP, rows * height + GAP), "white")
    draw = ImageDraw.Draw(page)
    for index, (label, image) in enumerate(tiles):
        x, y = GAP + index % columns * width, GAP + index // columns * height
        draw.text((x, y), label, fill="black")
        page.paste(to_pillow(image), (x, y + LABEL))
    return page


def difference(original: PillowImage.Image, glazed: PillowImage.Image) -> PillowImage.Image:
    """The change from one picture of 8 bits to the other, AMPLIFIED, around grey."""
    change = np.asarray(glazed, np.float32) - np.asarray(original, np.float32)
    return PillowImage.fromarray((128 + AMPLIFIED * change).clip(0, 255).round().astype(np.uint8))
