"""Advice: given where a change can do little, with the reason and what helps."""

from typing import get_args

import numpy as np
import pytest
from PIL import Image

from glaze_edge.advice import Advice, advice
from glaze_edge.commands.glaze import ADVICE, _advice
from glaze_edge.figures import Attainment

RNG = np.random.default_rng(0)
PICTURES = {
    "white": Image.new("RGB", (64, 64), "white"),
    "flat": Image.new("RGB", (64, 64), (120, 90, 60)),
    "little": Image.fromarray(RNG.integers(0, 255, (64, 64, 3)).astype(np.uint8)),
}
KINDS = set(get_args(Advice.__annotations__["kind"]))


def reached(attainment: float) -> list[Attainment]:
    return [{"encoder": "sd1-a", "attainment": attainment, "control": 0.05}]


@pytest.mark.parametrize("kind", PICTURES)
def test_a_small_effect_is_said_with_its_reason(kind: str) -> None:
    assert advice(PICTURES[kind], reached(0.1), "medium") == {"kind": kind, "stronger": "high"}


@pytest.mark.parametrize(
    ("intensity", "stronger"), [("low", "high"), ("medium", "high"), ("high", "max"), ("max", None)]
)
def test_the_remedy_is_stronger_than_what_was_used(intensity: str, stronger: str | None) -> None:
    assert advice(PICTURES["white"], reached(0.1), intensity) == {"kind": "white", "stronger": stronger}


def test_nothing_is_said_of_a_usual_effect() -> None:
    assert advice(PICTURES["white"], reached(0.3), "medium") is None


def test_the_command_line_has_words_for_every_kind() -> None:
    assert ADVICE.keys() == KINDS == PICTURES.keys()


@pytest.mark.parametrize(
    ("given", "end"),
    [("high", "the effect is small; try --intensity high."), (None, "the effect is small.")],
)
def test_the_command_line_names_its_own_option(given: str | None, end: str) -> None:
    assert (
        _advice({"kind": "flat", "stronger": given})
        == f"This picture is mostly flat, where any change shows: {end}"
    )
