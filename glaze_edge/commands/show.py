"""`glaze-edge show`: before, after and the difference."""

from pathlib import Path

import click
import numpy as np

from glaze_edge.files import check_destination, read_picture
from glaze_edge.files.atomic import writing
from glaze_edge.sheet import AMPLIFIED, sheet
from glaze_models.errors import OptionError


@click.command(epilog="\b\nExample:\n  glaze-edge show portrait.png portrait-glazed.png -o look.png")
@click.argument("original", type=click.Path(path_type=Path))
@click.argument("glazed", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Where to write the sheet.  [default: GLAZED-sheet.png beside GLAZED]",
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier sheet.")
def show(original: Path, glazed: Path, output: Path | None, overwrite: bool) -> None:
    """Make a sheet of ORIGINAL, GLAZED and their difference, amplified eight times around grey, at 100 %."""
    before, after = read_picture(original).image, read_picture(glazed).image
    if before.shape != after.shape:
        raise OptionError(
            f"{original} and {glazed} differ in size: {before.shape[:2]} and {after.shape[:2]}. Name a pair."
        )
    output = output or glazed.with_name(f"{glazed.stem}-sheet.png")
    check_destination(glazed, output, overwrite=overwrite)
    difference = np.float32(0.5) + AMPLIFIED * (after - before)
    tiles = [(original.name, before), (glazed.name, after), (f"difference x {AMPLIFIED}", difference)]
    with writing(output) as file:
        sheet(tiles, columns=3).save(file, "PNG")
    click.echo(output)
