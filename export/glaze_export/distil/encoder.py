"""The recipe of an encoder: give the teacher's latents, and its responses to the very changes that are made to fool the
student.

    minimise over S    |S − T|² / |T|²  +  |ΔS(y, x) − ΔT(y, x)|² / |ΔT(y, x)|²  +  NOISE_WEIGHT · the same of (z, y)

ΔT(y, x) = T(y) − T(x). y is x glazed against S as it is, step by step, as `glaze_runtime.optimiser` does it: by the
learned step, within the limits of a budget, towards a target in a style; in the first round it is the target itself. z
is y with noise within those limits. In every second round all three are seen after one transform.

A student that is only taught values is fooled where its teacher is not, so changes against it do not carry over
(Papernot et al., "Practical Black-Box Attacks against Machine Learning", 2017, grow their set so too). Noise tells it
of changes that move the teacher and not yet the student.

Responses, not gradients: the gradients of published tiny encoders turn within 1/255 of noise, so that a gradient at one
point says little of what a change does (docs/decisions/0051-responses-not-gradients.md).
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from glaze_export.distil.tasks import Examples, draw_tasks, examples_of, transformed
from glaze_export.distil.teachers import Teacher
from glaze_export.distil.training import Plan, Training, train
from glaze_export.encoders.surrogate import begun_as
from glaze_export.export import build_module
from glaze_export.learned_step import LearnedStep
from glaze_models import EncoderCard
from glaze_models.learned_step import LEARNED_STEP
from glaze_runtime.optimiser.learned_step import MOMENTUM
from glaze_runtime.optimiser.optimise import PENALTY_WEIGHT
from glaze_runtime.weights.binding import load_weights

LEARNED = 128
"""Pixels, of the part of a crop that a step looks at."""
ROUNDS = 8
"""The target itself, then the optimiser's steps; states are saved after multiples of it."""
GRAINS = (1, 2, 4, 8)
"""Pixels, of the blocks of noise."""
NOISES = (0.2, 1.0)
"""Shares of the limit, between which the strength of the noise is drawn."""
NOISE_WEIGHT = 0.5
"""Of the responses to noise, which is less like a cloak."""


def distil(card: EncoderCard, teacher: Teacher, training: Training, *, begin: Path | None = None) -> None:
    """Train the encoder of `card` on its teacher's values and responses.

    Args:
        card: gives the family, the number of channels and the weights to begin with.
        teacher: the encoder whose values and responses are learned.
        training: see there.
        begin: a `.safetensors` file of the family to begin with instead; a head of another number of channels is drawn
            anew.

    Raises:
        OptionError: there are no pictures, or there is a state of another plan.
        UnreadablePicture: a picture cannot be read.
        WeightsError: the present weights are missing or damaged.
    """
    train(
        lambda: (begun_as(begin, card.channels) if begin else build_module(card)).requires_grad_(),
        Lessons(examples_of(training), teacher, training.plan, training.device),
        training,
    )


class Lessons:
    """What `training.train` makes small: the error on pictures that are glazed against the student, new ones every
    ROUNDS steps."""

    def __init__(self, known: Examples, teacher: Teacher, plan: Plan, device: torch.device) -> None:
        self.known, self.teacher, self.plan, self.device = known, teacher, plan, device
        self.learned = LearnedStep().requires_grad_(False)
        tensors = load_weights(LEARNED_STEP).tensors
        self.learned.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in tensors.items()})
        self.learned.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def __call__(self, module: nn.Module, step: int) -> Tensor:
        """The loss [] of `module` in training step number `step`."""
        if step % ROUNDS == 0:
            return self._first(module, step)
        task, fraction = self.task, self.fraction.requires_grad_()
        noisy = (self.fraction.detach() + self._noise(step)).clamp(-1, 1)
        seen = [task.image, task.moved(fraction), task.moved(noisy)]
        if step % 2 == 0:
            seen = [transformed(one, np.random.default_rng([self.plan.seed, step, 2])) for one in seen]
        latents = module(torch.cat(seen)).float()
        before = self.before if step % 2 else self._taught(seen[0])
        truth = torch.cat([before, self._taught(torch.cat(seen[1:]))])
        _, reached, _ = latents.chunk(3)
        self._glaze(fraction, reached)
        return _error(latents, truth, compared=1)

    def _first(self, module: nn.Module, step: int) -> Tensor:
        """The loss of a new task, whose first change is the target itself; the pictures are seen as they are."""
        plan = self.plan
        self.task = task = draw_tasks(
            self.known, count=plan.batch, part=LEARNED, seed=plan.seed, step=step, device=self.device
        )
        self.fraction = fraction = torch.zeros_like(task.image, requires_grad=True)
        self.momentum = torch.zeros_like(task.image)
        seen = torch.cat([task.image, task.target, task.moved(self._noise(step))])
        latents, truth = module(seen).float(), self._taught(seen)
        self.before = truth[: plan.batch]
        start, self.end = (part.detach() for part in latents.chunk(3)[:2])
        self.whole = (start - self.end).square().sum((1, 2, 3))
        self._glaze(fraction, module(task.moved(fraction)).float())
        return _error(latents, truth, compared=0)

    def _glaze(self, fraction: Tensor, reached: Tensor) -> None:
        """The next step of the optimiser, from what the student sees at `fraction`."""
        task = self.task
        left = (reached - self.end).square().sum((1, 2, 3)) / self.whole.clamp_min(1e-3)
        objective = (left + PENALTY_WEIGHT * task.penalty(fraction)).sum()
        (gradient,) = torch.autograd.grad(objective, fraction, retain_graph=True)
        gradient = gradient * fraction[0, 0].numel()
        self.momentum = MOMENTUM * self.momentum + (1 - MOMENTUM) * gradient
        self.fraction = self.learned(
            task.image, task.limit, fraction.detach(), gradient, self.momentum
        ).float()

    def _noise(self, step: int) -> Tensor:
        """A fraction [N,3,h,w] of the limit: blocks of one size, each another colour, at a strength for each
        picture."""
        rng = np.random.default_rng([self.plan.seed, step, 3])
        grain, count = int(rng.choice(GRAINS)), self.plan.batch
        blocks = rng.uniform(-1, 1, (count, 3, LEARNED // grain, LEARNED // grain))
        blocks *= rng.uniform(*NOISES, (count, 1, 1, 1))
        return interpolate(torch.from_numpy(blocks.astype(np.float32)), scale_factor=grain).to(self.device)

    def _taught(self, seen: Tensor) -> Tensor:
        pixels = seen.detach().float().permute(0, 2, 3, 1).cpu().numpy()
        return torch.from_numpy(np.concatenate([self.teacher(one) for one in pixels])).to(self.device)


def _error(latents: Tensor, truth: Tensor, *, compared: int) -> Tensor:
    """[]: of values and responses of pictures before a change, after it, and after noise, a third each.

    The noise is a change to the third numbered `compared`.
    """
    value = (latents - truth).square().mean() / truth.square().mean()
    seen, true = latents.chunk(3), truth.chunk(3)
    responses = _apart(seen[1] - seen[0], true[1] - true[0])
    to_noise = _apart(seen[2] - seen[compared], true[2] - true[compared])
    return value + responses + NOISE_WEIGHT * to_noise


def _apart(response: Tensor, true: Tensor) -> Tensor:
    """[]: the mean over pictures of |response − true|² / |true|²."""
    whole = true.square().sum((1, 2, 3)).clamp_min(1e-6)
    return ((response - true).square().sum((1, 2, 3)) / whole).mean()
