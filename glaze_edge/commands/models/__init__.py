"""`glaze-edge models`: the encoders, and what each stands for."""

import json
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from glaze_edge.commands.models.add import add
from glaze_edge.commands.models.info import info
from glaze_edge.commands.models.remove import remove
from glaze_edge.commands.models.verify import verify
from glaze_models import DEFAULT_ENCODERS, ENCODERS, EncoderCard
from glaze_runtime.store import added


@click.group(
    invoke_without_command=True,
    epilog="""\b
Examples:
  glaze-edge models
  glaze-edge models add --from sd_xl_base_1.0.safetensors
  glaze-edge models info sdxl""",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def models(context: click.Context, as_json: bool) -> None:
    """List the encoders: bundled, added, or to be added; and which generators each stands for."""
    if context.invoked_subcommand:
        return
    own = added()
    cards = ENCODERS | own
    if as_json:
        click.echo(json.dumps([_row(card, own) for card in cards.values()]))
        return
    table = Table("name", "stands for", "latent", "weights", "licence")
    for card in cards.values():
        latent = f"{card.channels} channels, 1/{card.stride}"
        size = f", {card.weights.bytes / 1e6:.1f} MB" if card.weights else ""
        with_decoder = ", with its decoder" if card.decoder == card.name else ""
        weights = _state(card, own) + size + with_decoder
        table.add_row(card.name, ", ".join(card.stands_for), latent, weights, card.licence)
    Console().print(table)
    for card in cards.values():
        if card.caveat:
            click.echo(f"{card.name}: {card.caveat}")
    click.echo(
        f"By default: {', '.join(DEFAULT_ENCODERS)}, small stand-ins for the generators' own encoders.\n"
        "Add the checkpoint you worry about: glaze-edge models add --from FILE"
    )


def _state(card: EncoderCard, own: dict[str, EncoderCard]) -> str:
    if card.name in own:
        return "added"
    return "bundled" if card.weights else "to be added"


def _row(card: EncoderCard, own: dict[str, EncoderCard]) -> dict[str, Any]:
    return {
        "name": card.name,
        "family": card.family,
        "stands_for": card.stands_for,
        "stride": card.stride,
        "channels": card.channels,
        "scale": card.scale,
        "licence": card.licence,
        "state": _state(card, own),
        "default": card.name in DEFAULT_ENCODERS,
        "bytes": card.weights.bytes if card.weights else None,
        "decoder": card.decoder,
        "caveat": card.caveat,
    }


for command in (add, info, remove, verify):
    models.add_command(command)
