"""Glazing from Python."""

import doctest
from pathlib import Path

import numpy as np
import pytest
from command import run
from PIL import Image

import glaze_edge
import glaze_edge.api
from glaze_edge import Session, Settings, glaze, read_picture
from glaze_edge.figures import attainments, visibility
from glaze_models import DEFAULT_ENCODERS, EncoderCard, encoder_card
from glaze_models.errors import DeviceError, OptionError, OutputError
from glaze_runtime.devices import CPU, Device
from glaze_runtime.devices.verdicts import Verdict
from glaze_runtime.encoder import Encoder
from glaze_runtime.optimiser.budget import LOW


def test_the_face_of_the_package() -> None:
    assert glaze_edge.__all__ == sorted(glaze_edge.__all__)
    assert all(getattr(glaze_edge, name).__name__ == name for name in glaze_edge.__all__)


def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Image.effect_noise((96, 80), 60).convert("RGB").save("portrait.png")
    found = doctest.testmod(glaze_edge.api, extraglobs={"Settings": Settings})
    assert found.attempted >= 8
    assert found.failed == 0


def test_a_result_is_saved_as_the_command_saves_it(tmp_path: Path) -> None:
    Image.effect_noise((120, 90), 60).convert("RGB").save(tmp_path / "a.jpg", comment=b"mine")
    session = Session(Settings(effort="quick", device="cpu", style="red-weave"))
    result = session.glaze(read_picture(tmp_path / "a.jpg"))
    assert result.save(tmp_path / "b.jpg") == tmp_path / "b.jpg"
    again = read_picture(tmp_path / "b.jpg")
    assert again.glazed == result.mark
    with Image.open(tmp_path / "b.jpg") as saved:
        assert saved.info["comment"] == b"mine"
    with pytest.raises(OutputError, match="exists"):
        result.save(tmp_path / "b.jpg")
    assert run("glaze", tmp_path / "a.jpg", "--effort=quick", "--device=cpu", "--style=red-weave") == 0
    assert (tmp_path / "a-glazed.jpg").read_bytes() == (tmp_path / "b.jpg").read_bytes()


def test_a_session_keeps_nothing_of_a_picture() -> None:
    """A style that was drawn for one picture was once the style of all that came after."""
    rng = np.random.default_rng(0)
    session = Session(Settings(effort="quick", device="cpu"))
    far = [rng.normal(size=100).astype(np.float32) for _ in range(2)]
    drawn = [session.draw_style([each]).name for each in (*far, far[0])]
    assert drawn[0] == drawn[2] != drawn[1]
    assert session.style is None


def test_glaze(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    Image.fromarray(pixels).resize((120, 90)).save(tmp_path / "a.png")
    result, figures = glaze(tmp_path / "a.png", Settings(effort="quick", device="cpu", style="red-weave"))
    assert result.style == "red-weave"
    assert result.image.shape == (90, 120, 3)
    assert 0 < np.abs(result.image - result.picture.image).max() < 0.5
    assert 0 < figures.visibility["mean_change"] <= figures.visibility["largest_change"]
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("wrong", [{"intensity": "x"}, {"effort": "x"}, {"generators": ()}], ids=str)
def test_wrong_settings(wrong: dict[str, str]) -> None:
    with pytest.raises(OptionError):
        Settings(**wrong)  # type: ignore[arg-type]


def test_a_device_must_be_right_for_every_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    tested = []

    def self_test(device: Device, encoder: object, *, card: EncoderCard, size: int, anew: bool) -> Verdict:
        tested.append((card.name, size))
        right = card.name == "sd1-a"
        return Verdict(device=device.name, passed=right, reason="wrong for this one", size=size)

    monkeypatch.setattr("glaze_runtime.devices.selftest.self_test", self_test)
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CUDAExecutionProvider"])
    with pytest.raises(DeviceError, match="'cuda' failed its self-test: wrong for this one"):
        Session(Settings(device="cuda", encoders=("sd1-a", "sd1-b")))
    assert tested == [("sd1-a", 512), ("sd1-b", 512)]


def test_attainment_is_0_at_the_original_and_1_at_the_target() -> None:
    rng = np.random.default_rng(0)
    original, target = (
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).resize((96, 96)) for _ in range(2)
    )
    encoders = [Encoder(card, CPU) for card in map(encoder_card, DEFAULT_ENCODERS)]
    zeros, ones = [0] * len(encoders), [1] * len(encoders)
    assert [row["attainment"] for row in attainments(original, original, target, encoders)] == zeros
    assert [row["attainment"] for row in attainments(original, target, target, encoders)] == ones


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
