"""Advice: what an artist should know of a result that can do little, in a sentence."""

from collections.abc import Sequence
from statistics import mean

import numpy as np
from PIL import Image as PillowImage

from glaze_edge.figures import Attainment, flat_blocks
from glaze_edge.settings import INTENSITIES

LITTLE = 0.15
"""Attainment above the control, mean over the encoders: line art reaches about a tenth, pictures with texture a quarter
to a third."""
MOSTLY = 0.5
"""Share of a picture."""
WHITE = 240
"""Luma above which there is no room upwards."""


def advice(original: PillowImage.Image, encoders: Sequence[Attainment], intensity: str) -> str:
    """What to tell the artist of a picture glazed at `intensity`; empty where the change reached what it usually
    does."""
    if mean(row["attainment"] - row["control"] for row in encoders) >= LITTLE:
        return ""
    flat, luma = flat_blocks(np.asarray(original, np.float32))
    if np.mean(flat & (luma > WHITE)) > MOSTLY:
        kind = "is mostly flat white, which leaves a change little room"
    elif np.mean(flat) > MOSTLY:
        kind = "is mostly flat, where any change shows"
    else:
        kind = "was moved little"
    levels = list(INTENSITIES)
    stronger = [
        level
        for level in levels[levels.index("high") :]
        if level not in levels[: levels.index(intensity) + 1]
    ]
    remedy = f"; try --intensity {stronger[0]}" if stronger else ""
    return f"This picture {kind}: the effect is small{remedy}."
