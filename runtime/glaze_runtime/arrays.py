"""The arrays the runtime speaks of: float32 (numpy's stubs see float64 in most sums, so the types say less)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

Image = NDArray[np.floating[Any]]
"""[H,W,3], sRGB in 0..1, or a change or gradient of one."""

Plane = NDArray[np.floating[Any]]
"""[H,W]: one number a pixel."""

Latent = NDArray[np.floating[Any]]
"""[1,C,h,w], the latent mean before the generator's scale."""


def to_pillow(image: Image) -> PillowImage.Image:
    """`image` [H,W,3], clipped to 0..1 and rounded to 8 bits."""
    return PillowImage.fromarray((image.clip(0, 1) * 255).round().astype(np.uint8))


def planes(image: Image) -> Image:
    """[H,W,3] -> [1,3,H,W], contiguous."""
    return np.ascontiguousarray(image.transpose(2, 0, 1)[None], np.float32)
