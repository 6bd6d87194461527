"""Pictures as an audit takes them."""

import numpy as np
from PIL import Image


def pictures(size: tuple[int, int] = (128, 64), share: float = 0.2) -> list[Image.Image]:
    """An original, a "glazed" picture `share` of the way towards the target, and the target."""
    rng = np.random.default_rng(0)
    original, target = (
        np.asarray(Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8)).resize(size), np.float32)
        for _ in range(2)
    )
    arrays = (original, original + share * (target - original), target)
    return [Image.fromarray(array.round().astype(np.uint8)) for array in arrays]
