"""Advice: what an artist should know of a result that can do little, as data. Each front end has its own words."""

from collections.abc import Sequence
from statistics import mean
from typing import Literal, TypedDict

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


class Advice(TypedDict):
    """Why the effect on a picture is small, and what helps.

    `kind`: the picture is mostly flat and "white", which leaves a change little room; mostly "flat", where any change
    shows; or it just moved "little". `stronger`: an intensity to try next; None at the strongest.
    """

    kind: Literal["white", "flat", "little"]
    stronger: str | None


def advice(original: PillowImage.Image, encoders: Sequence[Attainment], intensity: str) -> Advice | None:
    """What to tell the artist of a picture glazed at `intensity`; None where the effect is as large as usual."""
    if mean(row["attainment"] - row["control"] for row in encoders) >= LITTLE:
        return None
    return {"kind": _kind(original), "stronger": _stronger(intensity)}


def _kind(original: PillowImage.Image) -> Literal["white", "flat", "little"]:
    flat, luma = flat_blocks(np.asarray(original, np.float32))
    if np.mean(flat & (luma > WHITE)) > MOSTLY:
        return "white"
    return "flat" if np.mean(flat) > MOSTLY else "little"


def _stronger(intensity: str) -> str | None:
    """The next intensity above, "high" at least; None at the strongest."""
    levels = list(INTENSITIES)
    above = max(levels.index(intensity) + 1, levels.index("high"))
    return levels[above] if above < len(levels) else None
