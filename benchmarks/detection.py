#!/usr/bin/env python3
"""How well glaze is detected and taken off by a network that was trained on this tool's own results, as LightShed does.

    benchmarks/detection.py PICTURES DEV -o FOLDER [--instrument SCRIPT] [--pairs 240] [--steps 1500] [--docs DOCS]

Trains on --pairs of PICTURES, tests on those of DEV, which it never saw. The pairs are kept in FOLDER and made once:
take a new folder when the optimiser has changed. Needs torch (extra `export`). Writes detection.md to DOCS, else to
FOLDER.
"""

import argparse
from pathlib import Path
from statistics import mean
from time import monotonic
from typing import NamedTuple

import numpy as np
import torch
from _pictures import glaze_file, measured, save, working_picture
from _remover import Pixels, Remover, compressed, look, train
from PIL import Image as PillowImage
from PIL import ImageFilter

from glaze_edge import Session, Settings
from glaze_edge.figures import attainments
from glaze_edge.preprocess import TRAINED_SIDE
from glaze_runtime.arrays import Image, to_pillow

TRAINED_AT, TESTED_AT = "quick", "standard"
"""Efforts: many pairs soon; and what people use."""
SMALLEST, CUT_TO = 192, 384
"""Pixels: training pictures have no smaller sides, and are cut to these at most."""
THREADS = 2


class Files(NamedTuple):
    """A picture, what the tool made of it, and the style target."""

    original: Path
    glazed: Path
    target: Path


def make_pairs(pictures: list[Path], folder: Path, effort: str, most: int) -> list[Files]:
    """Glaze the middle of every picture, `most` pixels a side, at medium intensity; those made before are kept.

    Each is moved to a style that is drawn with a seed of its own.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for seed, picture in enumerate(pictures):
        files = Files(*(folder / f"{picture.stem}-{part}.png" for part in Files._fields))
        if not files.target.exists():  # it is written last
            middle_of(working_picture(picture), most).save(files.original)
            settings = Settings(effort=effort, seed=seed, device="cpu")
            glaze_file(files.original, settings, files.glazed, files.target)
            print(f"glazed {seed + 1}/{len(pictures)} {picture.stem}", flush=True)
        made.append(files)
    return made


def middle_of(image: PillowImage.Image, most: int) -> PillowImage.Image:
    wide, tall = (min(n, most) for n in image.size)
    left, top = (image.width - wide) // 2, (image.height - tall) // 2
    return image.crop((left, top, left + wide, top + tall))


def training_pictures(folder: Path, count: int) -> list[Path]:
    """`count` pictures of a folder, spread evenly over it."""
    paths = sorted(path for path in folder.iterdir() if path.suffix in (".jpg", ".png"))
    large = [path for path in paths if min(PillowImage.open(path).size) >= SMALLEST]
    return [large[round(k)] for k in np.linspace(0, len(large) - 1, count)]


def pixels(path: Path) -> Pixels:
    return np.asarray(PillowImage.open(path).convert("RGB"))


def image_of(path: Path) -> Image:
    """[H,W,3] in 0..1."""
    return pixels(path).astype(np.float32) / 255


def auc(positive: list[float], negative: list[float]) -> float:
    """The chance that a positive scores above a negative: 0.5 is guessing, 1 is certain detection."""
    above = np.subtract.outer(positive, negative)
    return float(np.mean(above > 0) + np.mean(above == 0) / 2)


def energy(change: Image) -> float:
    """The root mean square in 1/255."""
    return 255 * float(np.square(change).mean() ** 0.5)


def roughness(image: Image) -> float:
    """What a detector can do that learned nothing: the energy of what a 3x3 median filter takes away."""
    smooth = np.asarray(to_pillow(image).filter(ImageFilter.MedianFilter(3)), np.float32) / 255
    return energy(image - smooth)


def detected(remover: Remover, tests: list[Files]) -> dict[str, list[float]]:
    """What is told from what -> AUC by the head, by the energy of the change that is found, and by roughness."""
    rng = np.random.default_rng(0)
    clean = [image_of(files.original) for files in tests]
    glazed = [image_of(files.glazed) for files in tests]
    noisy = [a + rng.normal(0, energy(b - a) / 255, a.shape) for a, b in zip(clean, glazed, strict=True)]
    kinds = {
        "clean": clean,
        "glazed": glazed,
        "clean, JPEG 75": [compressed(image, 75) for image in clean],
        "glazed, JPEG 75": [compressed(image, 75) for image in glazed],
        "clean with noise as strong as the glaze": [image.clip(0, 1).astype(np.float32) for image in noisy],
    }
    scores: dict[str, list[list[float]]] = {}
    for kind, images in kinds.items():
        seen = [look(remover, image) for image in images]
        scores[kind] = [
            [logit for _, logit in seen],
            [energy(change) for change, _ in seen],
            [roughness(image) for image in images],
        ]
    told_apart = [
        ("glazed", "clean"),
        ("glazed, JPEG 75", "clean, JPEG 75"),
        ("clean, JPEG 75", "clean"),
        ("clean with noise as strong as the glaze", "clean"),
    ]
    return {f"{a} from {b}": list(map(auc, scores[a], scores[b])) for a, b in told_apart}


def removed(remover: Remover, files: Files, instrument: Path | None) -> dict[str, float]:
    """What is left of the glaze of a picture when the change that the network finds is taken off."""
    original, glazed, target = map(image_of, files)
    found, _ = look(remover, glazed)
    file = files.glazed.with_name(files.glazed.name.replace("-glazed", "-removed"))
    save(glazed - found, file)
    after = image_of(file)
    session = Session(Settings(device="cpu"))

    def bundled(image: Image) -> float:
        return mean(
            row["attainment"]
            for row in attainments(to_pillow(original), to_pillow(image), to_pillow(target), session.encoders)
        )

    figures = {
        "rms change in 1/255, glazed": energy(glazed - original),
        "rms change in 1/255, removed": energy(after - original),
        "attainment on the bundled encoders, glazed": bundled(glazed),
        "attainment on the bundled encoders, removed": bundled(after),
    }
    if instrument:
        for name, path in (("glazed", files.glazed), ("removed", file)):
            effect = measured(instrument, files.original, path, files.target)["effect"]
            figures[f"attainment on the instrument's encoder, {name}"] = effect["attainment"]
    return figures


def report(facts: str, rows: dict[str, list[float]], left: dict[str, float]) -> str:
    """docs/detection.md"""
    apart = "\n".join(
        f"| {name} | {' | '.join(f'{v:.2f}' for v in values)} |" for name, values in rows.items()
    )
    names = dict.fromkeys(name.rsplit(", ", 1)[0] for name in left)
    remains = []
    for name in names:
        before, after = (left[f"{name}, {state}"] for state in ("glazed", "removed"))
        remains.append(f"| {name} | {before:.2f} | {after:.2f} | {100 * after / before:.0f} % |")
    return TEXT.format(facts=facts, apart=apart, left="\n".join(remains))


TEXT = """# Can glaze be detected and removed?

