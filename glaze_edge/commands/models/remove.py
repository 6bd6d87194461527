"""`glaze-edge models remove`: an added encoder is removed."""

import json

import click

from glaze_runtime.weights import store


@click.command(epilog="\b\nExample:\n  glaze-edge models remove my-sd")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def remove(name: str, as_json: bool) -> None:
    """Remove the added encoder NAME. The file it was added from is not touched."""
    store.remove(name)
    click.echo(json.dumps({"removed": name}) if as_json else f"Removed {name}.")
