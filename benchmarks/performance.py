#!/usr/bin/env python3
"""Where the time goes: what the machine can do, a step of an encoder by operator, and a whole `glaze-edge glaze` by
part.

    benchmarks/performance.py PICTURE [--encoder NAME]... [--threads 2] [--rounds 5] [--side 512]... > performance.txt

PICTURE is cut to its middle square and resized to 512 and 1024 pixels for the whole command (or to each --side). The
encoders are the bundled ones and each NAME, with random weights where it has none. Prints Markdown tables. The shares
are of the best matrix product.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from time import perf_counter

from _machine import CONVOLUTIONS, MATRICES, convolution_rate, gemm_peaks, hold_to
from _step_profile import Group, by_operator, dims_of, step_profile
from PIL import Image as PillowImage
from PIL import ImageOps

from glaze_export.flops import flops
from glaze_models import DEFAULT_ENCODERS, encoder_card

SHOWN = 12
"""Groups of operators that a table shows."""


def machine(threads: int, rounds: int, matrices: tuple[int, ...] = MATRICES) -> float:
    """Print what the machine can do; Gflop/s of its best matrix product."""
    peaks = gemm_peaks(threads, rounds, matrices)
    peak = max(peaks.values())
    table(
        "The machine's float32 matrix products, Gflop/s",
        ("side", "numpy", "onnxruntime"),
        ((f"{n}", f"{peaks['numpy', n]:.0f}", f"{peaks['onnxruntime', n]:.0f}") for n in matrices),
    )
    rates = {shape: convolution_rate(*shape, threads, rounds) for shape in CONVOLUTIONS}
    table(
        "3x3 convolutions alone, through onnxruntime",
        ("channels", "side", "Gflop/s", "share of the peak"),
        ((f"{c}", f"{n}", f"{rate:.0f}", f"{rate / peak:.0%}") for (c, n), rate in rates.items()),
    )
    return peak


def step(name: str, peak: float, rounds: int) -> None:
    """Print a step of the encoder `name`, with its share of `peak` Gflop/s."""
    card = encoder_card(name)
    side = card.side or 512
    with tempfile.TemporaryDirectory() as folder:
        seconds, groups = step_profile(card, side, rounds, Path(folder))
    work = flops(card.step_graph, dims_of(card, side)) / 1e9
    taken = median(seconds)
    print(
        f"\n## A step of {name} at {side}x{side}\n\n{work:.1f} Gflop in {taken:.3f} s (median of {rounds}): "
        f"{work / taken:.0f} Gflop/s, **{work / taken / peak:.0%}** of the peak"
    )
    whole = sum(group.milliseconds for group in groups)
    head = ("operator", "number", "ms", "share of the time", "Gflop", "share of the peak")
    table("By operator", head, (_row(group, whole, peak) for group in by_operator(groups)))
    table(
        f"By operator and size of the output, the {SHOWN} that take longest",
        head,
        (_row(group, whole, peak) for group in groups[:SHOWN]),
    )


def _row(group: Group, whole: float, peak: float) -> tuple[str, ...]:
    rate = group.flops / group.milliseconds / 1e6
    return (
        f"{group.operator} {group.size}".strip(),
        f"{group.count}",
        f"{group.milliseconds:.1f}",
        f"{group.milliseconds / whole:.1%}",
        f"{group.flops / 1e9:.2f}" if group.flops else "",
        f"{rate / peak:.0%}" if group.flops else "",
    )


def whole(picture: Path, side: int) -> None:
    """Print where `glaze-edge glaze` goes with the middle square of `picture` at `side` pixels."""
    with tempfile.TemporaryDirectory() as folder:
        square, glazed = Path(folder) / "square.png", Path(folder) / "glazed.png"
        with PillowImage.open(picture) as opened:
            ImageOps.fit(opened.convert("RGB"), (side, side)).save(square)
        arguments: list[str | Path] = ["glaze", square, "-o", glazed, "--device", "cpu", "--overwrite"]
        plain = _seconds([sys.executable, "-m", "glaze_edge", *arguments])[0]
        profiled, said = _seconds([sys.executable, Path(__file__).with_name("_whole.py"), *arguments])
    parts: dict[str, float] = json.loads(said)
    parts = {"starting Python": profiled - sum(parts.values())} | parts
    table(
        f"`glaze-edge glaze` of {side}x{side}: {plain:.2f} s ({profiled:.2f} under the profiler)",
        ("part", "s", "share"),
        ((part, f"{seconds:.2f}", f"{seconds / profiled:.1%}") for part, seconds in parts.items()),
    )


def _seconds(command: list[str | Path]) -> tuple[float, str]:
    """How long a command took, and what it said."""
    start = perf_counter()
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return perf_counter() - start, said


def table(title: str, head: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Print a table."""
    names = list(head)
    print(f"\n{title}:\n\n| {' | '.join(names)} |\n|{'---|' * len(names)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("picture", type=Path)
    parser.add_argument("--encoder", action="append", default=[])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--side", type=int, action="append")
    arguments = parser.parse_args()
    hold_to(arguments.threads)
    peak = machine(arguments.threads, arguments.rounds)
    for name in (*DEFAULT_ENCODERS, *arguments.encoder):
        step(name, peak, arguments.rounds)
    print("\n## A whole picture")
    for side in arguments.side or (512, 1024):
        whole(arguments.picture, side)


if __name__ == "__main__":
    main()
