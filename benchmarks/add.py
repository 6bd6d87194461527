#!/usr/bin/env python3
"""Seconds and memory to add an encoder from a large checkpoint: `benchmarks/add.py [--gigabytes 7] [--encoder sdxl]`.

The checkpoint is a sparse file: the encoder's tensors hold random numbers and stand at the end, the rest are holes.
Needs the export stage for the names and shapes of the encoder's tensors. Windows has no `resource`.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from glaze_export.export import build_module
from glaze_models import ENCODERS

CHILD = "from glaze_edge.cli import main; main()"


def write_checkpoint(path: Path, encoder: str, size: int) -> None:
    """A full checkpoint in float16 of `size` bytes, with the autoencoder under `first_stage_model.`."""
    shapes = {
        f"first_stage_model.{name}": list(tensor.shape)
        for name, tensor in build_module(ENCODERS[encoder]).state_dict().items()
    }
    header: dict[str, dict[str, Any]] = {
        "model.diffusion_model.out.2.weight": {"dtype": "F16", "shape": [size // 2]}
    }
    header |= {name: {"dtype": "F16", "shape": shape} for name, shape in shapes.items()}
    end = 0
    for entry in header.values():
        start, end = end, end + 2 * int(np.prod(entry["shape"]))
        entry["data_offsets"] = [start, end]
    text = json.dumps(header).encode()
    rng = np.random.default_rng(0)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.seek(size, os.SEEK_CUR)
        for shape in shapes.values():
            file.write((0.02 * rng.standard_normal(shape, np.float32)).astype(np.float16).tobytes())


def main() -> None:
    """Make the file, add it in a fresh process, and print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--gigabytes", type=float, default=7)
    parser.add_argument("--encoder", default="sdxl")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        write_checkpoint(path, options.encoder, int(options.gigabytes * 1e9))
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-c", CHILD, "models", "add", options.encoder, "--from", str(path)],
            check=True,
            env=os.environ | {"GLAZE_EDGE_DATA": folder},
        )
        seconds = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    memory = used.ru_maxrss / (2**30 if sys.platform == "darwin" else 2**20)
    print(
        f"{options.gigabytes:g} GB: {seconds:.1f} s, of which {used.ru_utime + used.ru_stime:.1f} s of a processor; "
        f"{memory:.2f} GiB at most"
    )


if __name__ == "__main__":
    main()
