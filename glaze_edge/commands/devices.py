"""`glaze-edge devices`: what can run the networks here, and whether it gets them right."""

import json
from dataclasses import asdict
from functools import partial

import click
from rich.console import Console
from rich.table import Table

from glaze_models import DEFAULT_ENCODERS, encoder_card
from glaze_runtime.devices import DEVICES, available
from glaze_runtime.encoder import Encoder
from glaze_runtime.optimise import TILE
from glaze_runtime.selftest import self_test


@click.command(epilog="\b\nExample:\n  glaze-edge devices --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def devices(as_json: bool) -> None:
    """List the devices that were found, what passed the self-test (the real network, 512x512), and how fast each is."""
    card = encoder_card(DEFAULT_ENCODERS[0])
    found = {d.name: self_test(d, partial(Encoder, card), card=card, size=TILE) for d in available()}
    if as_json:
        click.echo(
            json.dumps(
                {"found": [asdict(v) for v in found.values()], "missing": sorted(set(DEVICES) - set(found))}
            )
        )
        return
    table = Table("device", "what it is", "self-test", "seconds a step")
    for name, device in DEVICES.items():
        if verdict := found.get(name):
            speed = f"{verdict.seconds_per_step:.2f}" if verdict.seconds_per_step else ""
            table.add_row(name, device.note, "passed" if verdict.passed else verdict.reason, speed)
        else:
            table.add_row(name, device.note, f"not here: needs {device.needs}", "")
    Console().print(table)
