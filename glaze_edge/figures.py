"""The figures of a result: what encoders see of it, beside a control, and what people may see."""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from glaze_runtime.arrays import Image
from glaze_runtime.budget import TO_OPPONENT, Budget
from glaze_runtime.encoder import Encoder
from glaze_runtime.optimise import size_of, whole_latent

MEASURED_SIDE = 512
"""Pixels: attainment is measured at this longest side, that of Stable Diffusion 1 trainers."""


class Attainment(TypedDict):
    """`attainment` 1 − |E(x') − E(t)|² / |E(x) − E(t)|², 0 for the original, 1 for the target; `control`: of as much noise."""

    encoder: str
    attainment: float
    control: float


class Visibility(TypedDict):
    """Changes in 1/255, their rms in flat and in textured 16x16 blocks (None where there are none).

    `peak` is the largest visibility, 1 at the threshold of a budget of scale 1.
    """

    largest_change: float
    mean_change: float
    rms_flat: float | None
    rms_textured: float | None
    peak: float


def attainments(
    original: Image, glazed: Image, target: Image, encoders: Sequence[Encoder]
) -> list[Attainment]:
    """Attainment of `glazed` in each encoder; the control is the same change with its blocks shuffled and signs flipped."""
    rows: list[Attainment] = []
    for encoder in encoders:
        size = size_of(original, min(MEASURED_SIDE, max(original.shape[:2])), encoder.card)
        start, end = (whole_latent(encoder, image, size) for image in (original, target))
        reached, noise = (
            whole_latent(encoder, image, size) for image in (glazed, _control(original, glazed))
        )
        whole = max(float(np.square(start - end).sum()), 1e-9)
        rows.append(
            {
                "encoder": encoder.card.name,
                "attainment": round(1 - float(np.square(reached - end).sum()) / whole, 4),
                "control": round(1 - float(np.square(noise - end).sum()) / whole, 4),
            }
        )
    return rows


def visibility(original: Image, glazed: Image, budget: Budget) -> Visibility:
    """What people may see of the change from `original` to `glazed`; `budget` is that of the original at scale 1."""
    change = 255 * (glazed - original)
    luma = _blocks((255 * original) @ TO_OPPONENT[0], 16)
    energy = _blocks(np.square(change).mean(-1), 16).mean(1)
    spread = luma.std(1)
    return {
        "largest_change": round(float(np.abs(change).max()), 1),
        "mean_change": round(float(np.abs(change).mean()), 3),
        "rms_flat": _rms(energy[spread < 2]),
        "rms_textured": _rms(energy[spread > 10]),
        "peak": round(float(budget.visibility((change / 255) @ TO_OPPONENT.T).max()), 3),
    }


def _control(original: Image, glazed: Image, block: int = 8) -> Image:
    rng = np.random.default_rng(0)
    height, width = (n // block * block for n in original.shape[:2])
    change = (glazed - original)[:height, :width]
    tiles = change.reshape(height // block, block, width // block, block, 3).swapaxes(1, 2)
    flat = tiles.reshape(-1, block, block, 3)
    flat = (
        flat[rng.permutation(len(flat))]
        * rng.choice(np.array([-1, 1], np.float32), len(flat))[:, None, None, None]
    )
    noise = flat.reshape(tiles.shape).swapaxes(1, 2).reshape(height, width, 3)
    out = original.copy()
    out[:height, :width] = (out[:height, :width] + noise).clip(0, 1)
    return out


def _blocks(plane: Image, size: int) -> Image:
    height, width = (n // size * size for n in plane.shape)
    tiles = plane[:height, :width].reshape(height // size, size, width // size, size)
    return tiles.swapaxes(1, 2).reshape(-1, size * size)


def _rms(energy: Image) -> float | None:
    return round(float(energy.mean() ** 0.5), 2) if len(energy) else None
