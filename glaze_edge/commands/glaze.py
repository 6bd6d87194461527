"""`glaze-edge glaze`: pictures in, glazed pictures out."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from glaze_edge.advice import Advice
from glaze_edge.api import Session
from glaze_edge.batch import Done, Failed, Order, glaze_all
from glaze_edge.commands.choices import lines, notes
from glaze_edge.commands.progress import progress_bar
from glaze_edge.files import FORMAT_CHOICES
from glaze_edge.settings import EFFORTS, INTENSITIES, Settings
from glaze_models import DEFAULT_GENERATORS, GENERATORS
from glaze_models.errors import OptionError

ADVICE = {
    "white": "is mostly flat white, which leaves a change little room",
    "flat": "is mostly flat, where any change shows",
    "little": "was moved little",
}
"""What to say of a picture, by the kind of the advice."""


@click.command(
    epilog="""\b
Examples:
  glaze-edge glaze portrait.png
  glaze-edge glaze *.jpg -o glazed/ --intensity low
  glaze-edge glaze comic.png --style stained-glass --effort thorough --json
  glaze-edge glaze comic.png --generator sd1 --generator sdxl
"""
)
@click.argument("pictures", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Where to write: a file, or a folder for several pictures.",
)
@click.option(
    "--intensity",
    type=click.Choice(list(INTENSITIES)),
    default="medium",
    show_default=True,
    help="How much may show.",
)
@click.option("--effort", type=click.Choice(list(EFFORTS)), default="standard", show_default=True)
@click.option(
    "--style",
    default="auto",
    show_default=True,
    help="auto, the name of a built-in style (see `styles`), or a picture.",
)
@click.option(
    "--style-engine",
    metavar="NAME",
    help="Paint the target style with this engine; --style is then auto or a prompt.",
)
@click.option(
    "--generator",
    "generators",
    multiple=True,
    metavar="NAME",
    help=(
        f"Protect against this generator, with the best encoder there is for it: {', '.join(GENERATORS)}. "
        f"May be repeated.  [default: {', '.join(DEFAULT_GENERATORS)}]"
    ),
)
@click.option(
    "--encoder",
    "encoders",
    multiple=True,
    metavar="NAME",
    help="Choose encoders yourself instead (see `models`). May be repeated.",
)
@click.option(
    "--lpips", type=float, metavar="LIMIT", help="Stay below this LPIPS distance; Glaze's paper has 0.05."
)
@click.option(
    "--lpips-backbone",
    type=click.Path(path_type=Path),
    help="The network that measures LPIPS: AlexNet, VGG16 or SqueezeNet as a .safetensors file.",
)
@click.option(
    "--device", default="auto", show_default=True, help="auto, or the name of a device (see `devices`)."
)
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed gives the same result.")
@click.option("--format", type=click.Choice(FORMAT_CHOICES), default="keep", show_default=True)
@click.option(
    "--save-target",
    type=click.Path(path_type=Path),
    help="Also save the style target, as PNG; for one picture only.",
)
@click.option("--audit", is_flag=True, help="Audit each result: write NAME-glazed-audit.html beside it.")
@click.option(
    "--overwrite", is_flag=True, help="Replace earlier results, and glaze pictures that are glazed already."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per picture.")
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
    generators: tuple[str, ...],
    encoders: tuple[str, ...],
    **settings: Any,
) -> None:
    """Glaze PICTURES.

    Originals are never overwritten. Each result is written to NAME-glazed.EXT beside its original, or to OUTPUT.
    """
    if generators and encoders:
        raise OptionError("Use --generator or --encoder, not both: --generator chooses the encoders itself.")
    order = Order(
        pictures=pictures,
        output=output,
        format=format,
        save_target=save_target,
        audit=audit,
        overwrite=overwrite,
    )
    wanted = () if encoders else generators or DEFAULT_GENERATORS
    session = Session(Settings(generators=wanted, encoders=tuple(dict.fromkeys(encoders)), **settings))
    for line in lines(session.choices) if session.choices else notes(each.card for each in session.encoders):
        click.echo(line, err=True)
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
            "generators": [
                {"name": choice.generator.name, "encoders": choice.names, "kind": choice.kind}
                for choice in session.choices
            ],
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
        console.print(f"  {_advice(outcome.figures.advice)}", markup=False)
    if outcome.report is not None:
        console.print(f"  audit {outcome.report}", markup=False)


def _advice(advice: Advice) -> str:
    remedy = f"; try --intensity {advice['stronger']}" if advice["stronger"] else ""
    return f"This picture {ADVICE[advice['kind']]}: the effect is small{remedy}."
