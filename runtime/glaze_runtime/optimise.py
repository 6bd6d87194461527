"""The optimiser: the change to a picture that brings what encoders see towards a target style, within a visibility budget.

    minimise over d    sum_k w_k |Phi_k(x + d) − Phi_k(t)|² / |Phi_k(x) − Phi_k(t)|²  +  caution · mean(E(d)²)  +  P(x + d, x)
    subject to         |d| <= limit, pixel by pixel in Y, Cb, Cr;   0 <= x + d <= 1

Phi_k are encoders, x is seen through views (`views.py`), E is the visible energy (`budget.py`), P a perceptual distance
where one is given (`perceptual.py`). The objective is that of Glaze (Shan et al., USENIX Security 2023), its optimiser Adam
(Kingma & Ba 2015).
"""

from collections.abc import Callable, Sequence
from math import cos, pi
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from glaze_models import EncoderCard
from glaze_runtime.arrays import Image, Latent
from glaze_runtime.budget import TO_OPPONENT, TO_RGB, Budget
from glaze_runtime.views import Size, compressed

TILE = 512
"""Pixels: the largest side of what an encoder is given at once."""
CAUTION = 1.0
"""Weight of the visible energy."""
RATE, RATE_LEFT = 0.10, 0.1
"""Adam's first step, as a share of the limit, and what a cosine leaves of it at the end."""
COMPRESSED, SOFTENED = 0.35, 0.3
"""Shares of the sweeps that look at the picture after JPEG, and at half size and back."""


class Phi(Protocol):
    """An encoder, as far as the optimiser knows it (`glaze_runtime.encoder.Encoder`)."""

    @property
    def card(self) -> EncoderCard: ...
    def encode(self, image: Image) -> Latent: ...
    def value_and_grad(self, image: Image, target: Latent) -> tuple[float, Image]: ...


def nothing(seen: Image, image: Image) -> Image:
    """The gradient of no perceptual distance."""
    return np.zeros_like(seen)


def optimise(
    image: Image,
    target: Image,
    *,
    encoders: Sequence[Phi],
    budget: Budget,
    perceptual: Callable[[Image, Image], Image] = nothing,
    steps: int,
    longest_sides: Sequence[int],
    free: NDArray[np.bool_] | None = None,
    neutral: bool = False,
    seed: int = 0,
    on_step: Callable[[int], None] = lambda step: None,
) -> Image:
    """The change d [H,W,3] in RGB that moves `image` towards `target`, both [H,W,3] in 0..1.

    Args:
        encoders: they count the same.
        budget: of `image`.
        perceptual: gradient [H,W,3] of P(x + d, x) with respect to x + d, as `LpipsHinge.gradient`.
        steps: of Adam, each a sweep of views that covers the picture about once.
        longest_sides: pixels; sweeps take these sizes in turn, as far as the picture is that large.
        free: [H,W] bool, False where the picture must stay as it is; None if it may change everywhere.
        neutral: change luminance only.
        seed: the same seed on the same device gives the same change.
        on_step: is told how many steps are done.
    """
    rng = np.random.default_rng(seed)
    limit = budget.limit if free is None else budget.limit * free[..., None]
    if neutral:
        limit = limit * np.array([1, 0, 0], np.float32)
    sizes = _sizes(image, longest_sides, encoders)
    goals = {size: Goal(image, target, size, encoders) for size in set(sizes)}
    # d in Y, Cb, Cr as a share of the limit, so that a step means the same everywhere.
    share = np.zeros_like(image)
    adam = Adam(share)
    for step in range(steps):
        change = limit * share
        seen = image + change @ TO_RGB.T
        inside = seen.clip(0, 1)
        gradient = goals[sizes[step % len(sizes)]].gradient(inside, rng)
        _, caution = budget.penalty((inside - image) @ TO_OPPONENT.T)
        gradient += CAUTION * (caution @ TO_OPPONENT)
        gradient += perceptual(inside, image)
        gradient[((seen < 0) & (gradient > 0)) | ((seen > 1) & (gradient < 0))] = 0
        rate = RATE * (RATE_LEFT + (1 - RATE_LEFT) * (1 + cos(pi * step / steps)) / 2)
        share -= rate * adam.direction(limit * (gradient @ TO_RGB))
        np.clip(share, -1, 1, out=share)
        on_step(step + 1)
    return (image + (limit * share) @ TO_RGB.T).clip(0, 1) - image


