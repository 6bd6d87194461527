"""The learned step: a small network that says where to go from a gradient, in the place of Adam."""

from dataclasses import dataclass
from pathlib import Path

from glaze_models.files import WeightsFile, bundled, graph_file

STRIDE = 8
"""Pixels: heights and widths are multiples of it."""


@dataclass(frozen=True, kw_only=True)
class LearnedStepCard:
    """What there is to know of it.

    Attributes:
        name: what it is called.
        graph: image, limit, before, gradient, momentum [1,3,H,W] -> fraction [1,3,H,W], without weights; see
            `glaze_runtime.optimiser.learned_step`.
        licence, provenance: of the weights.
        weights: they are bundled.
    """

    name: str
    graph: Path
    licence: str
    provenance: str
    weights: WeightsFile


LEARNED_STEP = LearnedStepCard(
    name="learned-step",
    graph=graph_file("learned_step"),
    licence="MIT",
    provenance=(
        "trained for this project from random initialisation on freely licensed art, by the optimiser's own "
        "objective on sd1-a "
        "and sd1-b"
    ),
    weights=bundled(
        "learned_step",
        "083f9c6dab10cf95ee0b3251afb3935fbda01e34bb7ab789afbf9a37d404984c",
        1275362,
    ),
)
