"""`glaze-edge-export distil`: the bundled networks, trained anew."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from rich.console import Console
from rich.progress import Progress

from glaze_models import DECODERS, DEFAULT_ENCODERS, ENCODERS
from glaze_models.errors import OptionError

if TYPE_CHECKING:
    from glaze_export.distil.teachers import Teacher
    from glaze_export.distil.training import Training

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


def recipe(*, steps: int, rate: float, batch: int = 16) -> Callable[[Command], Command]:
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
@recipe(steps=960, rate=1e-3, batch=6)
def encoder(teacher: str, teacher_range: str, card: str, begin: Path | None, **options: Any) -> None:
    """Train a bundled encoder on PICTURES until it responds to changes as its teacher does.

    OUTPUT is written anew every few minutes; if the training is broken off, the same command goes on from OUTPUT.state.

    \b
    Example:
      glaze-edge-export distil encoder art/ --card sd1-b --teacher encoder.onnx -o encoder.safetensors
    """
    # torch takes seconds to import, which --help need not wait for.
    from glaze_export.distil.encoder import distil as train

    (asked,) = _teachers([teacher], teacher_range, ENCODERS[card].scale)
    with _training("Targets", **options) as training:
        train(ENCODERS[card], asked, training, begin=begin)


@distil.command()
@click.option("--teacher", "teachers", multiple=True, required=True, help=f"{TEACHER} May be repeated.")
@click.option(
    "--card",
    type=click.Choice([name for name, card in DECODERS.items() if card.weights]),
    default="sd1-small",
    show_default=True,
)
@teacher_range
@recipe(steps=6000, rate=2e-3)
def decoder(teachers: tuple[str, ...], teacher_range: str, card: str, **options: Any) -> None:
    """Train a decoder to give back PICTURES from their latents.

    OUTPUT is written anew every few minutes; if the training is broken off, the same command goes on from OUTPUT.state.

    \b
    Example:
      glaze-edge-export distil decoder art/ --teacher encoder.onnx --teacher sd1-a --teacher sd1-b -o
      decoder.safetensors
    """
    from glaze_export.distil.decoder import distil as train

    asked = _teachers(teachers, teacher_range)
    with _training("Latents", **options) as training:
        train(DECODERS[card], asked, training)


@distil.command("learned-step")
@begin_with
@recipe(steps=4800, rate=2e-3, batch=4)
def learned_step(begin: Path | None, **options: Any) -> None:
    """Train the network that takes the optimiser's steps, on PICTURES and styles of the bank, with the bundled
    encoders.

    OUTPUT is written anew every few minutes; if the training is broken off, the same command goes on from OUTPUT.state.

    \b
    Example:
      glaze-edge-export distil learned-step art/ -o learned_step.safetensors
    """
    from glaze_export.distil.learned_step import distil as train

    with _training("Targets", **options) as training:
        train([ENCODERS[name] for name in DEFAULT_ENCODERS], training, begin=begin)


@contextmanager
def _training(
    what: str, *, pictures: Path, crops: int, output: Path, device: str, **plan: Any
) -> Iterator["Training"]:
    """What the options ask for, with bars for `what` is prepared of the crops and for the steps; says at the end what
    was written."""
    import torch

    from glaze_export.distil.training import Plan, Training

    if not output.parent.is_dir():
        raise OptionError(f"-o {output}: its folder does not exist. Make it first.")
    with Progress(console=Console(stderr=True)) as progress:
        prepared, stepped = (
            progress.add_task(what, total=None),
            progress.add_task("Steps", total=plan["steps"]),
        )

        def on_crop(done: int, whole: int) -> None:
            progress.update(prepared, completed=done, total=whole)

        def on_step(step: int, loss: float) -> None:
            progress.update(stepped, completed=step, description=f"Steps, loss {loss:.4f}")

        yield Training(
            plan=Plan(**plan),
            pictures=pictures,
            crops=crops,
            device=torch.device(device),
            output=output,
            on_crop=on_crop,
            on_step=on_step,
        )
    click.echo(f"{output}: {output.stat().st_size / 1e6:.1f} MB")


def _teachers(given: Sequence[str], teacher_range: str, scale: float | None = None) -> list["Teacher"]:
    from glaze_export.distil.teachers import teacher

    return [teacher(each, signed=teacher_range == "-1..1", scale=scale) for each in given]
