"""The bilateral filter (Tomasi & Manduchi 1998): a mean of the near pixels of like colour."""

from functools import partial

import numpy as np

from glaze_edge.audit.purifiers.base import Purifier
from glaze_runtime.arrays import Image


def bilateral_filter(image: Image, *, diameter: int, colour: float, space: float, passes: int = 1) -> Image:
    """`image` [H,W,3] in 0..1 after the filter.

    Colours are compared by the sum of the channels' differences.

    Args:
        diameter: of the disc of neighbours, pixels.
        colour, space: standard deviations, in 1/255 and in pixels.
        passes: how many times.
    """
    radius = diameter // 2
    offsets = [
        (down, right)
        for down in range(radius + 1)
        for right in range(-radius, radius + 1)
        if (down, right) > (0, 0) and down**2 + right**2 <= radius**2
    ]
    planes = np.ascontiguousarray(image.transpose(2, 0, 1))
    height, width = planes.shape[1:]
    for _ in range(passes):
        padded = np.pad(planes, [(0, 0), (radius, radius), (radius, radius)], mode="reflect")
        total, weight = padded.copy(), np.ones_like(padded[0])
        # A pair of pixels has one weight, so each offset serves two neighbours.
        for down, right in offsets:
            left = max(right, 0)
            here = np.s_[: height + 2 * radius - down, left - right : width + 2 * radius - left]
            there = np.s_[down:, left : width + 2 * radius + right - left]
            a, b = padded[:, *here], padded[:, *there]
            distance = np.abs(a - b).sum(0) * np.float32(255 / colour)
            w = np.exp(np.float32(-0.5) * (np.square(distance) + np.float32((down**2 + right**2) / space**2)))
            total[:, *here] += w * b
            total[:, *there] += w * a
            weight[here] += w
            weight[there] += w
        inside = np.s_[radius : radius + height, radius : radius + width]
        planes = total[:, *inside] / weight[inside]
    return np.ascontiguousarray(planes.transpose(1, 2, 0)).clip(0, 1)


def bilateral(*, diameter: int, colour: float, space: float) -> Purifier:
    """One pass."""
    return Purifier(
        name="bilateral",
        does=f"bilateral filter, {diameter} px, sigmas {colour:g} and {space:g}",
        purify=partial(bilateral_filter, diameter=diameter, colour=colour, space=space),
    )
