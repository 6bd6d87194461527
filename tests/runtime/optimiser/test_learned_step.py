"""The learned step: what it gives, for any size, and that it is what torch would give."""

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from glaze_models.errors import WeightsError
from glaze_models.files import WeightsFile
from glaze_models.learned_step import LEARNED_STEP
from glaze_runtime.arrays import Image
from glaze_runtime.devices import CPU, Device
from glaze_runtime.optimiser import learned_step
from glaze_runtime.optimiser.learned_step import LearnedStep, learned_step_on

STEP = LearnedStep(CPU)
OTHER = Device(name="other", provider="CPUExecutionProvider", note="a made-up device", needs="nothing")


def asked(height: int, width: int, seed: int = 0) -> list[Image]:
    """image, limit, before, gradient, memory."""
    rng = np.random.default_rng(seed)
    shape = (height, width, 3)
    scales = 1, 0.05, 0.2, 2, 1
    signed = [False, False, True, True, True]
    return [
        (scale * (rng.uniform(-1, 1, shape) if both else rng.random(shape))).astype(np.float32)
        for scale, both in zip(scales, signed, strict=True)
    ]


@given(st.one_of(st.integers(16, 40), st.integers(150, 170)), st.integers(16, 40), st.integers(0, 9))
@example(2 * learned_step.MARGIN, 16, 0)
def test_any_size_gives_shares(height: int, width: int, seed: int) -> None:
    share = STEP(*asked(height, width, seed))
    assert share.shape == (height, width, 3)
    assert np.abs(share).max() <= 1


def test_its_grid_can_begin_outside_the_picture() -> None:
    pictures = asked(93, 83)
    beyond = [np.pad(each, ((3, 0), (5, 0), (0, 0)), mode="edge") for each in pictures]
    share = STEP(*pictures, shift=(3, 5))
    np.testing.assert_array_equal(share, STEP(*beyond)[3:, 5:])
    assert np.abs(share - STEP(*pictures)).max() > 1e-3


@pytest.mark.parametrize("height", [328, 500, 650])
def test_bands_of_a_large_picture_have_no_seams(monkeypatch: pytest.MonkeyPatch, height: int) -> None:
    pictures = asked(height, 40)
    whole = STEP(*pictures)
    monkeypatch.setattr(learned_step, "AREA", 1)
    np.testing.assert_allclose(STEP(*pictures), whole, atol=1e-5)


def test_goes_against_the_gradient() -> None:
    image, limit, before, gradient, _ = asked(64, 64)
    step = STEP(image, limit, 0 * before, gradient, gradient) - 0 * before
    assert np.corrcoef(step.ravel(), np.sign(gradient).ravel())[0, 1] < -0.3


def test_the_same_asked_again_is_the_same() -> None:
    np.testing.assert_array_equal(STEP(*asked(48, 40)), STEP(*asked(48, 40)))


@pytest.mark.parametrize(
    ("wrong", "fails"), [(0.0, False), (0.01, False), (float("nan"), False), (0.0, True)]
)
def test_a_device_that_is_wrong_is_not_used(
    monkeypatch: pytest.MonkeyPatch, wrong: float, fails: bool
) -> None:
    class Elsewhere(LearnedStep):
        def __init__(self, device: Device) -> None:
            super().__init__(CPU)
            self.device = device

        def __call__(self, *asked: Image, **shift: Any) -> Image:
            if self.device == OTHER and fails:
                raise RuntimeError("refused")
            return super().__call__(*asked, **shift) + np.float32(wrong if self.device == OTHER else 0)

    monkeypatch.setattr(learned_step, "LearnedStep", Elsewhere)
    monkeypatch.setattr(learned_step, "TESTED", 32)
    chosen = learned_step_on(OTHER)
    assert isinstance(chosen, Elsewhere)
    assert (chosen.device == OTHER) == (wrong == 0 and not fails)


def test_damaged_weights_are_named(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "weights.safetensors"
    file.write_bytes(LEARNED_STEP.weights.path.read_bytes()[:-1])
    weights = WeightsFile(path=file, sha256=LEARNED_STEP.weights.sha256, bytes=LEARNED_STEP.weights.bytes)
    monkeypatch.setattr(
        learned_step, "LEARNED_STEP", LEARNED_STEP.__class__(**{**vars(LEARNED_STEP), "weights": weights})
    )
    with pytest.raises(WeightsError, match="are damaged"):
        LearnedStep(CPU)
