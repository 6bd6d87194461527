"""Glazing from Python."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import glaze_edge
from glaze_edge import Settings, glaze
from glaze_edge.figures import attainments, visibility
from glaze_models import DEFAULT_ENCODERS, encoder_card
from glaze_models.errors import OptionError
from glaze_runtime.budget import LOW
from glaze_runtime.devices import CPU
from glaze_runtime.encoder import Encoder


def test_the_face_of_the_package() -> None:
    assert glaze_edge.__all__ == sorted(glaze_edge.__all__)
    assert set(glaze_edge.__all__) == {"Figures", "GlazeError", "Glazed", "Session", "Settings", "glaze"}


def test_glaze(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    Image.fromarray(pixels).resize((120, 90)).save(tmp_path / "a.png")
    result, figures = glaze(tmp_path / "a.png", Settings(effort="quick", device="cpu", style="red-weave"))
    assert result.style == "red-weave"
    assert result.image.shape == (90, 120, 3)
    assert 0 < np.abs(result.image - result.picture.image).max() < 0.5
    assert 0 < figures.visibility["mean_change"] <= figures.visibility["largest_change"]
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("wrong", [{"intensity": "x"}, {"effort": "x"}, {"encoders": ()}], ids=str)
def test_wrong_settings(wrong: dict[str, str]) -> None:
    with pytest.raises(OptionError):
        Settings(**wrong)  # type: ignore[arg-type]


def test_attainment_is_0_at_the_original_and_1_at_the_target() -> None:
    rng = np.random.default_rng(0)
    original, target = (
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).resize((96, 96)) for _ in range(2)
    )
    encoders = [Encoder(card, CPU) for card in map(encoder_card, DEFAULT_ENCODERS)]
    assert [row["attainment"] for row in attainments(original, original, target, encoders)] == [0, 0]
    assert [row["attainment"] for row in attainments(original, target, target, encoders)] == [1, 1]


def test_visibility_of_a_known_change() -> None:
    original, glazed = (Image.new("RGB", (64, 64), (level,) * 3) for level in (128, 130))
    seen = visibility(original, glazed)
    assert (seen["largest_change"], seen["mean_change"], seen["rms_flat"], seen["rms_textured"]) == (
        2,
        2,
        2,
        None,
    )
    assert seen["peak"] == pytest.approx(2 / (255 * LOW[0]), rel=0.01)
    assert seen["share_above"] == 1
