"""Pictures to be glazed, for recipes that learn from glazing: crops, targets in a style and budgets, in torch, many at
once.

Here is what `glaze_runtime.optimiser.optimise` makes of one picture: the change within its limit, the visible energy,
the transforms.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, pad

from glaze_export.distil.data import Crops, batch, crops, pictures, to_rgb
from glaze_export.distil.training import Training
from glaze_models.learned_step import STRIDE
from glaze_models.styles import style_bank
from glaze_runtime.arrays import to_pillow
from glaze_runtime.optimiser import transforms
from glaze_runtime.optimiser.budget import BLOCK, CAP, POWER, visibility_budget
from glaze_runtime.optimiser.transforms import draw_transform
from glaze_runtime.stylise import LiteStylist

SIDE = 256
"""Pixels, of the crops that are held in memory."""
SCALES = (0.5, 2.6)
"""Of the budget."""
STEEPEST = 2.0
"""Far beyond the budget, where a young network is, the third power would drown all else."""
NEUTRAL = 0.05
"""This share of the tasks may change in luminance only, as a grey picture."""

Halves = NDArray[np.float16]


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Crops, their targets, and their budgets of scale 1.

    Attributes:
        images, targets: [N,SIDE,SIDE,3].
        fine: [N,3,SIDE,SIDE]; low: [N,3,SIDE/4,SIDE/4]; mask: [N,1,SIDE/4,SIDE/4], as those of a `Budget`.
    """

    images: Crops
    targets: Crops
    fine: Halves
    low: Halves
    mask: Halves


def examples_of(training: Training) -> Examples:
    """Crops of the pictures of `training`, each with a target in a style that is drawn for it.

    Raises:
        OptionError: there are no pictures.
        UnreadablePicture: a picture cannot be read.
    """
    seed = training.plan.seed
    images = crops(pictures(training.pictures), side=SIDE, each=training.crops, seed=seed)
    styles, stylist = list(style_bank().values()), LiteStylist()
    targets, planes = [], []
    for index, crop in enumerate(images):
        image = crop.astype(np.float32) / 255
        style = styles[np.random.default_rng([seed, index, 2]).integers(len(styles))]
        targets.append(np.asarray(to_pillow(stylist.stylise(image, style))))
        budget = visibility_budget(image, 1.0)
        parts = budget.fine.transpose(2, 0, 1), budget.low.transpose(2, 0, 1), budget.mask[None]
        planes.append([part.astype(np.float16) for part in parts])
        training.on_crop(index + 1, len(images))
    fine, low, mask = (np.stack(part) for part in zip(*planes, strict=True))
    return Examples(images=images, targets=np.stack(targets), fine=fine, low=low, mask=mask)


@dataclass(frozen=True, kw_only=True)
class Task:
    """A batch of pictures to be glazed: [N,3,h,w] in 0..1, how far each pixel may move in Y, Cb, Cr, and budgets."""

    image: Tensor
    target: Tensor
    limit: Tensor
    fine: Tensor
    low: Tensor
    mask: Tensor

    def moved(self, fraction: Tensor) -> Tensor:
        """[N,3,h,w] in 0..1: the images with a fraction [N,3,h,w], -1..1, of the limit."""
        return (self.image + to_rgb(self.limit * fraction)).clamp(0, 1)

    def penalty(self, fraction: Tensor) -> Tensor:
        """[N]: `Budget.penalty`'s mean(E³) of a fraction; along a line where E is above STEEPEST."""
        change = self.limit * fraction
        slow = _smooth(avg_pool2d(change, BLOCK))
        high = change - interpolate(slow, scale_factor=BLOCK)
        energy = avg_pool2d((high / self.fine).square().sum(1, keepdim=True), BLOCK)
        energy = energy + (slow / self.low).square().sum(1, keepdim=True)
        energy = _smooth(energy) / self.mask.square()
        near, beyond = energy.clamp(max=STEEPEST), (energy - STEEPEST).clamp(min=0)
        return (near.pow(POWER) + POWER * STEEPEST ** (POWER - 1) * beyond).mean((1, 2, 3))


def draw_tasks(known: Examples, *, count: int, part: int, seed: int, step: int, device: torch.device) -> Task:
    """`count` tasks: parts of `part` pixels of crops, with budgets of random scales."""
    rng = np.random.default_rng([seed, step, 1])
    chosen = batch(len(known.images), count, seed=seed, step=step)
    places = STRIDE * rng.integers((SIDE - part) // STRIDE + 1, size=(count, 2))

    def cut(whole: NDArray[Any], size: int = 1) -> Tensor:
        """[N,C,n,n]: of what `whole` [crops,C,...] has in cells of `size` pixels, the parts that are looked at."""
        n = part // size
        parts = [
            whole[index, :, top : top + n, left : left + n]
            for index, (top, left) in zip(chosen, places // size, strict=True)
        ]
        return torch.from_numpy(np.stack(parts).astype(np.float32)).to(device)

    least, most = np.log(SCALES)
    scale = _column(np.exp(rng.uniform(least, most, count)), device)
    coloured = _column(rng.random(count) >= NEUTRAL, device)
    fine, low, mask = scale * cut(known.fine), scale * cut(known.low, BLOCK), cut(known.mask, BLOCK)
    limit = CAP * fine * interpolate(mask, scale_factor=BLOCK)
    return Task(
        image=cut(known.images.transpose(0, 3, 1, 2)) / 255,
        target=cut(known.targets.transpose(0, 3, 1, 2)) / 255,
        limit=torch.cat([limit[:, :1], coloured * limit[:, 1:]], 1),
        fine=fine,
        low=low,
        mask=mask,
    )


def transformed(seen: Tensor, rng: np.random.Generator) -> Tensor:
    """`seen` [N,3,n,n] after one transform; the gradient of a filter is exact, that of the others passes straight
    through."""
    drawn = draw_transform(rng)
    if drawn.filtered is not None:
        # In float32: a change is too small for bfloat16 where it is added to an image.
        with torch.autocast(seen.device.type, enabled=False):
            matrix = torch.from_numpy(drawn.filtered(seen.shape[-1])).to(seen.device)
            return matrix @ seen @ matrix.T
    if drawn.apply is transforms.untouched:
        return seen
    pixels = seen.detach().float().permute(0, 2, 3, 1).cpu().numpy()
    applied = np.stack([drawn.apply(one, rng) for one in pixels]).transpose(0, 3, 1, 2)
    return seen + (torch.from_numpy(np.ascontiguousarray(applied)).to(seen.device) - seen.detach())


def _column(numbers: NDArray[Any], device: torch.device) -> Tensor:
    """[N] -> [N,1,1,1]"""
    return torch.from_numpy(numbers.astype(np.float32).reshape(-1, 1, 1, 1)).to(device)


def _smooth(blocks: Tensor) -> Tensor:
    """Binomial [1,2,1]/4 along both axes, edges repeated, as the budget's."""
    wide = pad(blocks, (1, 1, 1, 1), mode="replicate")
    rows = (wide[:, :, :-2] + 2 * wide[:, :, 1:-1] + wide[:, :, 2:]) / 4
    return (rows[..., :-2] + 2 * rows[..., 1:-1] + rows[..., 2:]) / 4
