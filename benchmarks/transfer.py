#!/usr/bin/env python3
"""The transfer matrix: what a glaze made against some encoders does to published encoders.

    benchmarks/transfer.py PICTURES WEIGHTS -o FOLDER [--only N] [--row NAME=ENCODER[,ENCODER...]]... [--butteraugli
    GOAL]
                           [--no-view] [--no-survival] [--docs docs]

PICTURES holds PNGs. WEIGHTS holds NAME_encoder.safetensors and NAME_decoder.safetensors of encoders of `glaze-edge
models` (TAESD's family), and vaelight_encoder.onnx and vaelight_decoder.onnx: each encoder is a column. A row is a name
and the encoders of an optimisation, bundled or from WEIGHTS; --row replaces the default rows.

Every picture is glazed at its own size, on the CPU, at standard effort, with seed 0, at medium intensity. With
--butteraugli the scale of each row's budget is first set so that the mean butteraugli of every sixth picture is GOAL:
rows are then equally visible.

FOLDER/figures.jsonl gets a line per row and picture, so an interrupted run resumes. Lines and the files in
FOLDER/glazed are found again by the pictures, the weights and the settings, not by the code: take a new folder when the
optimiser has changed.
"""

import argparse
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from time import perf_counter
from typing import Any

import numpy as np
from _equal import as_visible
from _pictures import butteraugli, opened
from _transfer import (
    FIGURES,
    SURVIVAL_FIGURES,
    VIEW_FIGURES,
    Column,
    Row,
    Scene,
    budget_scale,
    default_rows,
    parsed_row,
    published,
    sha256,
)
from _transfer_report import table, write_docs
from PIL import Image as PillowImage
from PIL.PngImagePlugin import PngInfo

from glaze_edge import Session, Settings
from glaze_edge.figures import visibility
from glaze_edge.files import read_picture
from glaze_edge.files.atomic import replacing
from glaze_edge.preprocess import shown
from glaze_edge.settings import INTENSITIES
from glaze_models.errors import GlazeError, OptionError
from glaze_models.learned_step import LEARNED_STEP

EFFORT, SEED, INTENSITY = "standard", 0, "medium"
SAMPLED = 6
"""The scale of a row's budget is set on every picture of this number."""
TRIES = 3

