"""`glaze-edge devices`: what can run the networks here, and whether it gets them right."""

import json
from dataclasses import asdict

import click
from rich.console import Console
from rich.table import Table

from glaze_models import DEFAULT_ENCODERS, encoder_card
from glaze_runtime.devices import DEVICES, Device, available
from glaze_runtime.devices.selftest import examine
from glaze_runtime.devices.verdicts import Verdict

FIGURES = ("cosine", "rel. L2", "s/step", "x CPU", "ops/CPU")
"""Of the gradients, beside the CPU's; seconds; operators that it takes and that are left to the CPU."""


@click.command(
    epilog="\b\nExamples:\n  glaze-edge devices\n  glaze-edge devices --probe\n  glaze-edge devices --probe --json"
)
@click.option("--probe", is_flag=True, help="Test every device again, and keep the new results.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def devices(probe: bool, as_json: bool) -> None:
    """List the devices that were found, whether they passed the self-test, and how fast they are.

    The self-test runs the real network at 512x512 and compares the numbers with the CPU's. Its result is kept until
    onnxruntime, the device or its driver changes; --probe tests again.
    """
    card = encoder_card(DEFAULT_ENCODERS[0])
    found = {device.name: examine(device, [card], anew=probe) for device in available()}
    if as_json:
        verdicts = [{**asdict(verdict), "times_as_fast": verdict.times_as_fast} for verdict in found.values()]
        click.echo(json.dumps({"found": verdicts, "missing": sorted(set(DEVICES) - set(found))}))
        return
    table = Table(box=None)
    for column in ("device", "self-test", *FIGURES):
        table.add_column(column, no_wrap=True)
    table.add_column("hardware")
    notes = []
    for name, device in DEVICES.items():
        if verdict := found.get(name):
            table.add_row(name, *_row(device, verdict))
            notes += [] if verdict.passed else [f"{name} failed: {verdict.reason}."]
        else:
            table.add_row(name, "not here", *("" for _ in FIGURES), device.note)
            notes.append(f"{name} needs {device.needs}.")
    Console().print(table, *notes, sep="\n")


def _row(device: Device, verdict: Verdict) -> list[str]:
    figures = [""] * len(FIGURES)
    if verdict.seconds_per_step is not None:
        figures = [
            f"{verdict.gradient_cosine:.6f}",
            f"{verdict.relative_error:.0e}",
            f"{verdict.seconds_per_step:.2f}",
            f"{verdict.times_as_fast:.2g}",
            f"{verdict.operators}/{verdict.operators_on_cpu}",
        ]
    return ["passed" if verdict.passed else "failed", *figures, verdict.hardware or device.note]
