"""What a person sees of the change: numbers that stand for the eye, from plain to perceptual."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image as PillowImage

from glaze_edge.audit.colour import ciede2000, lab
from glaze_edge.audit.tools import TOOLS
from glaze_edge.figures import Visibility, judged, visibility
from glaze_edge.preprocess import from_pillow
from glaze_runtime.arrays import Image, Plane
from glaze_runtime.optimiser.budget import TO_OPPONENT

ROWS = 256
"""A picture is worked through in bands of so many rows, so that memory stays bounded."""
SIGMA, RADIUS = 1.5, 5
"""Pixels: the window of SSIM."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """What a person may see.

    Attributes:
        visibility: the changes in 1/255 and the visibility map, as `glaze` reports them.
        psnr: dB; None where nothing was changed.
        ssim: of luminance, 1 for no change (Wang et al. 2004).
        delta_e_mean, delta_e_p95, delta_e_max: CIEDE2000 of the pixels; about 1 is just seen side by side.
        perceptual: name -> value of the measures in `TOOLS` that are installed.
    """

    visibility: Visibility
    psnr: float | None
    ssim: float
    delta_e_mean: float
    delta_e_p95: float
    delta_e_max: float
    perceptual: dict[str, float]


def person_sees(original: PillowImage.Image, glazed: PillowImage.Image) -> Person:
    """What a person sees of the change from `original` to `glazed`, RGB of 8 bits and of one size."""
    difference = delta_e(original, glazed)
    pair = judged(original), judged(glazed)
    said = {name: tool(*pair) for name, tool in TOOLS.items()}
    return Person(
        visibility=visibility(original, glazed),
        psnr=psnr(from_pillow(original), from_pillow(glazed)),
        ssim=round(ssim(original, glazed), 4),
        delta_e_mean=round(float(difference.mean()), 2),
        delta_e_p95=round(float(np.percentile(difference, 95)), 2),
        delta_e_max=round(float(difference.max()), 2),
        perceptual={name: value for name, value in said.items() if value is not None},
    )


def psnr(original: Image, glazed: Image) -> float | None:
    """Peak signal-to-noise ratio in dB of pictures [H,W,3] in 0..1; None where they are the same."""
    error = float(np.square(glazed - original).mean(dtype=np.float64))
    return round(-10 * np.log10(error), 2) if error else None


def delta_e(original: PillowImage.Image, glazed: PillowImage.Image) -> Plane:
    """CIEDE2000 [H,W] of each pixel."""
    bands = [ciede2000(lab(a), lab(b)) for a, b in _bands(original, glazed, overlap=0)]
    return np.concatenate(bands)


def ssim(original: PillowImage.Image, glazed: PillowImage.Image) -> float:
    """The mean structural similarity of luminance, in Gaussian windows of 11x11 that lie within the picture."""
    total, count = 0.0, 0
    for a, b in _bands(original, glazed, overlap=2 * RADIUS):
        similar = _similarity(255 * (a @ TO_OPPONENT[0]), 255 * (b @ TO_OPPONENT[0]))
        total += float(similar.sum(dtype=np.float64))
        count += similar.size
    return total / count


def _similarity(x: Plane, y: Plane) -> Plane:
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mx, my = _window(x), _window(y)
    vx, vy, vxy = _window(x * x) - mx * mx, _window(y * y) - my * my, _window(x * y) - mx * my
    return (2 * mx * my + c1) * (2 * vxy + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))


def _window(plane: Plane) -> Plane:
    """The Gaussian mean around each pixel that has RADIUS pixels on all sides."""
    weights = np.exp(-0.5 * (np.arange(-RADIUS, RADIUS + 1) / SIGMA) ** 2)
    weights = (weights / weights.sum()).astype(np.float64)
    rows: Plane = sliding_window_view(plane, 2 * RADIUS + 1, 0) @ weights
    both: Plane = sliding_window_view(rows, 2 * RADIUS + 1, 1) @ weights
    return both


def _bands(
    original: PillowImage.Image, glazed: PillowImage.Image, overlap: int
) -> Iterator[tuple[Image, Image]]:
    """Pairs of bands [rows,W,3] in 0..1; each shares its last `overlap` rows with the next."""
    width, height = original.size
    for top in range(0, max(height - overlap, 1), ROWS):
        box = (0, top, width, min(height, top + ROWS + overlap))
        yield from_pillow(original.crop(box)), from_pillow(glazed.crop(box))
