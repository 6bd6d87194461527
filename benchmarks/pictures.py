#!/usr/bin/env python3
"""Glazes every picture of a folder with the real command and measures the files with an independent instrument.

    benchmarks/pictures.py PICTURES INSTRUMENT [--intensity medium] [--effort standard] [--only 8]

INSTRUMENT is a script that is called as `INSTRUMENT ORIGINAL GLAZED --target TARGET` and prints JSON with `effect`,
`control`, `survival` and `visibility`. Prints a line a picture and the means.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import mean

from _pictures import measured


def glazed_and_measured(
    picture: Path, instrument: Path, options: list[str], folder: Path
) -> dict[str, float | None]:
    """The figures of one picture, after `glaze-edge glaze` with `options`."""
    glazed, target = folder / f"{picture.stem}-glazed{picture.suffix}", folder / f"{picture.stem}-target.png"
    command: list[str | Path] = [
        sys.executable,
        "-c",
        "from glaze_edge.cli import main; main()",
        "glaze",
        picture,
        "-o",
        glazed,
        "--save-target",
        target,
        "--json",
        *options,
    ]
    said = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    seen = measured(instrument, picture, glazed, target)
    return {
        "seconds": said["seconds"],
        "bundled": mean(e["attainment"] for e in said["encoders"]),
        "attainment": seen["effect"]["attainment"],
        "control": seen["control"]["attainment"],
        "view": seen["effect"]["view"],
        "half": seen["survival"]["half"],
        "jpeg75": seen["survival"]["jpeg75"],
        "butteraugli": seen["visibility"].get("butteraugli"),
        "flat": seen["visibility"]["rms_flat"],
        "textured": seen["visibility"]["rms_textured"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pictures", type=Path)
    parser.add_argument("instrument", type=Path)
    parser.add_argument("--intensity", default="medium")
    parser.add_argument("--effort", default="standard")
    parser.add_argument("--only", type=int)
    arguments = parser.parse_args()
    options = ["--intensity", arguments.intensity, "--effort", arguments.effort, "--device", "cpu"]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for picture in sorted(arguments.pictures.glob("*.png"))[: arguments.only]:
            rows.append(glazed_and_measured(picture, arguments.instrument, options, Path(folder)))
            print(
                picture.stem[:24].ljust(24),
                *(f"{k} {v if v is None else round(v, 3)}" for k, v in rows[-1].items()),
                flush=True,
            )
    for name in rows[0]:
        values = [row[name] for row in rows]
        print(f"mean {name:12} {mean(v for v in values if v is not None):.3f}")


if __name__ == "__main__":
    main()
