"""The recipe of a learned step: on crops, round after round, make the next step the one that the optimiser's own objective likes best.

    minimise over the network f    |Phi_k(x + d) − Phi_k(t)|² / |Phi_k(x) − Phi_k(t)|²  +  CAUTION · mean(E(d)³)

x is a crop, t the crop in a style of the bank, Phi_k one of the encoders in turn, E the visible energy of a budget of a random scale,
x + d seen after a damage of `glaze_runtime.damage`. d begins at 0 and takes ROUNDS steps of f; the gradient after a step is what f
learns from and what it is told for the next. Steps count as constants for each other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, pad

from glaze_export.distil.data import Crops, batch, crops, pictures, to_rgb
from glaze_export.distil.training import Plan, train
from glaze_export.export import build_module
from glaze_export.learned_step import LearnedStep
from glaze_models import EncoderCard
from glaze_models.learned_step import STRIDE
from glaze_models.styles import style_bank
from glaze_runtime import damage
from glaze_runtime.budget import BLOCK, CAP, POWER, visibility_budget
from glaze_runtime.damage import draw_damage
from glaze_runtime.devices import CPU
from glaze_runtime.encoder import Encoder
from glaze_runtime.learned_step import MEMORY
from glaze_runtime.optimise import CAUTION
from glaze_runtime.stylise import LiteStylist

SIDE = 256
"""Pixels, of the crops that are held in memory."""
LEARNED = 192
"""Pixels, of the part of a crop that a step looks at."""
SCALES = (0.5, 2.6)
"""Of the budget."""
ROUNDS = 8
"""Steps from no change; states are saved after multiples of it."""
STEEPEST = 2.0
"""Far beyond the budget, where a young network is, the third power would drown all else."""
NEUTRAL = 0.05
"""This share of the examples may change in luminance only, as a grey picture."""

Halves = NDArray[np.float16]


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Crops, what encoders see of them and of their targets, and their budgets of scale 1.

    Attributes:
        images: [N,SIDE,SIDE,3].
        starts, ends: [encoders,N,C,h,w], latents of the crops and of their targets.
        fine: [N,3,SIDE,SIDE]; low: [N,3,SIDE/4,SIDE/4]; mask: [N,1,SIDE/4,SIDE/4], as those of a `Budget`.
    """

    images: Crops
    starts: Halves
    ends: Halves
    fine: Halves
    low: Halves
    mask: Halves


def distil(
    cards: Sequence[EncoderCard],
    folder: Path,
    plan: Plan,
    *,
    each: int = 1,
    device: torch.device,
    output: Path,
    on_crop: Callable[[int, int], None] = lambda done, whole: None,
    on_step: Callable[[int, float], None] = lambda step, loss: None,
) -> None:
    """Train a learned step with the encoders of `cards` on the pictures in `folder`, and write its weights to `output`.

    Args:
        cards: the encoders.
        folder: of pictures.
        plan: of the training.
        each: crops of every picture.
        device: to train on.
        output: a `.safetensors` file; see `training.train`.
        on_crop: told of how many crops, of how many, target and budget are there.
        on_step: told the number of steps done, and the last loss.

    Raises:
        OptionError: there are no pictures, or there is a state of another plan.
        UnreadablePicture: a picture cannot be read.
        WeightsError: the weights of an encoder are missing or damaged.
    """
    known = examples(cards, folder, each=each, seed=plan.seed, on_crop=on_crop)
    encoders = [build_module(card).to(device, memory_format=torch.channels_last) for card in cards]  # type: ignore[call-overload]
    train(
        LearnedStep,
        Rollouts(known, encoders, plan, device),
        plan,
        device=device,
        output=output,
        on_step=on_step,
    )


