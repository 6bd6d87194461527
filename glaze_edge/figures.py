"""The figures of a result: what encoders see of it, beside a control, and what people may see."""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from glaze_edge.preprocess import as_trained, control, from_pillow, latent_of, way_covered
from glaze_runtime.arrays import Image, Latent, Plane
from glaze_runtime.encoder import EncoderLike
from glaze_runtime.optimiser.budget import TO_OPPONENT, visibility_budget

JUDGED_SIDE = 1536
"""Pixels: a larger picture is scaled down to this longest side where it is judged as on a screen."""

FLAT, TEXTURED = 2, 10
"""Standard deviations of the luma of a block, in 1/255, below which it is flat and above which it is textured."""


class Attainment(TypedDict):
    """`attainment` 1 − |E(x') − E(t)|² / |E(x) − E(t)|², 0 for the original, 1 for the target; `control`: of as much
    noise."""

    encoder: str
    attainment: float
    control: float


class Visibility(TypedDict):
    """Changes in 1/255, their rms in flat and in textured 16x16 blocks (None where there are none).

    `peak` is the largest visibility, 1 at the threshold of a budget of scale 1; `share_above`: of the picture, above 1.
    """

    largest_change: float
    mean_change: float
    rms_flat: float | None
    rms_textured: float | None
    peak: float
    share_above: float


def attainments(
    original: PillowImage.Image,
    glazed: PillowImage.Image,
    target: PillowImage.Image,
    encoders: Sequence[EncoderLike],
) -> list[Attainment]:
    """Attainment of `glazed` in each encoder, of pictures of one size, as a trainer sees them."""
    x, reached, end = (as_trained(image) for image in (original, glazed, target))
    noise = control(x, reached)
    rows: list[Attainment] = []
    for encoder in encoders:
        z, z_reached, z_noise, z_end = (latent_of(encoder, image) for image in (x, reached, noise, end))
        rows.append(attainment(encoder.card.name, z, z_reached, z_noise, z_end))
    return rows


def attainment(encoder: str, start: Latent, reached: Latent, noise: Latent, end: Latent) -> Attainment:
    """The attainment of the latent `reached` on the way from `start` to `end`, and of `noise`, in the encoder of this
    name."""
    return {
        "encoder": encoder,
        "attainment": round(way_covered(reached, start, end), 4),
        "control": round(way_covered(noise, start, end), 4),
    }


def visibility(original: PillowImage.Image, glazed: PillowImage.Image) -> Visibility:
    """What people may see of the change from `original` to `glazed`, of one size."""
    before, after = (np.asarray(image, np.float32) for image in (original, glazed))
    change = after - before
    energy = _blocks(np.square(change).mean(-1), 16).mean(1)
    spread = _luma_blocks(before).std(1)
    seen = visibility_map(original, glazed)
    return {
        "largest_change": round(float(np.abs(change).max()), 1),
        "mean_change": round(float(np.abs(change).mean()), 3),
        "rms_flat": _rms(energy[spread < FLAT]),
        "rms_textured": _rms(energy[spread > TEXTURED]),
        "peak": round(float(seen.max()), 3),
        "share_above": round(float((seen > 1).mean()), 4),
    }


def flat_blocks(image: Image) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Of each 16x16 block of `image` [H,W,3] in 0..255: whether it is flat, and its luma."""
    luma = _luma_blocks(image)
    return luma.std(1) < FLAT, luma.mean(1)


def visibility_map(original: PillowImage.Image, glazed: PillowImage.Image) -> Plane:
    """[H/4,W/4]: how visible the change is, 1 at the threshold of a budget of scale 1, at JUDGED_SIDE at most."""
    before, after = (from_pillow(judged(image)) for image in (original, glazed))
    return visibility_budget(before, 1.0).visibility((after - before) @ TO_OPPONENT.T)


def judged(image: PillowImage.Image) -> PillowImage.Image:
    """`image`, at JUDGED_SIDE at most."""
    scale = JUDGED_SIDE / max(image.size)
    if scale >= 1:
        return image
    width, height = (max(1, round(side * scale)) for side in image.size)
    return image.resize((width, height), PillowImage.Resampling.LANCZOS)


def _luma_blocks(image: Image) -> Image:
    """[blocks,256]: the luma of the pixels of each 16x16 block of `image` [H,W,3]."""
    return _blocks(image @ TO_OPPONENT[0], 16)


def _blocks(plane: Image, size: int) -> Image:
    height, width = (n // size * size for n in plane.shape)
    tiles = plane[:height, :width].reshape(height // size, size, width // size, size)
    return tiles.swapaxes(1, 2).reshape(-1, size * size)


def _rms(energy: Image) -> float | None:
    return round(float(energy.mean() ** 0.5), 2) if len(energy) else None
