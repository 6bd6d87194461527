"""The recipe of an encoder: give the teacher's latents, and its responses to the very changes that are made to fool the student.

    minimise over S    |S(x') − T(x')|² / |T(x')|²  +  mean |(S(y') − S(x')) − (T(y') − T(x'))|² / |T(y') − T(x')|²

y is x glazed against S as it is, step by step, as `glaze_runtime.optimise` does it: by the learned step, within the limits of a
budget, towards a target in a style. In the first round y is the target itself, in the last ones x with noise. x' and y' are x and y
after one damage. A student that is only taught values is fooled where its teacher is not, so changes against it do not carry over
(Papernot et al., "Practical Black-Box Attacks against Machine Learning", 2017, grow their set so too); noise tells it of
changes that move the teacher and not yet the student.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from glaze_export.distil.tasks import Examples, damaged, draw_tasks, examples
from glaze_export.distil.teachers import Teacher
from glaze_export.distil.training import Plan, train
from glaze_export.export import build_module
from glaze_export.learned_step import LearnedStep
from glaze_models import EncoderCard
from glaze_models.learned_step import LEARNED_STEP
from glaze_runtime.binding import load_weights
from glaze_runtime.learned_step import MEMORY
from glaze_runtime.optimise import CAUTION

LEARNED = 160
"""Pixels, of the part of a crop that a step looks at."""
ROUNDS = 8
"""The target itself, the optimiser's steps, then noise; states are saved after multiples of it."""
NOISES = 2
"""So many of them are noise."""
GRAINS = (1, 2, 4, 8)
"""Pixels, of the blocks of noise."""


def distil(
    card: EncoderCard,
    folder: Path,
    teacher: Teacher,
    plan: Plan,
    *,
    each: int = 1,
    device: torch.device,
    output: Path,
    on_crop: Callable[[int, int], None] = lambda done, whole: None,
    on_step: Callable[[int, float], None] = lambda step, loss: None,
) -> None:
    """Train the encoder of `card` further, from its present weights, and write its weights to `output`.

    Args:
        card: gives the architecture and the weights to begin with.
        folder: of pictures.
        teacher: the encoder whose values and responses are learned.
        plan: of the training.
        each: crops of every picture.
        device: to train on.
        output: a `.safetensors` file; see `training.train`.
        on_crop: told of how many crops, of how many, target and budget are there.
        on_step: told the number of steps done, and the last loss.

    Raises:
        OptionError: there are no pictures, or there is a state of another plan.
        UnreadablePicture: a picture cannot be read.
        WeightsError: the present weights are missing or damaged.
    """
    known = examples(folder, each=each, seed=plan.seed, on_crop=on_crop)
    train(
        lambda: build_module(card).requires_grad_(),
        Lessons(known, teacher, plan, device),
        plan,
        device=device,
        output=output,
        on_step=on_step,
    )


class Lessons:
    """What `training.train` makes small: the error on pictures that are glazed against the student, new ones every ROUNDS steps."""

    def __init__(self, known: Examples, teacher: Teacher, plan: Plan, device: torch.device) -> None:
        self.known, self.teacher, self.plan, self.device = known, teacher, plan, device
        self.learned = LearnedStep().requires_grad_(False)
        tensors = load_weights(LEARNED_STEP).tensors
        self.learned.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in tensors.items()})
        self.learned.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def __call__(self, module: nn.Module, step: int) -> Tensor:
        """The loss [] of `module` in training step number `step`."""
        first = step % ROUNDS == 0
        if first:
            self._begin(step)
        noisy = step % ROUNDS >= ROUNDS - NOISES
        task, share = self.task, self._noise(step) if noisy else self.share.requires_grad_()
        if first:
            before, after = task.moved(share), task.target
        else:
            before, after = (damaged(seen, self._rng(step)) for seen in (task.image, task.moved(share)))
        pair = torch.cat([before, after])
        latents, truth = module(pair).float(), self._taught(pair)
        start, reached = latents.chunk(2)
        if first:
            self.end, self.whole = reached.detach(), (start - reached).detach().square().sum((1, 2, 3))
        if not noisy:
            self._glaze(share, start if first else reached)
        return _error(latents, truth)

    def _begin(self, step: int) -> None:
        plan = self.plan
        self.task = draw_tasks(
            self.known, count=plan.batch, part=LEARNED, seed=plan.seed, step=step, device=self.device
        )
        self.share, self.memory = torch.zeros_like(self.task.image), torch.zeros_like(self.task.image)

    def _glaze(self, share: Tensor, reached: Tensor) -> None:
        """The next step of the optimiser, from what the student sees at `share`."""
        task = self.task
        left = (reached - self.end).square().sum((1, 2, 3)) / self.whole.clamp_min(1e-3)
        objective = (left + CAUTION * task.penalty(share)).sum()
        (gradient,) = torch.autograd.grad(objective, share, retain_graph=True)
        slope = gradient * share[0, 0].numel()
        self.memory = MEMORY * self.memory + (1 - MEMORY) * slope
        self.share = self.learned(task.image, task.limit, share.detach(), slope, self.memory).float()

    def _noise(self, step: int) -> Tensor:
        """A share [N,3,h,w] of the limit: blocks of one size, each another colour."""
        rng = np.random.default_rng([self.plan.seed, step, 3])
        grain = int(rng.choice(GRAINS))
        blocks = rng.uniform(-1, 1, (len(self.share), 3, LEARNED // grain, LEARNED // grain))
        return interpolate(torch.from_numpy(blocks.astype(np.float32)), scale_factor=grain).to(self.device)

    def _taught(self, seen: Tensor) -> Tensor:
        pixels = seen.detach().float().permute(0, 2, 3, 1).cpu().numpy()
        return torch.from_numpy(np.concatenate([self.teacher(one) for one in pixels])).to(self.device)

    def _rng(self, step: int) -> np.random.Generator:
        return np.random.default_rng([self.plan.seed, step, 2])


def _error(latents: Tensor, truth: Tensor) -> Tensor:
    """[]: of values and of responses; of each, the first half are before and the second after a change."""
    response, true_response = (after - before for before, after in (latents.chunk(2), truth.chunk(2)))
    value = (latents - truth).square().mean() / truth.square().mean()
    moved_by = true_response.square().sum((1, 2, 3)).clamp_min(1e-6)
    total: Tensor = value + ((response - true_response).square().sum((1, 2, 3)) / moved_by).mean()
    return total
