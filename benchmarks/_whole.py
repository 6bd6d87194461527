#!/usr/bin/env python3
"""Runs `glaze-edge` with the arguments given, under Python's profiler, and prints as JSON what it spent its seconds
on."""

import io
import json
import sys
from contextlib import redirect_stdout
from cProfile import Profile
from pstats import Stats
from time import perf_counter
from typing import Any

Row = dict[tuple[str, int, str], Any]


def parts(rows: Row, total: float) -> dict[str, float]:
    """Part -> seconds, of the profile `rows` of a command that took `total`; together they are `total`."""

    def of(file: str, *functions: str, caller: str | None = None) -> float:
        found = 0.0
        for (path, _, name), (_, _, _, cumulative, callers) in rows.items():
            if file not in path.replace("\\", "/") or name not in functions:
                continue
            if caller is None:
                found += cumulative
            else:
                found += sum(times[3] for (_, _, who), times in callers.items() if who == caller)
        return found

    runs = "run", "run_with_iobinding"
    networks = of("glaze_edge/api.py", "__init__")
    opening = of("glaze_runtime/", "open_session")
    optimising = of("glaze_runtime/optimiser/optimise.py", "optimise")
    measuring = of("glaze_edge/api.py", "measure")
    steps = of("onnxruntime", *runs, caller="value_and_grad")
    encoding = of("onnxruntime", *runs, caller="encode")
    found = {
        "networks' files": networks,
        "opening sessions": opening,
        "reading the picture": of("glaze_edge/files/read.py", "read_picture"),
        "where it lies among styles": of("glaze_edge/api.py", "embed"),
        "painting the target": of("glaze_runtime/stylise/__init__.py", "stylise"),
        "visibility budget": of("glaze_runtime/optimiser/budget.py", "visibility_budget", caller="of"),
        "encoding, to measure too": encoding,
        "encoder steps": steps,
        "penalty": of("glaze_runtime/optimiser/budget.py", "penalty"),
        "views and their adjoints": of("glaze_runtime/optimiser/views.py", "__call__", caller="gradient")
        + of("glaze_runtime/optimiser/views.py", "add_adjoint"),
        "transforms": of("glaze_runtime/optimiser/transforms.py", "compressed", "noisy"),
        "learned steps": of("onnxruntime", *runs, caller="_band"),
        "writing the file": of("glaze_edge/files/write.py", "write_picture"),
    }
    inside = sum(
        found[part]
        for part in (
            "encoder steps",
            "penalty",
            "views and their adjoints",
            "transforms",
            "learned steps",
            "visibility budget",
            "opening sessions",
        )
    )
    encoded = of("glaze_runtime/encoder.py", "encode", caller="whole_latent")
    share = of("glaze_runtime/optimiser/optimise.py", "whole_latent", caller="latent_of")
    found["measuring besides encoding"] = max(0.0, measuring - share)
    found["optimiser's rest"] = max(0.0, optimising - inside - (encoded - share))
    return found | {"everything else": max(0.0, total - sum(found.values()))}


def main() -> None:
    start = perf_counter()
    from glaze_edge.cli import cli

    imports = perf_counter() - start
    profile = Profile()
    start = perf_counter()
    with redirect_stdout(io.StringIO()):
        profile.runcall(cli.main, sys.argv[1:], standalone_mode=False)
    total = perf_counter() - start
    rows: Row = Stats(profile).stats  # type: ignore[attr-defined]
    print(json.dumps({"imports": imports} | parts(rows, total)))


if __name__ == "__main__":
    main()
