"""The recipe that is public as "AdverseCleaner": many bilateral passes, then guided filters that bring the edges
back."""

import numpy as np

from glaze_edge.audit.purifiers.base import Purifier
from glaze_edge.audit.purifiers.bilateral import bilateral_filter
from glaze_runtime.arrays import Image

PASSES, DIAMETER, SIGMA = 64, 5, 8.0
"""Of the bilateral filter; the standard deviation is that of colour (1/255) and of space (pixels)."""
GUIDED_PASSES, RADIUS, EPSILON = 4, 4, 16.0
"""Of the guided filter: pixels, and the variance (of 1/255) below which it is flat."""


def guided_filter(guide: Image, image: Image, *, radius: int, epsilon: float, passes: int = 1) -> Image:
    """`image` [H,W,3] as the best linear function of the colours of `guide` [H,W,3] around each pixel (He, Sun & Tang
    2013).

    Args:
        guide, image: in 0..1.
        radius: of the square around a pixel, pixels.
        epsilon: a variance in 0..1, the guide's below which an area counts as flat.
        passes: how many times, with the same guide.
    """
    mean = _mean(guide, radius)
    covariance = _mean(_outer(guide, guide), radius) - _outer(mean, mean)
    inverse = np.linalg.inv(covariance + epsilon * np.eye(3))
    for _ in range(passes):
        level = _mean(image, radius)
        slope = inverse @ (_mean(_outer(guide, image), radius) - _outer(mean, level))
        offset = level - _applied(slope, mean)
        image = _applied(_mean(slope, radius), guide) + _mean(offset, radius)
    return image.clip(0, 1)


def _adverse_cleaner(image: Image) -> Image:
    smooth = bilateral_filter(image, diameter=DIAMETER, colour=SIGMA, space=SIGMA, passes=PASSES)
    clean = guided_filter(image, smooth, radius=RADIUS, epsilon=EPSILON / 255**2, passes=GUIDED_PASSES)
    return clean.astype(np.float32)


def adverse_cleaner() -> Purifier:
    """With the parameters that were published."""
    return Purifier(
        name="adverse-cleaner",
        does=f"{PASSES} bilateral and {GUIDED_PASSES} guided filters (AdverseCleaner)",
        purify=_adverse_cleaner,
    )


def _outer(a: Image, b: Image) -> Image:
    """[H,W,3,3]"""
    return a[..., :, None] * b[..., None, :]


def _applied(slope: Image, guide: Image) -> Image:
    """[H,W,3,3] of guide and image channels, [H,W,3] -> [H,W,3]"""
    applied: Image = (slope * guide[..., :, None]).sum(-2)
    return applied


def _mean(values: Image, radius: int) -> Image:
    """The mean over a square of [H,W,...]; edges are mirrored."""
    size = 2 * radius + 1
    for axis in (0, 1):
        margins = [(radius, radius) if a == axis else (0, 0) for a in range(values.ndim)]
        sums = np.cumsum(np.pad(values, margins, mode="reflect"), axis, dtype=np.float64)
        sums = np.pad(sums, [(1, 0) if a == axis else (0, 0) for a in range(values.ndim)])
        count = values.shape[axis]
        values = (np.take(sums, range(size, size + count), axis) - np.take(sums, range(count), axis)) / size
    return values
