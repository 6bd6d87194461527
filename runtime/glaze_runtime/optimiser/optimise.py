"""The optimiser: the change to a picture that brings what encoders see towards a target style, within a visibility
budget.

    minimise over d    sum_k w_k |Phi_k(x + d) − Phi_k(t)|² / |Phi_k(x) − Phi_k(t)|²  +  PENALTY_WEIGHT · mean(E(d)³)  +
     P(x + d, x) subject to         |d| <= limit, pixel by pixel in Y, Cb, Cr;   0 <= x + d <= 1

Phi_k are encoders, x is seen through views (`views.py`) after a transform (`transforms.py`), E is the visible energy
(`budget.py`), P a perceptual distance where one is given (`perceptual.py`). The objective is that of Glaze (Shan et
al., USENIX Security 2023). Steps are taken by a network that has learned on other pictures where a gradient leads
(`learned_step.py`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from glaze_models.learned_step import STRIDE
from glaze_runtime.arrays import Image, Latent
from glaze_runtime.encoder import EncoderLike
from glaze_runtime.optimiser.budget import TO_OPPONENT, TO_RGB, Budget, visibility_budget
from glaze_runtime.optimiser.learned_step import MOMENTUM
from glaze_runtime.optimiser.tiling import TILE, fitting, size_of, whole_latent
from glaze_runtime.optimiser.transforms import draw_transform
from glaze_runtime.optimiser.views import Size, Square, View, resize

PENALTY_WEIGHT = 1.0
"""Weight of the visible energy."""
GRIDS = ((0, 0), (4, 4), (2, 6), (6, 2), (1, 3), (5, 7), (3, 1), (7, 5))
"""Eighths of a stride, down and right, by which the grid of each network moves from turn to turn: what two, four or
eight turns in a row add in a pattern of the stride cancels out."""


def nothing(seen: Image, image: Image) -> Image:
    """The gradient of no perceptual distance."""
    return np.zeros_like(seen)


@dataclass(frozen=True, kw_only=True, eq=False)
class Canvas:
    """A picture at one size, and how far it may move.

    Attributes:
        image: [H,W,3] in 0..1.
        budget: of `image`.
        limit: [H,W,3] in Y, Cb, Cr, the budget's, 0 where or in what the picture must stay as it is.
        perceptual: gradient [H,W,3] of P(x + d, x) with respect to x + d, as `LpipsHinge.gradient`.
    """

    image: Image
    budget: Budget
    limit: Image
    perceptual: Callable[[Image, Image], Image]

    @classmethod
    def of(
        cls, image: Image, scale: float, room: Image, perceptual: Callable[[Image, Image], Image]
    ) -> "Canvas":
        """Of `image` and the `scale` of its budget; `room` [H,W,3] is what of the limit is left, 0..1."""
        budget = visibility_budget(image, scale)
        return cls(image=image, budget=budget, limit=budget.limit * room, perceptual=perceptual)

    def moved(self, fraction: Image) -> Image:
        """[H,W,3]: the picture moved by `fraction` [H,W,3] of the limit; parts may lie outside 0..1."""
        return self.image + (self.limit * fraction) @ TO_RGB.T

    def gradient(
        self, fraction: Image, goal: "Goal", grid: tuple[float, float], rng: np.random.Generator
    ) -> Image:
        """That of the objective [H,W,3] for `fraction` [H,W,3], as the encoder of `goal` sees it in one sweep on
        `grid`."""
        seen = self.moved(fraction)
        inside = seen.clip(0, 1)
        _, penalty = self.budget.penalty((inside - self.image) @ TO_OPPONENT.T)
        in_rgb = goal.gradient(inside, grid, rng) + PENALTY_WEIGHT * (penalty @ TO_OPPONENT)
        in_rgb += self.perceptual(inside, self.image)
        in_rgb[((seen < 0) & (in_rgb > 0)) | ((seen > 1) & (in_rgb < 0))] = 0
        gradient: Image = self.limit * (in_rgb @ TO_RGB)
        return gradient


def optimise(
    image: Image,
    target: Image,
    *,
    encoders: Sequence[EncoderLike],
    scale: float,
    perceptual: Callable[[Image, Image], Image] = nothing,
    learned: Callable[..., Image],
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
        scale: of the visibility budget.
        perceptual: gradient [H,W,3] of P(x + d, x) with respect to x + d, as `LpipsHinge.gradient`.
        learned: the network that takes the steps, called as `learned_step.LearnedStep`.
        steps: how many, each with one encoder in turn.
        longest_sides: pixels; the sweeps of views, which cover the picture about once, take these sizes in turn, as far
            as the picture is that large.
        free: [H,W] bool, False where the picture must stay as it is; None if it may change everywhere.
        neutral: change luminance only.
        seed: the same seed on the same device gives the same change.
        on_step: is told how many steps are done.
    """
    rng = np.random.default_rng(seed)
    room = np.ones((*image.shape[:2], 1), np.float32) if free is None else free[..., None].astype(np.float32)
    room = room * np.array([1, not neutral, not neutral], np.float32)
    # Where the encoders' grids begin, and the learned step's.
    starts = rng.integers(len(GRIDS), size=(len(encoders) + 1, 2))
    # d in Y, Cb, Cr as a fraction of the limit, so that a step means the same everywhere.
    fraction, momentum = np.zeros_like(image), np.zeros_like(image)
    done = 0
    for size, until in _stages(image.shape[:2], steps):
        fraction, momentum, x, t, free_here = (
            resize(each, size) for each in (fraction, momentum, image, target, room)
        )
        canvas = Canvas.of(x.clip(0, 1), scale, free_here.clip(0, 1), perceptual)
        goals = [_goals(encoder, canvas.image, t, longest_sides) for encoder in encoders]
        for step in range(done, until):
            turn, k = divmod(step, len(goals))
            goal = goals[k][turn % len(goals[k])]
            gradient = canvas.gradient(fraction, goal, _grid(turn, starts[k]), rng) * fraction[..., 0].size
            momentum += (1 - MOMENTUM) * (gradient - momentum)
            down, right = (int(part * STRIDE) for part in _grid(step, starts[-1]))
            fraction = learned(canvas.image, canvas.limit, fraction, gradient, momentum, shift=(down, right))
            on_step(step + 1)
        done = until
    return canvas.moved(fraction).clip(0, 1) - image


