"""`glaze-edge-export distil`: the bundled networks, trained anew."""

from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from glaze_models import DECODERS


@click.group()
def distil() -> None:
    """Train a bundled network on a folder of pictures."""


@distil.command()
@click.argument("pictures", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--teacher",
    "teachers",
    multiple=True,
    required=True,
    help="An encoder of the latent space: an .onnx file (image -> latent mean), or a name of `glaze-edge models`. May be repeated.",
)
@click.option(
    "--teacher-range",
    type=click.Choice(["-1..1", "0..1"]),
    default="-1..1",
    show_default=True,
    help="Of the images that an .onnx file takes.",
)
@click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="Weights."
)
@click.option("--card", type=click.Choice(list(DECODERS)), default="sd1-small", show_default=True)
@click.option("--steps", type=click.IntRange(1), default=1500, show_default=True)
@click.option("--batch", type=click.IntRange(1), default=8, show_default=True, help="Crops a step.")
@click.option("--crops", type=click.IntRange(1), default=1, show_default=True, help="Of each picture.")
@click.option("--rate", type=float, default=2e-3, show_default=True, help="Highest learning rate.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--device", default="cpu", show_default=True, help="As torch calls it: cpu, cuda, mps.")
@click.option("--bfloat16", is_flag=True, help="Several times as fast where the device has it.")
def decoder(
    pictures: Path,
    teachers: tuple[str, ...],
    teacher_range: str,
    output: Path,
    card: str,
    steps: int,
    batch: int,
    crops: int,
    rate: float,
    seed: int,
    device: str,
    bfloat16: bool,
) -> None:
    """Train a decoder to give back PICTURES from their latents.

    OUTPUT is written anew every few minutes; if the training is broken off, the same command goes on from OUTPUT.state.

    \b
    Example:
      glaze-edge-export distil decoder art/ --teacher encoder.onnx --teacher sd1-a --teacher sd1-b -o decoder.safetensors
    """
    # torch takes seconds to import, which --help need not wait for.
    import torch

    from glaze_export.distil.decoder import distil as train
    from glaze_export.distil.teachers import teacher
    from glaze_export.distil.training import Plan

    plan = Plan(steps=steps, batch=batch, rate=rate, seed=seed, bfloat16=bfloat16)
    with Progress(console=Console(stderr=True)) as progress:
        latents, training = progress.add_task("Latents", total=None), progress.add_task("Steps", total=steps)
        train(
            DECODERS[card],
            pictures,
            [teacher(given, signed=teacher_range == "-1..1") for given in teachers],
            plan,
            each=crops,
            device=torch.device(device),
            output=output,
            on_crop=lambda done, whole: progress.update(latents, completed=done, total=whole),
            on_step=lambda step, loss: progress.update(
                training, completed=step, description=f"Steps, loss {loss:.4f}"
            ),
        )
    click.echo(f"{output}: {output.stat().st_size / 1e6:.1f} MB")
