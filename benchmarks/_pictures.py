"""What the benchmarks share: pictures as a trainer sees them, glazing a file, and the programs that measure files."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from PIL import Image as PillowImage

from glaze_edge import Session, Settings
from glaze_edge.files import read_picture
from glaze_runtime.arrays import Image, to_pillow

LONGEST, MULTIPLE = 512, 64
"""Pixels: Stable Diffusion 1's trainers resize to 512; sides that are multiples of 64 suit every encoder as they are."""


def working_picture(path: Path) -> PillowImage.Image:
    """The picture as trainers see it: on mid-grey where it is transparent, longest side 512 at most, sides multiples of 64."""
    image = PillowImage.open(path)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        backdrop = PillowImage.new("RGBA", image.size, (128, 128, 128, 255))
        image = PillowImage.alpha_composite(backdrop, image)
    image = image.convert("L" if image.mode == "L" else "RGB")
    scale = min(1, LONGEST / max(image.size))
    if scale < 1:
        image = image.resize([round(n * scale) for n in image.size], PillowImage.Resampling.LANCZOS)
    width, height = (n // MULTIPLE * MULTIPLE for n in image.size)
    return image.crop((0, 0, width, height))


def glaze_file(original: Path, settings: Settings, glazed: Path, target: Path) -> Session:
    """Glaze a picture and write the result and its style target, as 8-bit RGB. Returns the session that did it."""
    session = Session(settings)
    result = session.glaze(read_picture(original))
    save(result.image, glazed)
    save(result.target, target)
    return session


def save(image: Image, path: Path) -> None:
    """Write [H,W,3] in 0..1 as 8-bit RGB."""
    to_pillow(image).save(path)


def measured(instrument: Path, original: Path, glazed: Path, target: Path) -> dict[str, Any]:
    """What an independent instrument says: `INSTRUMENT ORIGINAL GLAZED --target TARGET` prints JSON."""
    command = [sys.executable, instrument, original, glazed, "--target", target]
    seen: dict[str, Any] = json.loads(
        subprocess.run(command, check=True, capture_output=True, text=True).stdout
    )
    return seen


def butteraugli(original: Path, glazed: Path) -> float:
    """butteraugli's distance of two files of the same size; below 1 it is not seen side by side."""
    program = shutil.which("butteraugli_main")
    if program is None:
        sys.exit("butteraugli_main is missing. Install libjxl's tools (Debian: libjxl-devtools).")
    said = subprocess.run([program, original, glazed], check=True, capture_output=True, text=True).stdout
    return float(said.split()[0])