class Goal:
    """The target at one size: its latents, and how far from them the picture starts, for each encoder."""

    def __init__(self, image: Image, target: Image, size: Size, encoders: Sequence[Phi]) -> None:
        self.size = size
        self.encoders = encoders
        self.latents = [whole_latent(encoder, target, size) for encoder in encoders]
        starts = [whole_latent(encoder, image, size) for encoder in encoders]
        distances = [float(np.square(z - t).sum()) for z, t in zip(starts, self.latents, strict=True)]
        self.weights = [1 / (len(encoders) * max(distance, 1e-6)) for distance in distances]

    def gradient(self, image: Image, rng: np.random.Generator) -> Image:
        """The gradient [H,W,3] of sum_k w_k |Phi_k(image) − Phi_k(target)|² / |Phi_k(start) − Phi_k(target)|²."""
        total = np.zeros_like(image)
        damage = rng.random()
        for view in self.size.sweep(rng, soft=COMPRESSED <= damage < COMPRESSED + SOFTENED):
            patch = view(image)
            if damage < COMPRESSED:
                patch = compressed(patch, rng)
            parts = (
                weight * encoder.value_and_grad(patch, latent[:, :, *view.cell])[1]
                for encoder, latent, weight in zip(self.encoders, self.latents, self.weights, strict=True)
            )
            view.add_adjoint(sum(parts, np.zeros_like(patch)), total)
        return total


class Adam:
    """Adam's direction of descent, in units of the rate (Kingma & Ba 2015, algorithm 1; beta2 0.99 as runs are short)."""

    def __init__(self, like: Image) -> None:
        self.mean, self.square, self.steps = np.zeros_like(like), np.zeros_like(like), 0

    def direction(self, gradient: Image, beta1: float = 0.9, beta2: float = 0.99) -> Image:
        """m / (sqrt(v) + epsilon), both corrected for their start at zero."""
        self.steps += 1
        self.mean += (1 - beta1) * (gradient - self.mean)
        self.square += (1 - beta2) * (gradient * gradient - self.square)
        root = np.sqrt(self.square / (1 - beta2**self.steps))
        root += 1e-12
        direction: Image = self.mean / root
        direction /= 1 - beta1**self.steps
        return direction


def whole_latent(encoder: Phi, image: Image, size: Size) -> Latent:
    """The latent [1,C,h,w] of `image` [H,W,3] at one size, put together from tiles."""
    latent = np.zeros((1, encoder.card.channels, *size.cells), np.float32)
    for view in size.cover():
        latent[:, :, *view.cell] = encoder.encode(view(image))
    return latent


def _sizes(image: Image, longest_sides: Sequence[int], encoders: Sequence[Phi]) -> list[Size]:
    """The sizes of `image` at each longest side that it has; a smaller picture is looked at as it is."""
    stride = max(encoder.card.stride for encoder in encoders)
    longest = max(image.shape[:2])
    fitting = [side for side in longest_sides if side <= longest] or [longest]
    return [size_of(image, side, stride) for side in fitting]


def size_of(image: Image, longest_side: int, stride: int) -> Size:
    """The size of `image` [H,W,3] whose longest side is `longest_side` pixels."""
    height, width = image.shape[:2]
    scale = longest_side / max(height, width)
    return Size(
        picture=(height, width),
        height=max(2 * stride, round(height * scale)),
        width=max(2 * stride, round(width * scale)),
        tile=TILE,
        stride=stride,
    )