Line = dict[str, Any]
"""The figures of a row on a picture, as in FOLDER/figures.jsonl."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """A picture as it was read: RGB files of the original and of its style target, and the sha256 of the picture."""

    path: Path
    original: Path
    target: Path
    sha256: str


class Bench:
    """The results of a run, in `folder`."""

    def __init__(self, folder: Path, columns: Sequence[Column], *, view: bool, survival: bool) -> None:
        self.folder, self.columns, self.view, self.survival = folder, columns, view, survival
        (folder / "glazed").mkdir(parents=True, exist_ok=True)
        self.file = folder / "figures.jsonl"
        self.lines: dict[str, Line] = {line["key"]: line for line in read_lines(self.file)}

    def work(self, picture: Path) -> Work:
        """Prepare a picture."""
        digest = sha256(picture)
        original, target = (
            self.folder / "glazed" / f"{picture.stem}-{digest[:8]}-{part}.png"
            for part in ("original", "target")
        )
        if not original.exists():
            _save(shown(read_picture(picture)), original)
        return Work(path=picture, original=original, target=target, sha256=digest)

    def scale(self, row: Row, works: Sequence[Work], goal: float) -> float:
        """The scale of the budget at which `row` is as visible as `goal`, a mean butteraugli."""

        def seen(scale: float) -> float:
            return mean(
                butteraugli(work.original, self.glazed(row, work, round(scale, 4)))
                for work in works[::SAMPLED]
            )

        found, times = as_visible(seen, goal, INTENSITIES[INTENSITY], tries=TRIES)
        print(f"{row.name}: scale {found:.4f} for butteraugli {goal * times:.2f}", flush=True)
        return round(found, 4)

    def glazed(self, row: Row, work: Work, scale: float) -> Path:
        """The file of the picture glazed with the encoders of `row`; its PNG text holds the seconds and the style."""
        file = self.folder / "glazed" / f"{work.path.stem}-{self._key(row, work, scale)[:16]}.png"
        if file.exists():
            return file
        picture = read_picture(work.path)
        with budget_scale(scale) as intensity:
            settings = Settings(
                intensity=intensity, effort=EFFORT, encoders=row.encoders, device="cpu", seed=SEED
            )
            session = Session(settings)
            start = perf_counter()
            result = session.glaze(picture)
            seconds = perf_counter() - start
        self._same_target(work, result.shown_target())
        written = np.rint(result.image * 255).astype(np.float32) / np.float32(255)
        said = PngInfo()
        said.add_text("seconds", f"{seconds:.2f}")
        said.add_text("style", result.style)
        _save(shown(replace(picture, image=written)), file, said)
        return file

    def run(self, picture: Work, scales: Sequence[tuple[Row, float]]) -> None:
        """Do all that is still to be done with a picture, for rows and the scales of their budgets."""
        scene: Scene | None = None
        for row, scale in scales:
            key = self._key(row, picture, scale)
            line = self.lines.get(key)
            missing = [column for column in self.columns if not self._has(line, column)]
            if not missing:
                continue
            glazed = self.glazed(row, picture, scale)
            scene = scene or Scene(
                opened(picture.original), opened(picture.target), view=self.view, survival=self.survival
            )
            cells = scene.figures(opened(glazed), missing)
            line = line or self._start(key, row, picture, scale, glazed)
            columns = {column.name: {"weights": column.weights} | cells[column.name] for column in missing}
            self._add(line | {"columns": line["columns"] | columns})

    def line(self, row: Row, picture: Work, scale: float) -> Line:
        """What was measured in today's columns, under the row's present name."""
        line = self.lines[self._key(row, picture, scale)]
        columns = {column.name: line["columns"][column.name] for column in self.columns}
        return line | {"row": row.name, "columns": columns}

    def _start(self, key: str, row: Row, picture: Work, scale: float, glazed: Path) -> Line:
        """A line without its columns."""
        with PillowImage.open(glazed) as file:
            said = dict(file.info)
        seen = visibility(opened(picture.original), opened(glazed))
        return {
            "key": key,
            "row": row.name,
            "picture": picture.path.stem,
            "encoders": row.encoders,
            "scale": scale,
            "style": said["style"],
            "seconds": float(said["seconds"]),
            "butteraugli": butteraugli(picture.original, glazed),
            "rms_flat": seen["rms_flat"],
            "rms_textured": seen["rms_textured"],
            "columns": {},
        }

    def _has(self, line: Line | None, column: Column) -> bool:
        """Whether all figures of `column` that are asked for are in `line`."""
        cell = line["columns"].get(column.name, {}) if line else {}
        wanted = {*FIGURES, *(SURVIVAL_FIGURES if self.survival else ())}
        wanted |= {*(VIEW_FIGURES if self.view and column.decodes else ())}
        return cell.get("weights") == column.weights and wanted <= cell.keys()

    def _add(self, line: Line) -> None:
        self.lines[line["key"]] = line
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        cells = (f"{n} {c['attainment']:.3f} ({c['control']:.3f})" for n, c in line["columns"].items())
        seen = f"butteraugli {line['butteraugli']:.2f}, {line['seconds']:.1f} s"
        print(f"{line['picture'][:24]:24} {line['row']}: {', '.join(cells)}; {seen}", flush=True)

    def _key(self, row: Row, picture: Work, scale: float) -> str:
        parts = [row.weights(), picture.sha256, scale, EFFORT, SEED, LEARNED_STEP.weights.sha256]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def _same_target(self, picture: Work, target: PillowImage.Image) -> None:
        """Keep the style target; rows can be compared only if all have the same."""
        if not picture.target.exists():
            _save(target, picture.target)
        elif not np.array_equal(np.asarray(target), np.asarray(opened(picture.target))):
            raise OptionError(
                f"{picture.path.name} got another style target than before. Take a new folder for -o."
            )


def read_lines(file: Path) -> list[Line]:
    """The whole lines of a JSONL file. A line that an interruption cut short is removed from the file."""
    text = file.read_text("utf-8") if file.exists() else ""
    whole, newline, rest = text.rpartition("\n")
    if rest:
        with replacing(file) as part:
            part.write((whole + newline).encode())
    return [json.loads(line) for line in whole.splitlines()]


def _save(image: PillowImage.Image, path: Path, said: PngInfo | None = None) -> None:
    with replacing(path) as file:
        image.save(file, "PNG", pnginfo=said)


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pictures", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--only", type=int)
    parser.add_argument("--row", action="append", default=[], metavar="NAME=ENCODER[,ENCODER...]")
    parser.add_argument("--butteraugli", type=float, metavar="GOAL")
    parser.add_argument("--no-view", action="store_true")
    parser.add_argument("--no-survival", action="store_true")
    parser.add_argument("--docs", type=Path)
    arguments = parser.parse_args(given)
    os.environ["GLAZE_EDGE_DATA"] = str(arguments.output / "data")
    pictures = sorted(arguments.pictures.glob("*.png"))[: arguments.only]
    try:
        columns = published(arguments.weights)
        rows = [parsed_row(text) for text in arguments.row] or default_rows()
        for row in rows:
            row.weights()
        if not (pictures and columns):
            raise OptionError(f"{'PICTURES' if columns else 'WEIGHTS'} holds none of the files it should.")
        if len({row.name for row in rows}) < len(rows):
            raise OptionError("Two rows have the same name.")
    except GlazeError as error:
        parser.error(str(error))
    bench = Bench(arguments.output, columns, view=not arguments.no_view, survival=not arguments.no_survival)
    works = [bench.work(picture) for picture in pictures]
    medium, goal = INTENSITIES[INTENSITY], arguments.butteraugli
    scales = [(row, bench.scale(row, works, goal) if goal else medium) for row in rows]
    for work in works:
        bench.run(work, scales)
    lines = [bench.line(row, work, scale) for row, scale in scales for work in works]
    print(table(lines, "attainment", "control"))
    if arguments.docs:
        write_docs(lines, arguments.docs, goal=goal)


if __name__ == "__main__":
    main()
