"""The recipe of a learned step: on crops, round after round, make the next step the one that the optimiser's own objective likes best.

    minimise over the network f    |Phi_k(x + d) − Phi_k(t)|² / |Phi_k(x) − Phi_k(t)|²  +  CAUTION · mean(E(d)³)

x is a crop, t the crop in a style of the bank, Phi_k one of the encoders in turn, E the visible energy of a budget of a random scale,
x + d seen after a damage of `glaze_runtime.damage`. d begins at 0 and takes ROUNDS steps of f; the gradient after a step is what f
learns from and what it is told for the next. Steps count as constants for each other.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from glaze_export.distil.tasks import Examples, damaged, draw_tasks, examples
from glaze_export.distil.training import Plan, train
from glaze_export.export import build_module
from glaze_export.learned_step import LearnedStep
from glaze_models import EncoderCard
from glaze_runtime.learned_step import MEMORY
from glaze_runtime.optimise import CAUTION

LEARNED = 192
"""Pixels, of the part of a crop that a step looks at."""
ROUNDS = 8
"""Steps from no change; states are saved after multiples of it."""


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
    known = examples(folder, each=each, seed=plan.seed, on_crop=on_crop)
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
    """What `training.train` makes small: the objective after a step of the network on crops, new ones every ROUNDS steps."""

    share: Tensor
    memory: Tensor

    def __init__(
        self, known: Examples, encoders: Sequence[nn.Module], plan: Plan, device: torch.device
    ) -> None:
        self.known, self.encoders, self.plan, self.device = known, encoders, plan, device

    def __call__(self, module: nn.Module, step: int) -> Tensor:
        """The loss [] of `module` in training step number `step`; its backward pass gives the gradient for the next one."""
        if step % ROUNDS == 0:
            self._begin(step)
        assert self.share.grad is not None
        gradient = self.share.grad * self.share[:, 0].numel()
        self.memory = MEMORY * self.memory + (1 - MEMORY) * gradient
        task = self.task
        self.share = module(task.image, task.limit, self.share.detach(), gradient, self.memory)
        self.share.retain_grad()
        return self._objective(step + 1)

    def _begin(self, step: int) -> None:
        plan = self.plan
        self.task = draw_tasks(
            self.known, count=plan.batch, part=LEARNED, seed=plan.seed, step=step, device=self.device
        )
        with torch.no_grad():
            self.ends = [
                [encoder(end).float() for end in (self.task.image, self.task.target)]
                for encoder in self.encoders
            ]
        self.share = torch.zeros_like(self.task.image, requires_grad=True)
        self._objective(step).backward()  # type: ignore[no-untyped-call]
        self.memory = torch.zeros_like(self.share)

    def _objective(self, step: int) -> Tensor:
        """At the share at hand, with the encoder and the damage of `step`."""
        k = step % len(self.encoders)
        start, end = self.ends[k]
        seen = damaged(self.task.moved(self.share), np.random.default_rng([self.plan.seed, step, 2]))
        left = (self.encoders[k](seen).float() - end).square().sum((1, 2, 3))
        left = left / (start - end).square().sum((1, 2, 3)).clamp_min(1e-3)
        total: Tensor = (left + CAUTION * self.task.penalty(self.share)).mean()
        return total
