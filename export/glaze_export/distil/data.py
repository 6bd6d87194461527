"""What recipes learn from: random crops of the pictures in a folder, and changes to them."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from glaze_models.errors import OptionError, UnreadablePicture
from glaze_runtime.optimiser.budget import TO_RGB

Crops = NDArray[np.uint8]
"""[N,side,side,3], sRGB."""

SUFFIXES = (".jpeg", ".jpg", ".png", ".webp")
LONGEST = (384, 768)
"""Pixels, between which the longest side of a picture is drawn; no picture is enlarged, but for those smaller than a
crop."""


def pictures(folder: Path) -> list[Path]:
    """The pictures in `folder` and below it, in order.

    Raises:
        OptionError: there are none.
    """
    found = sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES)
    if not found:
        raise OptionError(f"{folder} holds no picture. Give a folder with {', '.join(SUFFIXES)} files.")
    return found


def crops(files: list[Path], *, side: int, each: int, seed: int) -> Crops:
    """`each` crops of every picture, at sizes and places that depend on `seed` alone.

    Raises:
        UnreadablePicture: a picture cannot be read.
    """
    found = np.empty((len(files) * each, side, side, 3), np.uint8)
    for index, file in enumerate(files):
        rng = np.random.default_rng([seed, index])
        try:
            with Image.open(file) as image:
                image.draft(
                    "RGB", (LONGEST[1], LONGEST[1])
                )  # a JPEG is decoded at half size where that will do
                picture = image.convert("RGB")
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            raise UnreadablePicture(f"{file} cannot be read: {error}. Take it out of the folder.") from error
        for place in range(index * each, (index + 1) * each):
            found[place] = _crop(picture, side, rng)
    return found


def batch(count: int, size: int, *, seed: int, step: int) -> NDArray[np.int64]:
    """[size]: which of `count` examples are looked at in `step`; the same numbers whether a training was interrupted or
    not."""
    return np.random.default_rng([seed, step]).integers(count, size=size)


def to_rgb(opponent: Tensor) -> Tensor:
    """Changes [N,3,h,w] in Y, Cb, Cr -> in RGB."""
    with torch.autocast(opponent.device.type, enabled=False):
        return torch.einsum("rc,nchw->nrhw", torch.from_numpy(TO_RGB).to(opponent.device), opponent)


def _crop(picture: Image.Image, side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    width, height = picture.size
    scale = max(min(1, rng.uniform(*LONGEST) / max(width, height)), side / min(width, height))
    width, height = (max(side, round(length * scale)) for length in (width, height))
    left, top = (int(rng.integers(length - side + 1)) for length in (width, height))
    small = picture.resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(small.crop((left, top, left + side, top + side)))
