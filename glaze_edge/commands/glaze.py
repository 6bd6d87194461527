"""`glaze-edge glaze`: pictures in, glazed pictures out."""

import json
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from time import monotonic
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from glaze_edge import __version__
from glaze_edge.api import Figures, Glazed, Session
from glaze_edge.files import (
    FORMAT_CHOICES,
    Mark,
    Picture,
    check_destination,
    output_path,
    output_paths,
    read_picture,
    write_picture,
)
from glaze_edge.files.atomic import replacing
from glaze_edge.settings import EFFORTS, INTENSITIES, Settings
from glaze_models import DEFAULT_ENCODERS
from glaze_models.errors import AlreadyGlazed, OptionError, PictureError
from glaze_runtime.arrays import to_pillow
from glaze_runtime.views import resize


@click.command(
    epilog="""\b
Examples:
  glaze-edge glaze portrait.png
  glaze-edge glaze *.jpg -o glazed/ --intensity low
  glaze-edge glaze comic.png --style stained-glass --effort thorough --json
"""
)
@click.argument("pictures", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="A file, or a folder for many.")
@click.option("--intensity", type=click.Choice(list(INTENSITIES)), default="medium", show_default=True)
@click.option("--effort", type=click.Choice(list(EFFORTS)), default="standard", show_default=True)
@click.option("--style", default="auto", show_default=True, help="auto, a name of `styles`, or a picture.")
@click.option(
    "--encoder",
    "encoders",
    multiple=True,
    metavar="NAME",
    help=f"A name of `models`, once or several times.  [default: {', '.join(DEFAULT_ENCODERS)}]",
)
@click.option("--device", default="auto", show_default=True, help="auto, or a name of `devices`.")
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed gives the same picture.")
@click.option("--format", "file_format", type=click.Choice(FORMAT_CHOICES), default="keep", show_default=True)
@click.option(
    "--save-target", type=click.Path(path_type=Path), help="Write the style target there, for one picture."
)
@click.option("--overwrite", is_flag=True, help="Replace results, and glaze glazed pictures again.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a picture.")
@click.pass_context
def glaze(
    context: click.Context,
    pictures: tuple[Path, ...],
    output: Path | None,
    intensity: str,
    effort: str,
    style: str,
    encoders: tuple[str, ...],
    device: str,
    seed: int,
    file_format: str,
    save_target: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Glaze PICTURES. An original is never overwritten: the result is NAME-glazed.EXT beside it, or OUTPUT."""
    if save_target and len(pictures) > 1:
        raise OptionError("--save-target takes one picture. Glaze them one by one to keep their targets.")
    if save_target:
        check_destination(pictures[0], save_target, overwrite=overwrite)
    settings = Settings(
        intensity=intensity,
        effort=effort,
        style=style,
        encoders=encoders or DEFAULT_ENCODERS,
        device=device,
        seed=seed,
    )
    session = Session(settings)
    for encoder in session.encoders:
        if encoder.card.caveat:
            click.echo(f"Note on {encoder.card.name}: {encoder.card.caveat}", err=True)
    if len(pictures) > 1:
        if output:
            output.mkdir(parents=True, exist_ok=True)
        destinations = output_paths(pictures, output, file_format)
    else:
        destinations = [output_path(pictures[0], output, file_format)]
    report = _Report(as_json)
    ready = [
        (source, destination)
        for source, destination in zip(pictures, destinations, strict=True)
        if report.survives(source, lambda s=source, d=destination: _preflight(s, d, overwrite))
    ]
    if style == "auto" and len(ready) > 1:
        session.choose_style([_small(read_picture(source)) for source, _ in ready])
    with report.progress as progress:
        task = progress.add_task("", total=len(ready) * session.steps)
        for source, destination in ready:
            progress.update(task, description=source.name)

            def work(source: Path = source, destination: Path = destination) -> None:
                _one(session, source, destination, file_format, save_target, overwrite, report, task)

            report.survives(source, work)
    if report.failed:
        context.exit(1)


def _preflight(source: Path, destination: Path, overwrite: bool) -> None:
    check_destination(source, destination, overwrite=overwrite)
    if read_picture(source).glazed and not overwrite:
        raise AlreadyGlazed(
            f"{source} is glazed already. Glaze the original, or use --overwrite to glaze it again."
        )


def _small(picture: Picture) -> Picture:
    """Enough of a picture for its style embedding, so that a thousand of them fit in memory."""
    step = max(1, min(picture.image.shape[:2]) // 512)
    visible = None if picture.visible is None else picture.visible[::step, ::step].copy()
    return replace(
        picture, image=picture.image[::step, ::step].copy(), visible=visible, samples=picture.samples[:1]
    )


def _one(
    session: Session,
    source: Path,
    destination: Path,
    file_format: str,
    save_target: Path | None,
    overwrite: bool,
    report: "_Report",
    task: TaskID,
) -> None:
    started = monotonic()
    picture = read_picture(source)
    result = session.glaze(picture, lambda step: report.progress.advance(task))
    mark = Mark(
        version=__version__,
        intensity=session.settings.intensity,
        effort=session.settings.effort,
        style=result.style,
        encoders=session.settings.encoders,
        date=date.today(),
    )
    write_picture(picture, result.image, destination, mark=mark, format=file_format, overwrite=overwrite)
    if save_target:
        with replacing(save_target) as file:
            to_pillow(resize(result.target, picture.image.shape[:2])).save(file, "PNG")
    figures = session.measure(result, read_picture(destination))
    report.done(source, destination, session, result, figures, monotonic() - started)


class _Report:
    """What is said of each picture, to a person or to a program."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self.failed = False
        self.console = Console(stderr=as_json, soft_wrap=True, highlight=False)
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:3.0f} %"),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=self.console,
            speed_estimate_period=600,
            transient=True,
        )

    def survives(self, source: Path, work: Any) -> bool:
        """Do `work`; what is wrong with this picture is said, and the others go on."""
        try:
            work()
        except PictureError as error:
            self.failed = True
            if self.as_json:
                click.echo(json.dumps({"input": str(source), "error": str(error)}))
            else:
                click.echo(f"Error: {error}", err=True)
            return False
        return True

    def done(
        self,
        source: Path,
        destination: Path,
        session: Session,
        result: Glazed,
        figures: Figures,
        seconds: float,
    ) -> None:
        if self.as_json:
            said = {
                "input": str(source),
                "output": str(destination),
                "settings": asdict(session.settings),
                "style": result.style,
                "device": session.device.name,
                "seconds": round(seconds, 2),
                **asdict(figures),
            }
            click.echo(json.dumps(said))
            return
        seen = ", ".join(
            f"{e['encoder']} {e['attainment']:.2f} (control {e['control']:.2f})" for e in figures.encoders
        )
        self.console.print(
            f"{destination}  style {result.style}, {seconds:.0f} s on {session.device.name}", markup=False
        )
        self.console.print(
            f"  attainment {seen}; largest change {figures.visibility['largest_change']:.0f}/255, "
            f"mean {figures.visibility['mean_change']:.1f}/255",
            markup=False,
        )
