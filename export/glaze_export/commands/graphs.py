"""What the commands that export graphs share: write or check them, and report how they agree with torch."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from glaze_models import DecoderCard, EncoderCard
from glaze_models.errors import OptionError

Card = EncoderCard | DecoderCard
Command = Callable[..., Any]


def graph_options(command: Command) -> Command:
    """NAME..., --all, --check, --json and -o."""
    for option in (
        click.option(
            "-o",
            "--output",
            type=click.Path(file_okay=False, path_type=Path),
            help="Folder for the graphs.  [default: that of glaze_models]",
        ),
        click.option("--json", "as_json", is_flag=True, help="Print the report as JSON."),
        click.option(
            "--check",
            is_flag=True,
            help="Write nothing; exit with 1 if a file is not what would be written.",
        ),
        click.option("--all", "everything", is_flag=True, help="Export all of them."),
        click.argument("names", metavar="NAME...", nargs=-1),
        click.pass_context,
    ):
        command = option(command)
    return command


def work(
    ctx: click.Context,
    kind: str,
    known: Mapping[str, Card],
    names: tuple[str, ...],
    everything: bool,
    check: bool,
    as_json: bool,
    output: Path | None,
) -> None:
    """Export or check the graphs of the `known` cards with these names, "encoder" or "decoder" by `kind`, and report.

    Raises:
        OptionError: there is no such card.
    """
    if bool(names) == everything:
        raise click.UsageError(f"Give the names of {kind}s, or --all. Known: {', '.join(known)}.")
    for name in names:
        if name not in known:
            raise OptionError(f"There is no {kind} called {name!r}. Known: {', '.join(known)}.")
    do = _check if check else _export
    cards = [known[name] for name in (known if everything else names)]
    reports = [do(kind, card, output or card.step_graph.parent) for card in cards]
    if as_json:
        click.echo(json.dumps(reports, indent=2))
    else:
        Console().print(_verdicts(kind, reports) if check else _parities(kind, reports))
    if check and any(state != "same" for report in reports for state in report["graphs"].values()):
        ctx.exit(1)


def _exported(card: Card) -> dict[str, bytes]:
    # torch takes seconds to import, which --help need not wait for.
    from glaze_export.export import export_decoder, export_encoder

    return export_decoder(card) if isinstance(card, DecoderCard) else export_encoder(card)


def _export(kind: str, card: Card, folder: Path) -> dict[str, Any]:
    from glaze_export.export import build_module
    from glaze_export.parity import parity

    folder.mkdir(parents=True, exist_ok=True)
    graphs = _exported(card)
    for name, data in graphs.items():
        (folder / name).write_bytes(data)
    found = parity(card, build_module(card), folder / card.step_graph.name)
    return {
        kind: card.name,
        "graphs": {str(folder / name): len(data) for name, data in graphs.items()},
        "parity": [asdict(one) for one in found],
    }


def _check(kind: str, card: Card, folder: Path) -> dict[str, Any]:
    return {
        kind: card.name,
        "graphs": {
            str(folder / name): state_of(folder / name, data) for name, data in _exported(card).items()
        },
    }


def state_of(file: Path, data: bytes) -> str:
    if not file.exists():
        return "missing"
    return "same" if file.read_bytes() == data else "different"


def _parities(kind: str, reports: list[dict[str, Any]]) -> Table:
    table = Table(
        kind.capitalize(),
        "Size",
        "Loss error",
        "Gradient error",
        "Median",
        "Same signs",
        title="Parity with torch",
    )
    for report in reports:
        for one in report["parity"]:
            table.add_row(
                report[kind],
                f"{one['height']}x{one['width']}",
                f"{one['loss_error']:.1e}",
                f"{one['gradient_error']:.1e}",
                f"{one['median_error']:.1e}",
                f"{one['sign_agreement']:.5f}",
            )
    return table


def _verdicts(kind: str, reports: list[dict[str, Any]]) -> Table:
    table = Table(kind.capitalize(), "Graph", "State")
    for report in reports:
        for file, state in report["graphs"].items():
            table.add_row(report[kind], Path(file).name, state)
    return table