class Goal:
    """|Phi(image) − Phi(target)|² / |Phi(start) − Phi(target)|² for one encoder at one size.

    Latent cells begin at another pixel in every sweep. A change that is made for one grid is lost on a trainer who
    crops, and people see it as a weave on smooth gradients (docs/decisions/0050-moving-grids.md).
    """

    def __init__(self, encoder: EncoderLike, size: Size | Square, start: Image, target: Image) -> None:
        self.encoder, self.size, self.target = encoder, size, target
        self.latent = whole_latent(encoder, target, size)
        self.whole = max(float(np.square(whole_latent(encoder, start, size) - self.latent).sum()), 1e-6)

    def gradient(self, image: Image, grid: tuple[float, float], rng: np.random.Generator) -> Image:
        """The gradient [H,W,3] at `image`, seen through the views of one sweep; `grid`: strides by which the cells are
        moved."""
        total = np.zeros_like(image)
        transform, size = draw_transform(rng), self.size.moved(grid)
        for view in size.sweep(rng, filtered=transform.filtered):
            seen = transform.apply(view(image), rng)
            _, gradient = self.encoder.value_and_grad(seen, self._end(size, view))
            view.add_adjoint(gradient / self.whole, total)
        return total

    def _end(self, size: Size | Square, view: View) -> Latent:
        """The target's latent where `view` looks; a square has one grid only, so its latent is known."""
        if isinstance(size, Square):
            return self.latent
        return self.encoder.encode(size.at(view.cell)(self.target))


def begun_small(steps: int) -> int:
    """How many of so many steps are taken at TILE pixels, where they cost less; the rest at the picture's own size."""
    return steps // 2


def _stages(picture: tuple[int, int], steps: int) -> list[tuple[tuple[int, int], int]]:
    """Height and width to work at, and how many steps are to be done then."""
    longest = max(picture)
    if longest <= TILE:
        return [(picture, steps)]
    small = max(1, round(picture[0] * TILE / longest)), max(1, round(picture[1] * TILE / longest))
    return [(small, begun_small(steps)), (picture, steps)]


def _goals(encoder: EncoderLike, start: Image, target: Image, longest_sides: Sequence[int]) -> list[Goal]:
    """A goal for each of the sizes that sweeps take in turn."""
    sizes = [size_of(start, side, encoder.card) for side in fitting(longest_sides, max(start.shape[:2]))]
    goals = {size: Goal(encoder, size, start, target) for size in set(sizes)}
    return [goals[size] for size in sizes]


def _grid(turn: int, start: NDArray[np.int64]) -> tuple[float, float]:
    """Where a network's grid lies in its turn, in strides, 0 to 1, down and right; `start` [2]: in its first, in
    eighths."""
    down, right = (np.array(GRIDS[turn % len(GRIDS)]) + start) % len(GRIDS) / len(GRIDS)
    return float(down), float(right)