def examples(
    cards: Sequence[EncoderCard],
    folder: Path,
    *,
    each: int,
    seed: int,
    on_crop: Callable[[int, int], None] = lambda done, whole: None,
) -> Examples:
    """What is learned from: `each` crops of every picture, each with a target in a style that is drawn for it."""
    images = crops(pictures(folder), side=SIDE, each=each, seed=seed)
    encoders = [Encoder(card, CPU) for card in cards]
    styles, stylist = list(style_bank().values()), LiteStylist()
    rows: list[tuple[NDArray[np.float16], ...]] = []
    for index, crop in enumerate(images):
        image = crop.astype(np.float32) / 255
        style = styles[np.random.default_rng([seed, index, 2]).integers(len(styles))]
        target = stylist.stylise(image, style)
        budget = visibility_budget(image, 1.0)
        latents = [np.concatenate([encoder.encode(seen) for encoder in encoders]) for seen in (image, target)]
        planes = budget.fine.transpose(2, 0, 1), budget.low.transpose(2, 0, 1), budget.mask[None]
        rows.append(tuple(part.astype(np.float16) for part in (*latents, *planes)))
        on_crop(index + 1, len(images))
    starts, ends, fine, low, mask = (np.stack(parts) for parts in zip(*rows, strict=True))
    return Examples(
        images=images, starts=starts.swapaxes(0, 1), ends=ends.swapaxes(0, 1), fine=fine, low=low, mask=mask
    )


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a batch of crops asks for: images, limits, budgets, and the latents at both ends for each encoder; [N,...] each."""

    image: Tensor
    limit: Tensor
    fine: Tensor
    low: Tensor
    mask: Tensor
    starts: list[Tensor]
    ends: list[Tensor]


class Rollouts:
    """What `training.train` makes small: the objective after a step of the network on crops, new ones every ROUNDS steps."""

    def __init__(
        self, known: Examples, encoders: Sequence[nn.Module], plan: Plan, device: torch.device
    ) -> None:
        self.known, self.encoders, self.plan, self.device = known, encoders, plan, device

    def __call__(self, module: nn.Module, step: int) -> Tensor:
        """The loss [] of `module` in training step number `step`; its backward pass gives the gradient for the next one."""
        if step % ROUNDS == 0:
            self.task = self._drawn(step)
            self.share = torch.zeros_like(self.task.image, requires_grad=True)
            self._objective(step).backward()  # type: ignore[no-untyped-call]
            self.memory = torch.zeros_like(self.share)
        assert self.share.grad is not None
        gradient = self.share.grad * self.share[:, 0].numel()
        self.memory = MEMORY * self.memory + (1 - MEMORY) * gradient
        task = self.task
        self.share = module(task.image, task.limit, self.share.detach(), gradient, self.memory)
        self.share.retain_grad()
        return self._objective(step + 1)

    def _objective(self, step: int) -> Tensor:
        """At the share at hand, with the encoder and the damage of `step`."""
        task, k = self.task, step % len(self.encoders)
        change = task.limit * self.share
        seen = (task.image + to_rgb(change)).clamp(0, 1)
        reached = self.encoders[k](_damaged(seen, np.random.default_rng([self.plan.seed, step, 2])))
        left = (reached - task.ends[k]).square().sum((1, 2, 3))
        left = left / (task.starts[k] - task.ends[k]).square().sum((1, 2, 3)).clamp_min(1e-3)
        total: Tensor = (left + CAUTION * _penalty(change, task.fine, task.low, task.mask)).mean()
        return total

    def _drawn(self, step: int) -> Task:
        known, count = self.known, self.plan.batch
        rng = np.random.default_rng([self.plan.seed, step, 1])
        chosen = batch(len(known.images), count, seed=self.plan.seed, step=step)
        stride = SIDE // known.starts.shape[-1]
        places = STRIDE * rng.integers((SIDE - LEARNED) // STRIDE + 1, size=(count, 2))

        def cut(whole: NDArray[Any], size: int) -> Tensor:
            """[N,...,n,n]: of what `whole` [crops,...] has in cells of `size` pixels, the parts that are looked at."""
            n = LEARNED // size
            parts = [
                whole[index, ..., top : top + n, left : left + n]
                for index, (top, left) in zip(chosen, places // size, strict=True)
            ]
            return torch.from_numpy(np.stack(parts).astype(np.float32)).to(self.device)

        least, most = np.log(SCALES)
        scale = _column(np.exp(rng.uniform(least, most, count)), self.device)
        coloured = _column(rng.random(count) >= NEUTRAL, self.device)
        fine, low, mask = scale * cut(known.fine, 1), scale * cut(known.low, BLOCK), cut(known.mask, BLOCK)
        limit = CAP * fine * interpolate(mask, scale_factor=BLOCK)
        return Task(
            image=cut(known.images.transpose(0, 3, 1, 2), 1) / 255,
            limit=torch.cat([limit[:, :1], coloured * limit[:, 1:]], 1),
            fine=fine,
            low=low,
            mask=mask,
            starts=[cut(part, stride) for part in known.starts],
            ends=[cut(part, stride) for part in known.ends],
        )


def _penalty(change: Tensor, fine: Tensor, low: Tensor, mask: Tensor) -> Tensor:
    """[N]: `Budget.penalty`'s mean(E³) of changes [N,3,h,w] in Y, Cb, Cr; along a line where E is above STEEPEST."""
    slow = _smooth(avg_pool2d(change, BLOCK))
    high = change - interpolate(slow, scale_factor=BLOCK)
    energy = avg_pool2d((high / fine).square().sum(1, keepdim=True), BLOCK)
    energy = energy + (slow / low).square().sum(1, keepdim=True)
    energy = _smooth(energy) / mask.square()
    near, beyond = energy.clamp(max=STEEPEST), (energy - STEEPEST).clamp(min=0)
    return (near.pow(POWER) + POWER * STEEPEST ** (POWER - 1) * beyond).mean((1, 2, 3))


def _smooth(blocks: Tensor) -> Tensor:
    """Binomial [1,2,1]/4 along both axes, edges repeated, as the budget's."""
    wide = pad(blocks, (1, 1, 1, 1), mode="replicate")
    rows = (wide[:, :, :-2] + 2 * wide[:, :, 1:-1] + wide[:, :, 2:]) / 4
    return (rows[..., :-2] + 2 * rows[..., 1:-1] + rows[..., 2:]) / 4


def _damaged(seen: Tensor, rng: np.random.Generator) -> Tensor:
    """`seen` [N,3,h,w] after one damage; the gradient of a filter is exact, that of the others passes straight through."""
    drawn = draw_damage(rng)
    if drawn.filtered is not None:
        matrix = torch.from_numpy(drawn.filtered(LEARNED)).to(seen.device)
        return matrix @ seen @ matrix.T
    if drawn.harm is damage.untouched:
        return seen
    pixels = seen.detach().permute(0, 2, 3, 1).cpu().numpy()
    harmed = np.stack([drawn.harm(one, rng) for one in pixels]).transpose(0, 3, 1, 2)
    return seen + (torch.from_numpy(np.ascontiguousarray(harmed)).to(seen.device) - seen.detach())


def _column(numbers: NDArray[Any], device: torch.device) -> Tensor:
    """[N] -> [N,1,1,1]"""
    return torch.from_numpy(numbers.astype(np.float32).reshape(-1, 1, 1, 1)).to(device)
