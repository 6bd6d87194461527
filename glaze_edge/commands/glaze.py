"""`glaze-edge glaze`: pictures in, glazed pictures out."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from glaze_edge.api import Session
from glaze_edge.batch import Done, Failed, Order, glaze_all
from glaze_edge.commands.progress import progress_bar
from glaze_edge.files import FORMAT_CHOICES
from glaze_edge.settings import EFFORTS, INTENSITIES, Settings
from glaze_models import DEFAULT_ENCODERS


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
    "--style-engine", metavar="NAME", help="Paint by this style engine; --style is then auto or a prompt."
)
@click.option(
    "--encoder",
    "encoders",
    multiple=True,
    metavar="NAME",
    help=f"A name of `models`, once or several times.  [default: {', '.join(DEFAULT_ENCODERS)}]",
)
@click.option("--lpips", type=float, metavar="LIMIT", help="Stay below this LPIPS; 0.05 in Glaze's paper.")
@click.option(
    "--lpips-backbone", type=click.Path(path_type=Path), help="AlexNet, VGG16 or SqueezeNet as .safetensors."
)
@click.option("--device", default="auto", show_default=True, help="auto, or a name of `devices`.")
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed gives the same picture.")
@click.option("--format", type=click.Choice(FORMAT_CHOICES), default="keep", show_default=True)
@click.option(
    "--save-target", type=click.Path(path_type=Path), help="Write the style target there, for one picture."
)
@click.option("--audit", is_flag=True, help="Check each result: write NAME-glazed-audit.html beside it.")
@click.option("--overwrite", is_flag=True, help="Replace results, and glaze glazed pictures again.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a picture.")
@click.pass_context
def glaze(
    context: click.Context,
    /,
    as_json: bool,
    pictures: tuple[Path, ...],
    output: Path | None,
    format: str,  # noqa: A002
    save_target: Path | None,
    audit: bool,
    overwrite: bool,
    encoders: tuple[str, ...],
    **settings: Any,
) -> None:
    """Glaze PICTURES. An original is never overwritten: the result is NAME-glazed.EXT beside it, or OUTPUT."""
    order = Order(
        pictures=pictures,
        output=output,
        format=format,
        save_target=save_target,
        audit=audit,
        overwrite=overwrite,
    )
    session = Session(Settings(encoders=encoders or DEFAULT_ENCODERS, **settings))
    for encoder in session.encoders:
        if encoder.card.caveat:
            click.echo(f"Note on {encoder.card.name}: {encoder.card.caveat}", err=True)
    console = Console(stderr=as_json, soft_wrap=True, highlight=False)
    say = _say_json if as_json else _say
    failed = False
    with progress_bar(console) as tell:
        for outcome in glaze_all(session, order, lambda source, share: tell(share, source.name)):
            say(outcome, session, console)
            failed |= isinstance(outcome, Failed)
    if failed:
        context.exit(1)


def _say_json(outcome: Done | Failed, session: Session, console: Console) -> None:
    if isinstance(outcome, Failed):
        said: dict[str, Any] = {"input": str(outcome.source), "error": str(outcome.error)}
    else:
        said = {
            "input": str(outcome.source),
            "output": str(outcome.destination),
            "report": outcome.report,
            "settings": asdict(session.settings),
            "style": outcome.style,
            "device": session.device.name,
            "seconds": round(outcome.seconds, 2),
            **asdict(outcome.figures),
        }
    click.echo(json.dumps(said, default=str))


def _say(outcome: Done | Failed, session: Session, console: Console) -> None:
    if isinstance(outcome, Failed):
        click.echo(f"Error: {outcome.error}", err=True)
        return
    attainment = ", ".join(
        f"{e['encoder']} {e['attainment']:.2f} (control {e['control']:.2f})" for e in outcome.figures.encoders
    )
    seen = outcome.figures.visibility
    for line in (
        f"{outcome.destination}  style {outcome.style}, {outcome.seconds:.0f} s on {session.device.name}",
        f"  attainment {attainment}; "
        f"largest change {seen['largest_change']:.0f}/255, mean {seen['mean_change']:.1f}/255",
    ):
        console.print(line, markup=False)
    if outcome.figures.advice:
        console.print(f"  {outcome.figures.advice}", markup=False)
    if outcome.report is not None:
        console.print(f"  audit {outcome.report}", markup=False)
