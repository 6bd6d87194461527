"""`glaze-edge-export style-pipeline`: a Stable Diffusion pipeline as a style engine."""

from pathlib import Path

import click

from glaze_models.errors import GlazeError
from glaze_runtime.stylise.diffusion.schedules import SCHEDULES


@click.command("style-pipeline")
@click.argument("model")
@click.option(
    "-o",
    "--output",
    "folder",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the engine.",
)
@click.option("--schedule", type=click.Choice(list(SCHEDULES)), help="Default: the model's, or ddim.")
@click.option("--steps", type=int, help="Default: 30, or 4 with turbo and lcm.")
@click.option("--guidance", type=float, help="Of the prompt; 1 is none.")
@click.option("--strength", type=float, help="Over 0, 1 at most.  [default: 0.5, as in the Glaze paper]")
@click.option("--longest-side", type=int, help="Pixels.  [default: what the model was trained at]")
def style_pipeline(
    model: str,
    folder: Path,
    schedule: str | None,
    steps: int | None,
    guidance: float | None,
    strength: float | None,
    longest_side: int | None,
) -> None:
    """Export MODEL, a Stable Diffusion 1 or 2 pipeline, as a style engine for `glaze-edge glaze --style-engine`.

    MODEL is a diffusers folder or the id of one on the Hugging Face hub. Only safetensors are read, never pickles.

    \b
    Examples:
      glaze-edge-export style-pipeline ./my-model -o engines/my-model
      glaze-edge-export style-pipeline ./my-lcm -o engines/fast --schedule lcm --steps 4 --guidance 1
    """
    try:
        # torch and diffusers take seconds to import, which --help need not wait for.
        from glaze_export.diffusion import export_pipeline
    except ModuleNotFoundError as error:
        raise GlazeError(
            f'The package {error.name} is missing. Run: pip install "glaze-edge[diffusion]"'
        ) from error
    given = {"steps": steps, "guidance": guidance, "strength": strength, "longest_side": longest_side}
    choices = {name: value for name, value in given.items() if value is not None}
    recipe = export_pipeline(model, folder, schedule=schedule, **choices).recipe
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    click.echo(
        f"{folder}: {size / 1e6:.0f} MB; {recipe.schedule}, {recipe.steps} steps at strength {recipe.strength}, "
        f"guidance {recipe.guidance}, {recipe.longest_side} pixels"
    )
