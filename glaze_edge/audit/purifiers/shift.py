"""A small move: the encoder's latent cells begin elsewhere, as after any crop."""

from functools import partial

import numpy as np

from glaze_edge.audit.purifiers.base import Purifier
from glaze_runtime.arrays import Image


def _shift(image: Image, *, pixels: int) -> Image:
    height, width = image.shape[:2]
    return np.pad(image, ((pixels, 0), (pixels, 0), (0, 0)), mode="edge")[:height, :width]


def shift(pixels: int) -> Purifier:
    """Down and to the right by so many pixels."""
    return Purifier(
        name="shift",
        does=f"moved down and to the right by {pixels} pixels, so that latent cells begin elsewhere",
        purify=partial(_shift, pixels=pixels),
        moves=True,
    )
