"""What other protectors do with the same encoders, target and number of gradients; written from their formulas.

Both minimise sum_k |Phi_k(x + d) − Phi_k(t)|² / |Phi_k(x) − Phi_k(t)|² over the encoders, so that each counts the same,
and look at the picture as it is: they have no views and no JPEG in the loop.
"""

from collections.abc import Callable, Sequence

import numpy as np
from _papers import FIRST, GLAZE_RATE, GLAZE_START, GLAZE_STEPS, LAST

from glaze_edge.audit.adam import Adam
from glaze_runtime.arrays import Image
from glaze_runtime.encoder import Encoder


def sign_pgd(
    image: Image, target: Image, encoders: Sequence[Encoder], *, largest: float, steps: int, seed: int = 0
) -> Image:
    """The change [H,W,3] of `image` [H,W,3] in 0..1 by projected sign descent within ±`largest` (Madry et al. 2018).

    As PhotoGuard (Salman et al. 2023) practises it on encoders: a random start, steps from FIRST to LAST of `largest`.
    Mist (Liang & Wu 2023) does the same with steps that stay a sixteenth.
    """
    gradient_at = _gradient(image, target, encoders)
    change = np.random.default_rng(seed).uniform(-largest, largest, image.shape).astype(np.float32)
    for size in np.linspace(FIRST, LAST, steps, dtype=np.float32) * np.float32(largest):
        seen = (image + change).clip(0, 1)
        change = (seen - image - size * np.sign(gradient_at(seen))).clip(-largest, largest)
    return (image + change).clip(0, 1) - image


def free_adam(
    image: Image, target: Image, encoders: Sequence[Encoder], *, strength: float, steps: int, seed: int = 0
) -> Image:
    """The change [H,W,3] of `image` [H,W,3] in 0..1 by Adam with no limit and no perceptual term.

    Glaze (Shan et al. 2023) as IMPRESS (Cao et al. 2023) states it, without its LPIPS hinge: a uniform start and 500
    steps. In `steps` gradients a pixel goes as far as in 500 at `strength` 1; the start and the rate are in proportion
    to `strength`.
    """
    gradient_at = _gradient(image, target, encoders)
    start = strength * GLAZE_START
    change = np.random.default_rng(seed).uniform(-start, start, image.shape).astype(np.float32)
    adam = Adam(change)
    for _ in range(steps):
        direction = adam.direction(gradient_at((image + change).clip(0, 1)), beta2=0.999)
        change -= np.float32(strength * GLAZE_RATE * GLAZE_STEPS / steps) * direction
        change = (image + change).clip(0, 1) - image
    return change


def _gradient(image: Image, target: Image, encoders: Sequence[Encoder]) -> Callable[[Image], Image]:
    """The gradient of the objective at a picture of the size of `image`; its sides are multiples of every stride."""
    goals = []
    for encoder in encoders:
        start, end = encoder.encode(image), encoder.encode(target)
        goals.append((encoder, end, max(float(np.square(start - end).sum()), 1e-6)))

    def at(seen: Image) -> Image:
        gradients = [encoder.value_and_grad(seen, end)[1] / whole for encoder, end, whole in goals]
        total: Image = np.sum(gradients, axis=0)
        return total

    return at
