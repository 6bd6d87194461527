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
@click.option("-o", "--output", type=click.Path(path_type=Path), help="A file, or a folder for many.")
@click.option("--intensity", type=click.Choice(list(INTENSITIES)), default="medium", show_default=True)
@click.option("--effort", type=click.Choice(list(EFFORTS)), default="standard", show_default=True)
@click.option("--style", default="auto", show_default=True, help="auto, a name of `styles`, or a picture.")
@click.option(
    "--style-engine", metavar="NAME", help="Paint by this style engine; --style is then auto or a prompt."
)
@click.option(
    "--generator",
    "generators",
    multiple=True,
    metavar="NAME",
    help=f"Protect against this generator, with the best encoder there is for it: {', '.join(GENERATORS)}. Once or several times.  "
    f"[default: {', '.join(DEFAULT_GENERATORS)}]",
)
@click.option(
    "--encoder",
    "encoders",
    multiple=True,
    metavar="NAME",
    help="Pick encoders yourself instead: a name of `models`, once or several times.",
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
    generators: tuple[str, ...],
    encoders: tuple[str, ...],
    **settings: Any,
) -> None:
    """Glaze PICTURES. An original is never overwritten: the result is NAME-glazed.EXT beside it, or OUTPUT."""
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
