"""`glaze-edge models`: the encoders and what each stands for."""

import json
from dataclasses import asdict

import click
from rich.console import Console
from rich.table import Table

from glaze_models import DEFAULT_ENCODERS, ENCODERS


@click.command(epilog="\b\nExample:\n  glaze-edge models --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def models(as_json: bool) -> None:
    """List the encoders: which are bundled, and which generators each stands for."""
    if as_json:
        click.echo(
            json.dumps(
                [asdict(card) | {"default": card.name in DEFAULT_ENCODERS} for card in ENCODERS.values()],
                default=str,
            )
        )
        return
    table = Table("name", "stands for", "latent", "weights", "licence")
    for card in ENCODERS.values():
        latent = f"{card.channels} channels, 1/{card.stride}"
        weights = f"bundled, {card.weights.bytes / 1e6:.1f} MB" if card.weights else "to be added"
        table.add_row(card.name, ", ".join(card.stands_for), latent, weights, card.licence)
    Console().print(table)
    click.echo("Both are used by default. They are small stand-ins for the generators' own encoders.")
