"""`glaze-edge models`: the generators, the encoders, and which stand for which."""

import json
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from glaze_edge.commands.choices import STAND_INS, taken
from glaze_edge.commands.models.add import add
from glaze_edge.commands.models.info import info
from glaze_edge.commands.models.remove import remove
from glaze_edge.commands.models.verify import verify
from glaze_edge.generators import Choice, every_choice, how_to_add
from glaze_models import DEFAULT_GENERATORS, ENCODERS, GENERATORS, EncoderCard, Generator
from glaze_runtime.weights.catalogue import added


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
    """List the generators and the encoders that stand for them, then all encoders: bundled, added, or to be added."""
    if context.invoked_subcommand:
        return
    own, choices = added(), every_choice()
    cards = ENCODERS | own
    if as_json:
        generators = [_generator_row(GENERATORS[name], choice) for name, choice in choices.items()]
        encoders = [_row(card, own) for card in cards.values()]
        click.echo(json.dumps({"generators": generators, "encoders": encoders}))
        return
    table = Table("generator", "name", "protection uses")
    for name, choice in choices.items():
        generator = GENERATORS[name]
        uses = taken(choice) if choice else f"nothing yet: {how_to_add(generator.encoders[0][0])}"
        table.add_row(generator.title, name, uses)
    Console().print(table)
    for generator in GENERATORS.values():
        if generator.caveat:
            click.echo(f"{generator.title}: {generator.caveat}")
    click.echo(f"By default: {', '.join(DEFAULT_GENERATORS)}. {STAND_INS}\n")
    table = Table("name", "stands for", "latent", "weights", "licence")
    for card in cards.values():
        latent = f"{card.channels} channels, 1/{card.stride}"
        size = f", {card.weights.bytes / 1e6:.1f} MB" if card.weights else ""
        with_decoder = ", with its decoder" if card.decoder == card.name else ""
        weights = _state(card, own) + size + with_decoder
        table.add_row(card.name, ", ".join(card.stands_for), latent, weights, card.licence)
    Console().print(table)
    caveats: dict[str, list[str]] = {}
    for card in cards.values():
        caveats.setdefault(card.caveat, []).append(card.name)
    for caveat, names in caveats.items():
        if caveat:
            click.echo(f"{', '.join(names)}: {caveat}")
    click.echo("Add the checkpoint you worry about: glaze-edge models add --from FILE")


def _state(card: EncoderCard, own: dict[str, EncoderCard]) -> str:
    if card.name in own:
        return "added"
    return "bundled" if card.weights else "to be added"


def _generator_row(generator: Generator, choice: Choice | None) -> dict[str, Any]:
    return {
        "name": generator.name,
        "title": generator.title,
        "encoders": choice.names if choice else (),
        "kind": choice.kind if choice else None,
        "default": generator.name in DEFAULT_GENERATORS,
        "caveat": generator.caveat,
    }


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
        "bytes": card.weights.bytes if card.weights else None,
        "decoder": card.decoder,
        "caveat": card.caveat,
    }


for command in (add, info, remove, verify):
    models.add_command(command)
