"""Advice: said where a change can do little, and why, with what helps."""

import numpy as np
import pytest
from PIL import Image

from glaze_edge.advice import advice
from glaze_edge.figures import Attainment

RNG = np.random.default_rng(0)
PICTURES = {
    "mostly flat white": Image.new("RGB", (64, 64), "white"),
    "mostly flat, where": Image.new("RGB", (64, 64), (120, 90, 60)),
    "was moved little": Image.fromarray(RNG.integers(0, 255, (64, 64, 3)).astype(np.uint8)),
}


def reached(attainment: float) -> list[Attainment]:
    return [{"encoder": "sd1-a", "attainment": attainment, "control": 0.05}]


@pytest.mark.parametrize("kind", PICTURES)
def test_a_small_effect_is_said_with_its_reason(kind: str) -> None:
    said = advice(PICTURES[kind], reached(0.1), "medium")
    assert kind in said
    assert said.endswith("the effect is small; try --intensity high.")


@pytest.mark.parametrize(
    ("intensity", "end"),
    [("low", "try --intensity high."), ("high", "try --intensity max."), ("max", "the effect is small.")],
)
def test_the_remedy_is_stronger_than_what_was_used(intensity: str, end: str) -> None:
    assert advice(PICTURES["mostly flat white"], reached(0.1), intensity).endswith(end)


def test_nothing_is_said_of_a_usual_effect() -> None:
    assert advice(PICTURES["mostly flat white"], reached(0.3), "medium") == ""