LightShed (Foerster et al., USENIX Security 2025) trains a network on pictures before and after a protection tool.
Anyone can do so with a public tool, so we did it with this one. `benchmarks/detection.py` makes pairs with glaze-edge
itself. It trains a small residual autoencoder that predicts the change made to a picture, with a head that says
whether there was one.

    benchmarks/detection.py PICTURES DEV -o FOLDER --instrument INSTRUMENT --docs docs

| | |
|---|---|
{facts}

## Detection

Area under the ROC curve: 0.5 is guessing, 1 is certain detection. *Head* and *energy* are the network's: its logit, and
the root mean square of the change that it finds. *Roughness* is a detector that learned nothing: the energy that a 3×3
median filter removes. The last two rows are controls. The farther they are above 0.5, the more the network takes for
glaze what is none.

| | head | energy | roughness |
|---|---|---|---|
{apart}

## Removal

The change that the network finds is subtracted from the glazed picture, and the file is measured again. Means:

| | glazed | after removal | left |
|---|---|---|---|
{left}

## What it means

- These are the figures of one small network and a few minutes on a laptop. A serious attacker has more pictures, a
  larger network and more time. Take the figures as the least that an attacker can do.
- The network knows one version of the tool, at medium intensity, with the bundled encoders. Other intensities and
  encoders were not tested.
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pictures", type=Path)
    parser.add_argument("dev", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--instrument", type=Path)
    parser.add_argument("--pairs", type=int, default=240)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--docs", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    chosen = training_pictures(arguments.pictures, arguments.pairs)
    pairs = make_pairs(chosen, arguments.output / "train", TRAINED_AT, CUT_TO)
    held_out = sorted(arguments.dev.glob("*.png"))
    tests = make_pairs(held_out, arguments.output / "dev", TESTED_AT, TRAINED_SIDE)

    started, recent = monotonic(), []

    def tell(step: int, loss: float) -> None:
        recent.append(loss)
        if (step + 1) % 50 == 0:
            print(
                f"step {step + 1}/{arguments.steps} loss {mean(recent[-50:]):.3f} {monotonic() - started:.0f} s",
                flush=True,
            )

    remover = train([(pixels(f.original), pixels(f.glazed)) for f in pairs], arguments.steps, tell)
    minutes = (monotonic() - started) / 60
    figures = [removed(remover, files, arguments.instrument) for files in tests]
    size = sum(p.numel() for p in remover.parameters()) / 1e6
    facts = "\n".join(
        (
            f"| training | {len(pairs)} pairs of {CUT_TO} pixels at most, medium intensity, {TRAINED_AT} effort, "
            "each towards a style drawn with its own seed |",
            f"| network | {size:.2f} M parameters, {arguments.steps} steps, {minutes:.0f} minutes on {THREADS} "
            "threads |",
            f"| test | {len(tests)} pictures that it never saw, at {TRAINED_SIDE} pixels, {TESTED_AT} effort |",
        )
    )
    left = {name: mean(row[name] for row in figures) for name in figures[0]}
    text = report(facts, detected(remover, tests), left)
    (arguments.docs or arguments.output).joinpath("detection.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
