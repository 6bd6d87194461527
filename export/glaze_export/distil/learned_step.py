"""The recipe of a learned step: on crops, round after round, make the next step the one that the optimiser's own
objective likes best.

    minimise over the network f    |Phi_k(x + d) − Phi_k(t)|² / |Phi_k(x) − Phi_k(t)|²  +  PENALTY_WEIGHT · mean(E(d)³)

x is a crop, t the crop in a style of the bank, Phi_k one of the encoders in turn, E the visible energy of a budget of a
random scale, x + d seen after one of `glaze_runtime.optimiser.transforms`. d begins at 0 and takes ROUNDS steps of f;
the gradient after a step is what f learns from and what it is told for the next. Steps count as constants for each
other.

Every look of an encoder and every step of f begins at another pixel, so that f is not paid for a pattern of period 8
that one grid of latent cells alone would see: trainers resize and crop, and on smooth gradients people see it as a
weave.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from glaze_export.distil.tasks import Examples, draw_tasks, examples_of, transformed
from glaze_export.distil.training import Plan, Training, train
from glaze_export.export import build_module
from glaze_export.learned_step import LearnedStep, begun_as
from glaze_models import EncoderCard
from glaze_models.learned_step import STRIDE
from glaze_runtime.optimiser.learned_step import MOMENTUM
from glaze_runtime.optimiser.optimise import PENALTY_WEIGHT

LEARNED = 192
"""Pixels, of the part of a crop that a step or an encoder looks at."""
ROUNDS = 8
"""Steps from no change; states are saved after multiples of it."""


def distil(cards: Sequence[EncoderCard], training: Training, *, begin: Path | None = None) -> None:
    """Train a learned step with the encoders of `cards`.

    Args:
        cards: the encoders.
        training: see there.
        begin: a `.safetensors` file of the network to begin with; None for a network drawn anew.

    Raises:
        OptionError: there are no pictures, or there is a state of another plan.
        UnreadablePicture: a picture cannot be read.
        WeightsError: the weights of an encoder are missing or damaged, or `begin` holds another network.
    """
    device = training.device
    encoders = [build_module(card).to(device, memory_format=torch.channels_last) for card in cards]  # type: ignore[call-overload]
    train(
        lambda: begun_as(begin) if begin else LearnedStep(),
        Rollouts(examples_of(training), encoders, training.plan, device),
        training,
    )


class Rollouts:
    """What `training.train` makes small: the objective after a step of the network on crops, new ones every ROUNDS
    steps."""

    fraction: Tensor
    momentum: Tensor

    def __init__(
        self, known: Examples, encoders: Sequence[nn.Module], plan: Plan, device: torch.device
    ) -> None:
        self.known, self.encoders, self.plan, self.device = known, encoders, plan, device

    def __call__(self, module: nn.Module, step: int) -> Tensor:
        """The loss [] of `module` in training step number `step`; its backward pass gives the gradient for the next
        one."""
        if step % ROUNDS == 0:
            self._begin(step)
        assert self.fraction.grad is not None
        gradient = self.fraction.grad * LEARNED**2
        self.momentum = MOMENTUM * self.momentum + (1 - MOMENTUM) * gradient
        task, fraction = self.task, self.fraction.detach().clone()
        here = self._window(step, 3)
        seen = (part[here] for part in (task.image, task.limit, fraction, gradient, self.momentum))
        fraction[here] = module(*seen).float()
        self.fraction = fraction
        self.fraction.retain_grad()
        return self._objective(step + 1)

    def _begin(self, step: int) -> None:
        plan = self.plan
        self.task = draw_tasks(
            self.known, count=plan.batch, part=LEARNED + STRIDE, seed=plan.seed, step=step, device=self.device
        )
        self.fraction = torch.zeros_like(self.task.image, requires_grad=True)
        self._objective(step).backward()  # type: ignore[no-untyped-call]
        self.momentum = torch.zeros_like(self.fraction)

    def _objective(self, step: int) -> Tensor:
        """At the fraction at hand, with the encoder, the place and the transform of `step`."""
        task, encoder, here = self.task, self.encoders[step % len(self.encoders)], self._window(step, 4)
        with torch.no_grad():
            start, end = (encoder(whole[here]).float() for whole in (task.image, task.target))
        seen = transformed(task.moved(self.fraction)[here], np.random.default_rng([self.plan.seed, step, 2]))
        left = (encoder(seen).float() - end).square().sum((1, 2, 3))
        left = left / (start - end).square().sum((1, 2, 3)).clamp_min(1e-3)
        total: Tensor = (left + PENALTY_WEIGHT * task.penalty(self.fraction)).mean()
        return total

    def _window(self, step: int, stream: int) -> tuple[slice, ...]:
        """LEARNED pixels of both axes of [N,3,h,w], from a pixel drawn for `step`."""
        top, left = np.random.default_rng([self.plan.seed, step, stream]).integers(STRIDE + 1, size=2)
        return slice(None), slice(None), slice(top, top + LEARNED), slice(left, left + LEARNED)
