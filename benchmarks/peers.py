#!/usr/bin/env python3
"""Time and memory to equal attainment at equal visibility: this tool beside PhotoGuard, Mist and Glaze's statement in
torch.

    benchmarks/peers.py PICTURES INSTRUMENT -o FOLDER [--only 8] [--side 512] [--threads 2] [--lpips-backbone FILE]
    [--docs DOCS]

On each picture this tool is first; then each peer at the strength at which its file is as visible by butteraugli_main,
looked at after 1, 2, 3, 5, 8 … steps. All have the bundled encoders, the same pictures, style targets and number of
threads, each a process of its own. INSTRUMENT is called as by benchmarks/pictures.py; FILE is VGG16 as `.safetensors`
with torchvision's names, without which Glaze's LPIPS is left out.

A method's results on a picture are lines of FOLDER/results.jsonl, so that a run that was cut short goes on; take a new
folder when the optimiser has changed. Writes peers.md, peers.png and peers.svg to DOCS, else to FOLDER.
"""

import json
import subprocess
import sys
from pathlib import Path
from statistics import mean, median
from time import perf_counter
from typing import Any

from _equal import Row, as_visible, snapshots
from _machine import hold_to
from _options import options
from _peers_report import DEFAULT, write_report
from _pictures import butteraugli, measured, opened, working_picture
from _torch_peers import PEERS
from _worker import OURS, Answer, Order, Worker

from glaze_edge.figures import attainments
from glaze_edge.settings import EFFORTS
from glaze_models import DEFAULT_ENCODERS, encoder_card
from glaze_runtime.devices import CPU
from glaze_runtime.encoder import Encoder

TRIAL_STEPS = 30
"""A strength is first looked for in runs of this many steps."""
NEAR = 0.08
"""How near those have to come to the butteraugli that is wanted."""
FIRST_STRENGTH = 0.3


