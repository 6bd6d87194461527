"""EXIF orientation: pictures are stored one way and shown another."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Sample = TypeVar("Sample", bound=np.generic)


def upright(stored: NDArray[Sample], orientation: int) -> NDArray[Sample]:
    """[H,W,...] as stored -> as shown, for an EXIF orientation 1..8. A view, no copy."""
    match orientation:
        case 2:
            return stored[:, ::-1]
        case 3:
            return stored[::-1, ::-1]
        case 4:
            return stored[::-1]
        case 5:
            return stored.swapaxes(0, 1)
        case 6:
            return stored.swapaxes(0, 1)[:, ::-1]
        case 7:
            return stored.swapaxes(0, 1)[::-1, ::-1]
        case 8:
            return stored.swapaxes(0, 1)[::-1]
        case _:
            return stored


def as_stored(shown: NDArray[Sample], orientation: int) -> NDArray[Sample]:
    """[H,W,...] as shown -> as stored: the inverse of `upright`. A view, no copy."""
    return upright(shown, {6: 8, 8: 6}.get(orientation, orientation))
