"""Perceptual measures that other people's programs give, where they are installed.

A measure is a function of two RGB pictures of one size that gives a number, or None where its program is not there or fails.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from PIL import Image as PillowImage

Measure = Callable[[PillowImage.Image, PillowImage.Image], float | None]


def _program(name: str, original: PillowImage.Image, glazed: PillowImage.Image) -> float | None:
    """The first number that the program `name` prints of two PNG files."""
    program = shutil.which(name)
    if program is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        files = _written(Path(folder), original, glazed)
        said = subprocess.run([program, *files], capture_output=True, text=True, check=False)
    try:
        return round(float(said.stdout.split()[0]), 4)
    except (IndexError, ValueError):
        return None


def _ssimulacra2(original: PillowImage.Image, glazed: PillowImage.Image) -> float | None:
    if find_spec("ssimulacra2") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        score = import_module("ssimulacra2").compute_ssimulacra2(*_written(Path(folder), original, glazed))
    return round(float(score), 2)


def _written(folder: Path, *images: PillowImage.Image) -> list[Path]:
    files = [folder / f"{number}.png" for number in range(len(images))]
    for image, file in zip(images, files, strict=True):
        image.save(file, compress_level=1)
    return files


TOOLS: dict[str, Measure] = {
    "ssimulacra2": _ssimulacra2,
    "butteraugli": partial(_program, "butteraugli_main"),
    "ssimulacra": partial(_program, "ssimulacra_main"),
}
"""ssimulacra2: 100 for no change, above 90 hardly seen, the package (extra `audit`). butteraugli: 0 for no change, below 1 not seen
side by side; ssimulacra, the first version: 0 for no change; both are programs of Debian's libjxl-devtools."""
