"""`glaze-edge-export distil`: the bundled networks, trained anew."""

from collections.abc import Callable, Sequence
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from rich.console import Console
from rich.progress import Progress

from glaze_models import DECODERS, DEFAULT_ENCODERS, ENCODERS
from glaze_models.errors import OptionError

if TYPE_CHECKING:
    import torch

    from glaze_export.distil.teachers import Teacher
    from glaze_export.distil.training import Plan

Command = TypeVar("Command", bound=Callable[..., Any])


@click.group()
def distil() -> None:
    """Train a bundled network on a folder of pictures."""


teacher_range = click.option(
    "--teacher-range",
    type=click.Choice(["-1..1", "0..1"]),
    default="-1..1",
    show_default=True,
    help="Of the images that an .onnx file takes.",
)

begin_with = click.option(
    "--begin",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Weights to begin with.  [default: an encoder's present ones; a learned step is drawn anew]",
)


def _training(*, steps: int, rate: float, batch: int = 16) -> Callable[[Command], Command]:
    """The arguments that every recipe has; `steps`, `rate` and `batch` are its defaults."""
    options = (
        click.argument("pictures", type=click.Path(exists=True, file_okay=False, path_type=Path)),
        click.option(
            "-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="Weights."
        ),
        click.option("--steps", type=click.IntRange(1), default=steps, show_default=True),
        click.option(
            "--batch", type=click.IntRange(1), default=batch, show_default=True, help="Crops a step."
        ),
        click.option(
            "--crops", type=click.IntRange(1), default=1, show_default=True, help="Of each picture."
        ),
        click.option("--rate", type=float, default=rate, show_default=True, help="Highest learning rate."),
        click.option("--seed", type=int, default=0, show_default=True),
        click.option("--device", default="cpu", show_default=True, help="As torch calls it: cpu, cuda, mps."),
        click.option("--bfloat16", is_flag=True, help="Several times as fast where the device has it."),
    )
    return lambda command: reduce(lambda made, option: option(made), reversed(options), command)


TEACHER = (
    "An encoder of the latent space: an .onnx file (image -> latent mean), or a name of `glaze-edge models`."
)


@distil.command()
@click.option("--teacher", required=True, help=TEACHER)
@click.option(
    "--card",
    type=click.Choice([name for name, card in ENCODERS.items() if card.weights]),
    required=True,
    help="The bundled encoder.",
)
@begin_with
@teacher_range
@_training(steps=960, rate=1e-3, batch=6)
def encoder(
    pictures: Path,
    teacher: str,
    teacher_range: str,
    output: Path,
    card: str,
    begin: Path | None,
    crops: int,
    **options: Any,
) -> None:
    """Train a bundled encoder on PICTURES until it responds to changes as its teacher does.

    OUTPUT is written anew every few minutes; if the training is broken off, the same command goes on from OUTPUT.state.

    \b
    Example:
      glaze-edge-export distil encoder art/ --card sd1-b --teacher encoder.onnx -o encoder.safetensors
    """
    # torch takes seconds to import, which --help need not wait for.
    from glaze_export.distil.encoder import distil as train

    plan, device = _prepared(output, **options)
    (asked,) = _teachers([teacher], teacher_range, ENCODERS[card].scale)
    with _progress() as progress:
        train(
            ENCODERS[card],
            pictures,
            asked,
            plan,
            begin=begin,
            each=crops,
            device=device,
            output=output,
            on_crop=_tell_crops(progress, "Targets"),
            on_step=_tell_steps(progress, plan.steps),
        )
    _say_size(output)


@distil.command()
@click.option("--teacher", "teachers", multiple=True, required=True, help=f"{TEACHER} May be repeated.")
@click.option(
    "--card",
    type=click.Choice([name for name, card in DECODERS.items() if card.weights]),
    default="sd1-small",
    show_default=True,
)
@teacher_range
@_training(steps=6000, rate=2e-3)
def decoder(
    pictures: Path,
    teachers: tuple[str, ...],
    teacher_range: str,
    output: Path,
    card: str,
    crops: int,
    **options: Any,
) -> None:
    """Train a decoder to give back PICTURES from their latents.

    OUTPUT is written anew every few minutes; if the training is broken off, the same command goes on from OUTPUT.state.

    \b
    Example:
      glaze-edge-export distil decoder art/ --teacher encoder.onnx --teacher sd1-a --teacher sd1-b -o decoder.safetensors
    """
    from glaze_export.distil.decoder import distil as train

    plan, device = _prepared(output, **options)
    asked = _teachers(teachers, teacher_range)
    with _progress() as progress:
        train(
            DECODERS[card],
            pictures,
            asked,
            plan,
            each=crops,
            device=device,
            output=output,
            on_crop=_tell_crops(progress, "Latents"),
            on_step=_tell_steps(progress, plan.steps),
        )
    _say_size(output)


@distil.command("learned-step")
@begin_with
@_training(steps=4800, rate=2e-3, batch=4)
def learned_step(pictures: Path, output: Path, begin: Path | None, crops: int, **options: Any) -> None:
    """Train the network that takes the optimiser's steps, on PICTURES and styles of the bank, with the bundled encoders.

    OUTPUT is written anew every few minutes; if the training is broken off, the same command goes on from OUTPUT.state.

    \b
    Example:
      glaze-edge-export distil learned-step art/ -o learned_step.safetensors
    """
    from glaze_export.distil.learned_step import distil as train

    plan, device = _prepared(output, **options)
    with _progress() as progress:
        train(
            [ENCODERS[name] for name in DEFAULT_ENCODERS],
            pictures,
            plan,
            begin=begin,
            each=crops,
            device=device,
            output=output,
            on_crop=_tell_crops(progress, "Targets"),
            on_step=_tell_steps(progress, plan.steps),
        )
    _say_size(output)


def _prepared(output: Path, *, device: str, **plan: Any) -> tuple["Plan", "torch.device"]:
    import torch

    from glaze_export.distil.training import Plan

    if not output.parent.is_dir():
        raise OptionError(f"-o {output}: its folder does not exist. Make it first.")
    return Plan(**plan), torch.device(device)


def _teachers(given: Sequence[str], teacher_range: str, scale: float | None = None) -> list["Teacher"]:
    from glaze_export.distil.teachers import teacher

    return [teacher(each, signed=teacher_range == "-1..1", scale=scale) for each in given]


def _progress() -> Progress:
    return Progress(console=Console(stderr=True))


def _tell_crops(progress: Progress, what: str) -> Callable[[int, int], None]:
    task = progress.add_task(what, total=None)
    return lambda done, whole: progress.update(task, completed=done, total=whole)


def _tell_steps(progress: Progress, steps: int) -> Callable[[int, float], None]:
    task = progress.add_task("Steps", total=steps)
    return lambda step, loss: progress.update(task, completed=step, description=f"Steps, loss {loss:.4f}")


def _say_size(output: Path) -> None:
    click.echo(f"{output}: {output.stat().st_size / 1e6:.1f} MB")