class Bench:
    """The results of a run, in `folder`."""

    def __init__(self, folder: Path, instrument: Path, threads: int, backbone: Path | None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.instrument, self.threads, self.backbone = folder, instrument, threads, backbone
        self.encoders = [Encoder(encoder_card(name), CPU) for name in DEFAULT_ENCODERS]
        self.file = folder / "results.jsonl"
        lines = self.file.read_text("utf-8").splitlines() if self.file.exists() else []
        self.rows: list[Row] = [json.loads(line) for line in lines]

    def run(self, picture: Path, side: int) -> None:
        """Do all that is still to be done with a picture."""
        original, target = (self.folder / f"{picture.stem}-{part}.png" for part in ("original", "target"))
        if not self._of(picture, OURS):
            working_picture(picture, side).save(original)
            self._add(picture, OURS, self._own(picture, original, target))
        (own,) = (row for row in self._of(picture, OURS) if row["effort"] == DEFAULT)
        for method, peer in PEERS.items():
            if not self._of(picture, method) and (self.backbone or not peer.lpips):
                self._add(picture, method, self._peer(picture, method, own["butteraugli"]))

    def _own(self, picture: Path, original: Path, target: Path) -> list[Row]:
        """A row for each effort; `whole` is the seconds of the command for the default, from start to end."""
        written = self.folder / f"{picture.stem}-{OURS}.png"
        command: list[str | Path] = [
            sys.executable,
            "-c",
            "from glaze_edge.cli import main; main()",
            "glaze",
            original,
        ]
        options: list[str | Path] = ["-o", written, "--save-target", target, "--device", "cpu", "--overwrite"]
        start = perf_counter()
        subprocess.run([*command, *options], check=True, stdout=subprocess.DEVNULL)
        whole = perf_counter() - start
        with Worker(self._order(picture, OURS)) as worker:
            # The default comes first, so that its memory is not that of a longer run.
            answers = {e: worker.run(effort=e) for e in sorted(EFFORTS, key=lambda e: e != DEFAULT)}
        return [
            row | {"effort": effort, "whole": whole}
            for effort, answer in answers.items()
            for row in self._looked_at(picture, answer)
        ]

    def _peer(self, picture: Path, method: str, visible: float) -> list[Row]:
        """A row for each snapshot of `method` at the strength at which it ends as `visible`."""
        steps = PEERS[method].steps
        original = self.folder / f"{picture.stem}-original.png"
        answers: dict[float, Answer] = {}
        with Worker(self._order(picture, method)) as worker:

            def butteraugli_of(answer: Answer) -> float:
                return butteraugli(original, Path(list(answer["files"].values())[-1]))

            def tried(strength: float) -> float:
                few = min(steps, TRIAL_STEPS)
                return butteraugli_of(worker.run(strength=strength, steps=few, snapshots=[few]))

            def ran(strength: float) -> float:
                answers[strength] = worker.run(strength=strength, steps=steps, snapshots=snapshots(steps))
                found = butteraugli_of(answers[strength])
                print(f"{picture.stem} {method}: butteraugli {found:.2f} for {visible:.2f}", flush=True)
                return found

            first, drift = self._learnt(method)
            few, _ = as_visible(tried, visible, first, tolerance=NEAR)
            strength, _ = as_visible(ran, visible, few * drift, tries=4)
        rows = self._looked_at(picture, answers[strength])
        return [row | {"strength": strength, "tried": few} for row in rows]

    def _learnt(self, method: str) -> tuple[float, float]:
        """From the pictures before: a strength for the first trial, and the strength of a whole run over that of the
        trials."""
        ends = [row for row in self.rows if row["method"] == method and row["step"] == PEERS[method].steps]
        if not ends:
            return FIRST_STRENGTH, 1.0
        return median(row["tried"] for row in ends), median(row["strength"] / row["tried"] for row in ends)

    def _order(self, picture: Path, method: str) -> Order:
        return Order(
            method=method,
            original=str(self.folder / f"{picture.stem}-original.png"),
            target=str(self.folder / f"{picture.stem}-target.png"),
            folder=str(self.folder),
            encoders=DEFAULT_ENCODERS,
            threads=self.threads,
            backbone=None if self.backbone is None else str(self.backbone),
        )

    def _looked_at(self, picture: Path, answer: Answer) -> list[Row]:
        original, target = (self.folder / f"{picture.stem}-{part}.png" for part in ("original", "target"))
        rows = []
        for step, name in answer["files"].items():
            seen = measured(self.instrument, original, Path(name), target)
            own = attainments(opened(original), opened(Path(name)), opened(target), self.encoders)
            bundled, noise = (mean(figures[key] for figures in own) for key in ("attainment", "control"))
            reached, control = (seen[key]["attainment"] for key in ("effect", "control"))
            row: dict[str, Any] = {
                "step": int(step),
                "seconds": answer["seconds"][step],
                "memory": answer["memory"],
                "butteraugli": butteraugli(original, Path(name)),
                "attainment": reached,
                "above": reached - control,
                "bundled": bundled,
                "bundled above": bundled - noise,
            }
            rows.append(row)
        return rows

    def _of(self, picture: Path, method: str) -> list[Row]:
        return [row for row in self.rows if (row["picture"], row["method"]) == (picture.stem, method)]

    def _add(self, picture: Path, method: str, rows: list[Row]) -> None:
        """All rows of a method at once: part of a run is none."""
        named = [{"picture": picture.stem, "method": method} | row for row in rows]
        with self.file.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in named)
        self.rows += named
        for row in named:
            print(*(f"{v:.3f}" if isinstance(v, float) else v for v in row.values()), flush=True)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--lpips-backbone", type=Path)
    arguments = parser.parse_args()
    hold_to(arguments.threads)
    bench = Bench(arguments.output, arguments.instrument, arguments.threads, arguments.lpips_backbone)
    pictures = sorted(arguments.pictures.glob("*.png"))[: arguments.only]
    for picture in pictures:
        bench.run(picture, arguments.side)
    names = {picture.stem for picture in pictures}
    rows = [row for row in bench.rows if row["picture"] in names]
    folder = arguments.docs or arguments.output
    write_report(rows, folder, side=arguments.side, threads=arguments.threads)


if __name__ == "__main__":
    main()
