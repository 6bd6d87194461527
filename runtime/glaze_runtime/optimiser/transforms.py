"""Transforms: what happens to a picture between the artist and a trainer, so that the change is made to survive it.

A sweep of the optimiser looks at the picture through one of them, drawn by its probability: expectation over
transformation (Athalye et al., "Synthesizing Robust Adversarial Examples", ICML 2018). Filters are linear and part of
the views, with exact adjoints; the adjoint of the others is taken to be the identity (straight through).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image as PillowImage

from glaze_runtime.arrays import Image, to_pillow
from glaze_runtime.optimiser.views import Filter, Matrix, resize_matrix

BLUR = 1.0
"""Pixels: the standard deviation of the blur."""
NOISES = (0.005, 0.03)
"""Standard deviations of noise, of full range."""
QUALITIES = (60, 90)
"""Of JPEG."""


@lru_cache(maxsize=16)
def halved(size: int) -> Matrix:
    """Half size and back."""
    return resize_matrix(size // 2, size) @ resize_matrix(size, size // 2)


@lru_cache(maxsize=16)
def blurred(size: int) -> Matrix:
    """A Gaussian blur; every row sums to 1."""
    distance = np.arange(size)[:, None] - np.arange(size)[None]
    weights = np.exp(-0.5 * (distance / BLUR) ** 2)
    matrix: Matrix = (weights / weights.sum(1, keepdims=True)).astype(np.float32)
    return matrix


def untouched(patch: Image, rng: np.random.Generator) -> Image:
    """`patch` itself."""
    return patch


def compressed(patch: Image, rng: np.random.Generator) -> Image:
    """`patch` [h,w,3] after JPEG with 4:2:0 at a random quality."""
    buffer = BytesIO()
    to_pillow(patch).save(buffer, "JPEG", quality=int(rng.integers(*QUALITIES, endpoint=True)), subsampling=2)
    return np.asarray(PillowImage.open(buffer), np.float32) / 255


def noisy(patch: Image, rng: np.random.Generator) -> Image:
    """`patch` [h,w,3] with Gaussian noise of a random strength."""
    noise = rng.standard_normal(patch.shape, np.float32) * np.float32(rng.uniform(*NOISES))
    return (patch + noise).clip(0, 1)


@dataclass(frozen=True, kw_only=True)
class Transform:
    """One kind: its `probability` in a sweep, a filter of the views, and what is applied to a patch."""

    probability: float
    filtered: Filter | None = None
    apply: Callable[[Image, np.random.Generator], Image] = untouched


IDENTITY = Transform(probability=0.35)
TRANSFORMS = (
    IDENTITY,
    Transform(probability=0.3, apply=compressed),
    Transform(probability=0.2, filtered=halved),
    Transform(probability=0.05, filtered=blurred),
    Transform(probability=0.1, apply=noisy),
)


def draw_transform(rng: np.random.Generator) -> Transform:
    """One of `TRANSFORMS`, by their probabilities."""
    return TRANSFORMS[rng.choice(len(TRANSFORMS), p=[each.probability for each in TRANSFORMS])]
