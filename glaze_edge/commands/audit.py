"""`glaze-edge audit`: does it hold?"""

import json
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console

from glaze_edge.api import Session
from glaze_edge.audit import encoders_for
from glaze_edge.audit.messages import lines
from glaze_edge.audit.report import write_report
from glaze_edge.commands.progress import progress_bar
from glaze_edge.files import check_destination, read_picture
from glaze_edge.files.paths import same_file
from glaze_edge.preprocess import shown
from glaze_edge.settings import Settings
from glaze_models.errors import OptionError


@click.command(
    epilog="""\b
Examples:
  glaze-edge audit portrait.png portrait-glazed.png --target portrait-target.png -o audit.html
  glaze-edge audit comic.png comic-glazed.png --encoder sdxl --json
"""
)
@click.argument("original", type=click.Path(path_type=Path))
@click.argument("glazed", type=click.Path(path_type=Path))
@click.option(
    "--target", type=click.Path(path_type=Path), help="The style target, saved by `glaze --save-target`."
)
@click.option(
    "--encoder",
    "encoders",
    multiple=True,
    metavar="NAME",
    help=(
        "Measure on this encoder (see `models`). May be repeated.  [default: those that GLAZED was made against, "
        "that `glaze` would use]"
    ),
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the report to this HTML file.")
@click.option("--overwrite", is_flag=True, help="Replace an earlier report.")
@click.option("--json", "as_json", is_flag=True, help="Print all figures as JSON.")
def audit(
    original: Path,
    glazed: Path,
    target: Path | None,
    encoders: tuple[str, ...],
    output: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Measure how visible the glaze on GLAZED is, and how well it survives edits and attacks.

    Without the style target, only how far the style has drifted is known.
    """
    inputs = [path for path in (original, glazed, target) if path is not None]
    if same_file(original, glazed):
        raise OptionError(
            f"{original} and {glazed} are the same file. Name a picture and its glazed version."
        )
    if output is not None:
        for path in inputs:
            check_destination(path, output, overwrite=overwrite)
    pictures = [read_picture(path) for path in inputs]
    names = tuple(dict.fromkeys(encoders)) or encoders_for(pictures[1].glazed)
    session = Session(Settings(encoders=names))
    with progress_bar(Console(stderr=True)) as tell:
        end = shown(pictures[2]) if target is not None else None
        result = session.audit(pictures[0], pictures[1], end, tell)
    if output is not None:
        write_report(result, original.name, glazed.name, output)
    if as_json:
        said = {"original": original, "glazed": glazed, "target": target, "report": output}
        click.echo(json.dumps(said | asdict(result.findings), default=str))
        return
    click.echo("\n".join(lines(result.findings)))
    if output is not None:
        click.echo(f"Report: {output}")
