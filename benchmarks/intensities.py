#!/usr/bin/env python3
"""Whether intensity is monotone: every picture of a folder at every intensity, attainment and visibility of each.

    benchmarks/intensities.py PICTURES [--effort quick]

Prints a line a picture, marked where a higher intensity does not reach farther or is not more visible.
"""

import argparse
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import mean

import numpy as np

from glaze_edge import Session, Settings
from glaze_edge.files import read_picture
from glaze_edge.settings import INTENSITIES


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--effort", default="quick")
    arguments = parser.parse_args()
    monotone = True
    for path in sorted(arguments.pictures.glob("*.png")):
        picture = read_picture(path)
        reached, seen = [], []
        for intensity in INTENSITIES:
            session = Session(Settings(intensity=intensity, effort=arguments.effort, device="cpu"))
            result = session.glaze(picture)
            written = np.rint(result.image * 255).astype(np.float32) / np.float32(255)
            figures = session.measure(result, replace(picture, image=written))
            reached.append(mean(row["attainment"] for row in figures.encoders))
            seen.append(figures.visibility["mean_change"])
        rises = all(a < b for values in (reached, seen) for a, b in pairwise(values))
        monotone &= rises
        line = " ".join(f"{a:.3f}/{v:.2f}" for a, v in zip(reached, seen, strict=True))
        print(path.stem[:24].ljust(24), line, "" if rises else "NOT MONOTONE", flush=True)
    print("monotone on every picture" if monotone else "not monotone")


if __name__ == "__main__":
    main()
