"""Tiling: what an encoder sees of a whole picture, and its latent put together from tiles."""

from collections.abc import Sequence

import numpy as np

from glaze_models import EncoderCard
from glaze_runtime.arrays import Image, Latent
from glaze_runtime.encoder import EncoderLike
from glaze_runtime.optimiser.views import Size, Square

TILE = 512
"""Pixels: the largest side of what an encoder is given at once."""


def whole_latent(encoder: EncoderLike, image: Image, size: Size | Square) -> Latent:
    """The latent [1,C,h,w] of `image` [H,W,3] at one size, put together from tiles."""
    latent = np.zeros((1, encoder.card.channels, *size.cells), np.float32)
    for view in size.cover():
        latent[:, :, *view.cell] = encoder.encode(view(image))
    return latent


def size_of(image: Image, longest_side: int, card: EncoderCard) -> Size | Square:
    """What the encoder of `card` sees of `image` [H,W,3] when its longest side is `longest_side` pixels."""
    picture = image.shape[0], image.shape[1]
    if card.side is not None:
        return Square(picture=picture, side=card.side)
    return sized(picture, longest_side, card.stride)


def sized(picture: tuple[int, int], longest_side: int, stride: int) -> Size:
    """A picture of this height and width when its longest side is `longest_side` pixels, and two strides at least."""
    height, width = (max(2 * stride, round(n * longest_side / max(picture))) for n in picture)
    return Size(picture=picture, height=height, width=width, tile=TILE, stride=stride)


def fitting(longest_sides: Sequence[int], longest: int) -> list[int]:
    """Those of `longest_sides` that a picture of this longest side has; a smaller picture is looked at as it is."""
    return [side for side in longest_sides if side <= longest] or [longest]
