"""The training loop that recipes share: AdamW, a cosine schedule, an average of the weights, a state to go on from."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from glaze_models.errors import OptionError

WARM_UP = 100
"""Steps in which the learning rate grows to its full size."""
AVERAGE = 0.998
"""Share of the average that a step leaves as it is."""
SAVE_EVERY = 240
"""Steps."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long and how fast; a state can only be gone on from with the plan that it was begun with.

    Attributes:
        steps: in all.
        batch: examples a step.
        rate: the highest learning rate; a cosine brings it to zero.
        seed: of the initialisation, the crops and their order.
        bfloat16: whether layers compute in bfloat16.
    """

    steps: int
    batch: int
    rate: float
    seed: int
    bfloat16: bool


@dataclass(frozen=True, kw_only=True)
class Training:
    """A training as it is asked for.

    Attributes:
        plan: how long and how fast.
        pictures: the folder of pictures to learn from.
        crops: of every picture.
        device: to train on.
        output: a `.safetensors` file for the average of the weights, in float16, written anew every `SAVE_EVERY` steps
            and at the end. Beside it stands `OUTPUT.state`, from which an interrupted training goes on: with the same
                plan on the same
            device the weights are the same as without an interruption. It is removed at the end.
        on_crop: told how many crops, of how many, are prepared.
        on_step: told the number of steps done, and the last loss.
    """

    plan: Plan
    pictures: Path
    crops: int = 1
    device: torch.device
    output: Path
    on_crop: Callable[[int, int], None] = lambda done, whole: None
    on_step: Callable[[int, float], None] = lambda step, loss: None


def train(
    build: Callable[[], nn.Module], loss: Callable[[nn.Module, int], Tensor], training: Training
) -> None:
    """Train a module, and write its weights to the output of `training`.

    Args:
        build: gives the module, its initialisation by torch's seed.
        loss: (module, number of the step) -> what is to be made small; all that it draws depends on the step's number.
        training: see there.

    Raises:
        OptionError: there is a state of another plan.
    """
    plan, device, output = training.plan, training.device, training.output
    torch.manual_seed(plan.seed)
    module = build().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(module.parameters(), weight_decay=1e-4)
    average = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    file = output.with_name(output.name + ".state")
    first = _load(file, plan, module, optimiser, average, device)
    for step in range(first, plan.steps):
        for group in optimiser.param_groups:
            group["lr"] = _rate(plan, step)
        with torch.autocast(device.type, torch.bfloat16, enabled=plan.bfloat16):
            value = loss(module, step)
        optimiser.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimiser.step()
        keep = min(AVERAGE, (1 + step) / (10 + step))
        for name, tensor in module.state_dict().items():
            average[name].lerp_(tensor, 1 - keep)
        training.on_step(step + 1, value.item())
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == plan.steps:
            _replace(output, lambda part: save_file(_halves(average), part))
            state = {
                "plan": asdict(plan),
                "step": step + 1,
                "module": module.state_dict(),
                "average": average,
            }
            state["optimiser"] = optimiser.state_dict()
            _replace(file, lambda part, state=state: torch.save(state, part))  # type: ignore[misc]
    file.unlink(missing_ok=True)


def _rate(plan: Plan, step: int) -> float:
    return plan.rate * min(1, (step + 1) / WARM_UP) * (1 + math.cos(math.pi * step / plan.steps)) / 2


def _load(
    file: Path,
    plan: Plan,
    module: nn.Module,
    optimiser: torch.optim.Optimizer,
    average: dict[str, Tensor],
    device: torch.device,
) -> int:
    """Take up the state in `file`, if there is one; the number of steps that were done."""
    if not file.exists():
        return 0
    state: dict[str, Any] = torch.load(file, map_location=device, weights_only=True)
    if state["plan"] != asdict(plan):
        raise OptionError(f"{file} was begun with {state['plan']}. Give the same options, or remove it.")
    module.load_state_dict(state["module"])
    optimiser.load_state_dict(state["optimiser"])
    average.update(state["average"])
    return int(state["step"])


def _halves(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.half().contiguous().cpu() for name, tensor in tensors.items()}


def _replace(file: Path, write: Callable[[Path], None]) -> None:
    part = file.with_name(file.name + ".part")
    write(part)
    part.replace(file)
