"""Adam (Kingma & Ba 2015), which the comparisons and an audit's attackers use."""

import numpy as np

from glaze_runtime.arrays import Image


class Adam:
    """Adam's direction of descent, in units of the rate (Kingma & Ba 2015, algorithm 1; beta2 0.99 as runs are
    short)."""

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
