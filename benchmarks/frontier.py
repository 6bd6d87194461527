#!/usr/bin/env python3
"""Attainment against visibility: this tool, L-infinity sign-PGD, and Glaze's Adam without a limit, on equal terms.

    benchmarks/frontier.py PICTURES INSTRUMENT -o FOLDER [--only 8] [--docs DOCS]

Every method has the bundled encoders, the same pictures of 512 pixels and the same targets; the others have 52
gradients of each encoder. INSTRUMENT is called as by benchmarks/pictures.py; butteraugli_main measures what is seen of
the files.

Each result is a line of FOLDER/results.jsonl, so that a run that was cut short goes on; those of this tool have to be
deleted when the optimiser has changed (or take a new folder). Writes frontier.md, frontier.png and frontier.svg to
DOCS, else to FOLDER.
"""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

from _frontier_report import write_report
from _options import options
from _peers import free_adam, sign_pgd
from _pictures import butteraugli, glaze_file, measured, opened, save, working_picture

from glaze_edge import Session, Settings
from glaze_edge.figures import attainments
from glaze_edge.preprocess import from_pillow
from glaze_edge.settings import INTENSITIES
from glaze_runtime.arrays import Image

EFFORT = "standard"
STEPS = 52
PGD_SIZES = 1, 2, 3, 4, 6, 8
"""In 1/255."""
ADAM_PARTS = 64, 32, 16, 8, 4
"""Strength 1 is what Glaze's steps can reach in all; these are the parts of it that are tried."""

Change = Callable[[Image, Image, Session], Image]


def peers() -> Iterator[tuple[str, str, Change]]:
    """(method, strength, change of an image towards a target) of what is compared with."""
    for size in PGD_SIZES:
        yield "sign-PGD", f"{size}/255", partial(_pgd, size / 255)
    for part in ADAM_PARTS:
        yield "free Adam", f"1/{part}", partial(_adam, 1 / part)


def _pgd(largest: float, image: Image, target: Image, session: Session) -> Image:
    return sign_pgd(image, target, session.encoders, largest=largest, steps=STEPS)


def _adam(strength: float, image: Image, target: Image, session: Session) -> Image:
    return free_adam(image, target, session.encoders, strength=strength, steps=STEPS)


class Bench:
    """The pictures and the results of a run, in `folder`."""

    def __init__(self, folder: Path, instrument: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.instrument = folder, instrument
        self.file = folder / "results.jsonl"
        lines = self.file.read_text("utf-8").splitlines() if self.file.exists() else []
        self.rows: list[dict[str, Any]] = [json.loads(line) for line in lines]

    def run(self, picture: Path) -> None:
        """Do all that is still to be done with a picture."""
        original, target = (self.folder / f"{picture.stem}-{part}.png" for part in ("original", "target"))
        working_picture(picture).save(original)
        session = Session(Settings(device="cpu"))
        for intensity in INTENSITIES:
            if not self._has(picture, "glaze-edge", intensity):
                glazed = self._glazed(picture, "glaze-edge", intensity)
                settings = Settings(intensity=intensity, effort=EFFORT, device="cpu")
                glaze_file(original, settings, glazed, target)
                self._add(picture, "glaze-edge", intensity, original, target, session)
        image, goal = (from_pillow(opened(path)) for path in (original, target))
        for method, strength, change in peers():
            if not self._has(picture, method, strength):
                save(image + change(image, goal, session), self._glazed(picture, method, strength))
                self._add(picture, method, strength, original, target, session)

    def _has(self, picture: Path, method: str, strength: str) -> bool:
        key = [picture.stem, method, strength]
        return any([row["picture"], row["method"], row["strength"]] == key for row in self.rows)

    def _glazed(self, picture: Path, method: str, strength: str) -> Path:
        return self.folder / f"{picture.stem}-{method.replace(' ', '-')}-{strength.replace('/', '-')}.png"

    def _add(
        self, picture: Path, method: str, strength: str, original: Path, target: Path, session: Session
    ) -> None:
        glazed = self._glazed(picture, method, strength)
        seen = measured(self.instrument, original, glazed, target)
        own = attainments(opened(original), opened(glazed), opened(target), session.encoders)
        row = {
            "picture": picture.stem,
            "method": method,
            "strength": strength,
            "butteraugli": butteraugli(original, glazed),
            "attainment": seen["effect"]["attainment"],
            "control": seen["control"]["attainment"],
            "jpeg75": seen["survival"]["jpeg75"],
            "bundled": mean(figures["attainment"] for figures in own),
        }
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        self.rows.append(row)
        print(*(f"{v:.3f}" if isinstance(v, float) else v for v in row.values()), flush=True)


def main() -> None:
    arguments = options(__doc__).parse_args()
    bench = Bench(arguments.output, arguments.instrument)
    pictures = sorted(arguments.pictures.glob("*.png"))[: arguments.only]
    for picture in pictures:
        bench.run(picture)
    names = {picture.stem for picture in pictures}
    rows = [row for row in bench.rows if row["picture"] in names]
    write_report(rows, arguments.docs or arguments.output, steps=STEPS)


if __name__ == "__main__":
    main()
