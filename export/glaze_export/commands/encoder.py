"""`glaze-edge-export encoder`: the graphs of encoders, and how well they agree with torch."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from glaze_models import ENCODERS, EncoderCard, encoder_card


@click.command()
@click.argument("names", metavar="NAME...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Export every encoder.")
@click.option(
    "--check", is_flag=True, help="Write nothing; exit with 1 if a file is not what would be written."
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the graphs.  [default: that of glaze_models]",
)
@click.pass_context
def encoder(
    ctx: click.Context,
    names: tuple[str, ...],
    everything: bool,
    check: bool,
    as_json: bool,
    output: Path | None,
) -> None:
    """Export the graphs of encoders, without weights, and report how they agree with torch.

    \b
    Examples:
      glaze-edge-export encoder sd1-a
      glaze-edge-export encoder sd1-a sd1-b -o /tmp/graphs --json
      glaze-edge-export encoder --all --check
    """
    if bool(names) == everything:
        raise click.UsageError("Give the names of encoders, or --all. Known: " + ", ".join(ENCODERS) + ".")
    cards = [encoder_card(name) for name in (ENCODERS if everything else names)]
    work = _check if check else _export
    reports = [work(card, output or card.step_graph.parent) for card in cards]
    if as_json:
        click.echo(json.dumps(reports, indent=2))
    else:
        Console().print(_verdicts(reports) if check else _parities(reports))
    if check and any(state != "same" for report in reports for state in report["graphs"].values()):
        ctx.exit(1)


def _export(card: EncoderCard, folder: Path) -> dict[str, Any]:
    # torch takes seconds to import, which --help need not wait for.
    from glaze_export.export import build_module, export_encoder
    from glaze_export.parity import parity

    folder.mkdir(parents=True, exist_ok=True)
    graphs = export_encoder(card)
    for name, data in graphs.items():
        (folder / name).write_bytes(data)
    found = parity(card, build_module(card), folder / card.step_graph.name)
    return {
        "encoder": card.name,
        "graphs": {str(folder / name): len(data) for name, data in graphs.items()},
        "parity": [asdict(one) for one in found],
    }


def _check(card: EncoderCard, folder: Path) -> dict[str, Any]:
    from glaze_export.export import export_encoder

    return {
        "encoder": card.name,
        "graphs": {
            str(folder / name): _state(folder / name, data) for name, data in export_encoder(card).items()
        },
    }


def _state(file: Path, data: bytes) -> str:
    if not file.exists():
        return "missing"
    return "same" if file.read_bytes() == data else "different"


def _parities(reports: list[dict[str, Any]]) -> Table:
    table = Table(
        "Encoder", "Size", "Loss error", "Gradient error", "Median", "Same signs", title="Parity with torch"
    )
    for report in reports:
        for one in report["parity"]:
            table.add_row(
                report["encoder"],
                f"{one['height']}x{one['width']}",
                f"{one['loss_error']:.1e}",
                f"{one['gradient_error']:.1e}",
                f"{one['median_error']:.1e}",
                f"{one['sign_agreement']:.5f}",
            )
    return table


def _verdicts(reports: list[dict[str, Any]]) -> Table:
    table = Table("Encoder", "Graph", "State")
    for report in reports:
        for file, state in report["graphs"].items():
            table.add_row(report["encoder"], Path(file).name, state)
    return table
