"""The recipe of a learned step: on crops, round after round, make the steps those that the optimiser's own objective likes best.

    minimise over the network f    |Phi_k(x + d) − Phi_k(t)|² / |Phi_k(x) − Phi_k(t)|²  +  CAUTION · mean(E(d)³)    after every step

x is a crop, t the crop in a style of the bank, Phi_k one of the encoders in turn, E the visible energy of a budget of a random scale,
x + d seen after a damage of `glaze_runtime.damage`. d begins at 0 and takes two stages of ROUNDS steps of f; half of the tasks
are begun at half the size and then, as a large picture, seen at both. A step counts for what comes after it in its stage; how
the gradient depends on it does not count (as in Andrychowicz et al., 2016).
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from glaze_export.distil.tasks import Examples, Task, damaged, draw_tasks, examples, resized
from glaze_export.distil.training import Plan, train
from glaze_export.export import build_module
from glaze_export.learned_step import LearnedStep
from glaze_models import EncoderCard
from glaze_runtime.learned_step import MEMORY
from glaze_runtime.optimise import CAUTION

LEARNED = 192
"""Pixels, of the part of a crop that a step looks at."""
ROUNDS = 4
"""Steps of the network in a stage, which is one step of the training."""
STAGES = 2
"""From no change; states are saved after multiples of it."""


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
    known = examples(folder, each=each, seed=plan.seed, reductions=(1, 2), on_crop=on_crop)
    encoders = [build_module(card).to(device, memory_format=torch.channels_last) for card in cards]  # type: ignore[call-overload]
    train(
        LearnedStep,
        Rollouts(known, encoders, plan, device),
        plan,
        device=device,
        output=output,
        on_step=on_step,
    )


class Rollouts:
    """What `training.train` makes small: the objective after each step of the network in a stage, new tasks every STAGES."""

    def __init__(
        self, known: dict[int, Examples], encoders: Sequence[nn.Module], plan: Plan, device: torch.device
    ) -> None:
        self.known, self.encoders, self.plan, self.device = known, encoders, plan, device
        self.share = self.memory = torch.empty(0)

    def __call__(self, module: nn.Module, step: int) -> Tensor:
        """The loss [] of `module` in training step number `step`, a stage."""
        stage = step % STAGES
        if stage == 0:
            self._begin(step)
        elif self.begun_small:
            self._enter(self.tasks[1], sides=(LEARNED, LEARNED // 2))
        share, total = self.share, torch.zeros((), device=self.device)
        _, gradient = self._objective(share, step, stage * ROUNDS)
        for turn in range(stage * ROUNDS + 1, (stage + 1) * ROUNDS + 1):
            slope = gradient * share[:, 0].numel()
            self.memory = MEMORY * self.memory + (1 - MEMORY) * slope
            share = module(self.task.image, self.task.limit, share, slope, self.memory).float()
            value, gradient = self._objective(share, step, turn)
            total = total + value + _with_gradient(share, gradient)
        self.share = share.detach()
        return total / ROUNDS

    def _begin(self, step: int) -> None:
        plan = self.plan
        self.tasks = draw_tasks(
            self.known, count=plan.batch, part=LEARNED, seed=plan.seed, step=step, device=self.device
        )
        self.begun_small = step // STAGES % 2 == 1
        task = self.tasks[2 if self.begun_small else 1]
        self.share, self.memory = torch.zeros_like(task.image), torch.zeros_like(task.image)
        self._enter(task, sides=task.image.shape[-1:])

    def _enter(self, task: Task, *, sides: Sequence[int]) -> None:
        """From here on `task` is glazed, seen at `sides` pixels in turn."""
        self.task, self.sides = task, sides
        self.share, self.memory = (resized(each, task.image.shape[-1]) for each in (self.share, self.memory))
        self.share = self.share.clamp(-1, 1)
        with torch.no_grad():
            self.ends = [
                [[encoder(resized(end, side)).float() for end in (task.image, task.target)] for side in sides]
                for encoder in self.encoders
            ]

    def _objective(self, share: Tensor, step: int, turn: int) -> tuple[Tensor, Tensor]:
        """At `share`, with the encoder and the size of this `turn` and a damage of its own: [], and its gradient [N,3,h,w]."""
        sweep, k = divmod(turn, len(self.encoders))
        place = sweep % len(self.sides)
        start, end = self.ends[k][place]
        share = share.detach().requires_grad_()
        seen = resized(self.task.moved(share), self.sides[place])
        rng = np.random.default_rng([self.plan.seed, step, turn, 2])
        reached = self.encoders[k](damaged(seen, rng)).float()
        left = (reached - end).square().sum((1, 2, 3)) / (start - end).square().sum((1, 2, 3)).clamp_min(1e-3)
        value = (left + CAUTION * self.task.penalty(share)).mean()
        (gradient,) = torch.autograd.grad(value, share)
        return value.detach(), gradient


def _with_gradient(share: Tensor, gradient: Tensor) -> Tensor:
    """[]: 0, with `gradient` for `share`; the encoder need not be gone through backwards twice."""
    along = (share * gradient).sum()
    return along - along.detach()
