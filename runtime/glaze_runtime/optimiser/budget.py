"""The visibility budget: how far a picture may move in opponent colour before people notice, pixel by pixel.

A change is weighed in two bands a channel, because the eye (and butteraugli, which the thresholds were measured with on
flat colours, see docs/decisions/0001-budget-two-bands.md) sees slow drifts of colour at a fraction of the amplitude at
which it sees fine chroma:

    E = blur( sum_c (low_c / LOW_c)² + (high_c / fine_c)² ) / mask²         visibility = sqrt(E), 1 at the threshold
    penalty = mean( E³ )                                                    the sixth power keeps the worst place down

The mask is 1 on flats and grows with texture. It is a local minimum, so that an outline in flat art does not license
noise beside it (contrast masking after Chou & Li 1995; the minimum is ours). LOW_c and HIGH_c hold around mid-grey;
around another colour they follow how strongly the eye's receptors respond there, by butteraugli's model of them
(https://github.com/google/butteraugli). Of fine chroma only CALM is left on flats.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from glaze_runtime.arrays import Image, Plane

# ITU-R BT.601, full range, as JPEG uses it: R, G, B -> Y, Cb, Cr.
TO_OPPONENT = np.array(
    [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32
)
TO_RGB = np.linalg.inv(TO_OPPONENT).astype(np.float32)

LOW = np.array([1.4, 2.0, 1.7], np.float32) / 255
"""Thresholds of Y, Cb, Cr for what varies over more than about 16 pixels: root mean square, share of full range."""
HIGH = np.array([2.6, 12.0, 6.0], np.float32) / 255
"""Thresholds of Y, Cb, Cr for finer changes."""
CAP = 2.0
"""No pixel moves farther than this many times fine · mask."""
TEXTURE_GAIN, MASK_MOST = 0.25, 2.2
"""The mask grows by TEXTURE_GAIN for each 1/255 of fine contrast, up to MASK_MOST."""
CALM, RELIEF = 0.5, 8.0
"""Fine chroma has CALM of its threshold on flats, and all of it where luminance deviates by RELIEF/255 within 8
pixels."""
OPSIN = np.array([[0.2996, 0.6337, 0.0777], [0.2216, 0.6939, 0.0987], [0.02, 0.02, 0.2048]], np.float32)
OPSIN_BIAS = np.array([11.727, 11.727, 22.198], np.float32)
"""Receptors L, M, S respond with log(OPSIN · linear RGB · NITS + OPSIN_BIAS); butteraugli's constants."""
NITS = 80
LOW_EYE = (0.0263, 0.00059, 0.00135)
FINE_EYE = (0.00118, 0.00029, 0.00003)
"""Weights of L − M, L + M and S for slow and fine changes, fitted to 125 colours
(docs/decisions/0004-thresholds-follow-colour.md)."""
EYE_SHARE, EYE_LEAST, EYE_MOST = 0.65, 0.3, 1.8
"""The exponent at which that fit was closest for both bands, and how far it may change a threshold."""
POWER = 3
"""Of E in the penalty."""
BLOCK = 4
"""The low band is the mean over blocks of this many pixels, smoothed over their neighbours."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Budget:
    """What a picture may move by.

    Attributes:
        limit: [H,W,3], the farthest each pixel may move in Y, Cb, Cr.
        low: [H/BLOCK,W/BLOCK,3], thresholds of Y, Cb, Cr for slow changes.
        fine: [H,W,3], thresholds for fine ones.
        mask: [H/BLOCK,W/BLOCK], 1 on flats, more on texture.
    """

    limit: Image
    low: Image
    fine: Image
    mask: Plane

    def visibility(self, change: Image) -> Plane:
        """Visibility [H/BLOCK,W/BLOCK] of `change` [H,W,3] in Y, Cb, Cr; 1 is the threshold of this budget."""
        energy, _, _ = self._energy(change)
        return np.sqrt(energy)

    def penalty(self, change: Image) -> tuple[float, Image]:
        """mean(E³) of `change` [H,W,3] in Y, Cb, Cr, and its gradient [H,W,3]."""
        energy, low, high = self._energy(change)
        pixels = _pixels(change)
        by_energy = _smooth(POWER * energy ** (POWER - 1) / (energy.size * self.mask**2))[..., None]
        by_high = _spread(by_energy / pixels, change.shape) * (2 * high / self.fine**2)
        by_low = by_energy * (2 * low / self.low**2)
        # low = smooth(means(change)), high = change − spread(low): the chain rule back to change.
        by_means = _smooth(by_low - _sums(by_high)) / pixels
        return float(np.mean(energy**POWER)), by_high + _spread(by_means, change.shape)

    def _energy(self, change: Image) -> tuple[Plane, Image, Image]:
        low = _smooth(_means(change))
        high = change - _spread(low, change.shape)
        energy = _means(np.square(high / self.fine).sum(-1)) + np.square(low / self.low).sum(-1)
        return _smooth(energy) / self.mask**2, low, high


def visibility_budget(image: Image, scale: float) -> Budget:
    """The budget of `image` [H,W,3]; `scale` multiplies every threshold."""
    luma = 255 * (image @ TO_OPPONENT[0])
    mask = (1 + TEXTURE_GAIN * _texture(luma)).clip(1, MASK_MOST)
    around = np.stack([_box(image[..., c], BLOCK) for c in range(3)], axis=-1)
    fine = scale * HIGH * _relative(around, FINE_EYE)
    fine[..., 1:] *= (CALM + (1 - CALM) * np.minimum(1, _relief(luma) / RELIEF))[..., None]
    return Budget(
        limit=CAP * fine * mask[..., None],
        low=scale * LOW * _relative(_means(around), LOW_EYE),
        fine=fine,
        mask=_means(mask),
    )


def _relative(colours: Image, eye: tuple[float, float, float]) -> Image:
    """Thresholds [H,W,3] of Y, Cb, Cr around `colours` [H,W,3], over those around mid-grey."""
    grey = _sensitivity(np.full((1, 1, 3), 0.5, np.float32), eye)
    return ((grey / _sensitivity(colours, eye)) ** EYE_SHARE).clip(EYE_LEAST, EYE_MOST)


def _sensitivity(colours: Image, eye: tuple[float, float, float]) -> Image:
    """How strongly the eye responds to Y, Cb, Cr [H,W,3] around `colours` [H,W,3]."""
    encoded = np.maximum(0.04045, colours)  # the dark toe of sRGB would only add to EYE_MOST
    linear = ((encoded + 0.055) / 1.055) ** 2.4
    slope = NITS * 2.4 * linear / (encoded + 0.055)
    response = 1 / (NITS * linear @ OPSIN.T + OPSIN_BIAS)
    by_opponent = (response[..., None] * OPSIN * slope[..., None, :]) @ TO_RGB  # [H,W,LMS,YCbCr]
    long, medium, short = (by_opponent[..., k, :] for k in range(3))
    sensitivity: Image = np.sqrt(
        eye[0] * (long - medium) ** 2 + eye[1] * (long + medium) ** 2 + eye[2] * short**2
    )
    return sensitivity


def _relief(luma: Plane) -> Plane:
    """The standard deviation of `luma` within 8 pixels."""
    centred = luma - luma.mean()
    variance = _box(np.square(centred), 8) - np.square(_box(centred, 8))
    relief: Plane = np.sqrt(variance.clip(0))
    return relief


def _texture(luma: Plane) -> Plane:
    """Fine contrast in the units of `luma`, the least of it within 4 pixels."""
    contrast = _box(np.abs(luma - _box(_box(luma, 1), 1)), 3)
    return _box(_least(contrast, 4), 2)


def _box(plane: Plane, radius: int) -> Plane:
    """The mean over a square; edges repeat."""
    size = 2 * radius + 1
    for axis in (0, 1):
        total = np.pad(plane, [(radius + 1, radius) if a == axis else (0, 0) for a in (0, 1)], mode="edge")
        np.cumsum(total, axis, out=total)
        high, low = (np.take(total, range(s, s + plane.shape[axis]), axis) for s in (size, 0))
        plane = (high - low) / size
    return plane


def _least(plane: Plane, radius: int) -> Plane:
    """The minimum over a square; edges repeat."""
    for axis in (0, 1):
        padded = np.pad(plane, [(radius, radius) if a == axis else (0, 0) for a in (0, 1)], mode="edge")
        plane = sliding_window_view(padded, 2 * radius + 1, axis).min(-1)
    return plane


def _sums(values: Image | Plane) -> Image:
    """[H,W,...] -> [H/BLOCK,W/BLOCK,...], sums over blocks; the last ones may be smaller."""
    for axis in (0, 1):
        beyond = [(0, -n % BLOCK if a == axis else 0) for a, n in enumerate(values.shape)]
        whole = np.pad(values, beyond) if beyond[axis][1] else values
        parts = (whole[(slice(None),) * axis + (slice(k, None, BLOCK),)] for k in range(BLOCK))
        values = np.array(next(parts))
        for part in parts:
            values += part
    return values


def _means(values: Image | Plane) -> Image:
    return _sums(values) / _pixels(values)


def _pixels(values: Image | Plane) -> Image:
    """How many pixels each block of `values` has; [h,w] of a plane, [h,w,1] of an image."""
    counts = _counts(*values.shape[:2])
    return counts.reshape(counts.shape + (1,) * (values.ndim - 2))


@lru_cache(maxsize=8)
def _counts(height: int, width: int) -> Plane:
    return _sums(np.ones((height, width), np.float32))


def _spread(blocks: Image, shape: tuple[int, ...]) -> Image:
    """[h,w,...] -> [H,W,...], each block's value at each of its pixels: the adjoint of `_sums`."""
    return blocks.repeat(BLOCK, 0).repeat(BLOCK, 1)[: shape[0], : shape[1]]


def _smooth(blocks: Image) -> Image:
    """Binomial [1,2,1]/4 along both axes, mirrored at the edges so that it is its own adjoint."""
    for axis in (0, 1):
        padded = np.pad(blocks, [(1, 1) if a == axis else (0, 0) for a in range(blocks.ndim)], mode="edge")
        before, here, after = (np.take(padded, range(s, s + blocks.shape[axis]), axis) for s in (0, 1, 2))
        blocks = (before + 2 * here + after) / 4
    return blocks
