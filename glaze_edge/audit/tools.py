"""Perceptual measures that other people's programs give, where they are installed.

A measure is a function of two RGB pictures of one size that gives a number, or None where its program is not there or
fails.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from math import isfinite
from pathlib import Path

from PIL import Image as PillowImage

PATIENCE = 120
"""Seconds that a program may take."""

Measure = Callable[[PillowImage.Image, PillowImage.Image], float | None]


def _program(name: str, original: PillowImage.Image, glazed: PillowImage.Image) -> float | None:
    """The first number that the program `name` prints of two PNG files."""
    program = shutil.which(name)
    if program is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        files = _written(Path(folder), original, glazed)
        try:
            said = subprocess.run(
                [program, *files], capture_output=True, text=True, check=False, timeout=PATIENCE
            )
            value = float(said.stdout.split()[0])
        except (IndexError, ValueError, OSError, subprocess.TimeoutExpired):
            return None
    return round(value, 4) if isfinite(value) else None


def _ssimulacra2(original: PillowImage.Image, glazed: PillowImage.Image) -> float | None:
    if find_spec("ssimulacra2") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        try:
            package = import_module("ssimulacra2")
            score = float(package.compute_ssimulacra2(*_written(Path(folder), original, glazed)))
        except Exception:  # another's package: whatever ails it, the audit can do without
            return None
    return round(score, 2) if isfinite(score) else None


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
"""ssimulacra2: 100 for no change, above 90 hardly seen, the package (extra `audit`). butteraugli: 0 for no change,
below 1 not seen side by side; ssimulacra, the first version: 0 for no change; both are programs of Debian's
libjxl-devtools."""
