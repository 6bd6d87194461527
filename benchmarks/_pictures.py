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
from glaze_edge.preprocess import TRAINED_SIDE, as_trained, shown
from glaze_runtime.arrays import Image, to_pillow


def working_picture(path: Path, side: int = TRAINED_SIDE) -> PillowImage.Image:
    """The picture as trainers see it (`glaze_edge.preprocess`), its longest side `side` at most; a grey one stays
    grey."""
    picture = read_picture(path)
    whole = shown(picture)
    if side < TRAINED_SIDE:
        whole.thumbnail((side, side), PillowImage.Resampling.LANCZOS)
    seen = to_pillow(as_trained(whole))
    return seen.convert("L") if picture.grey else seen


def opened(path: Path) -> PillowImage.Image:
    """The RGB picture in a file."""
    return PillowImage.open(path).convert("RGB")


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
    command: list[str | Path] = [sys.executable, instrument, original, glazed, "--target", target]
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
