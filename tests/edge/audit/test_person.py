"""What a person sees: against scikit-image, on bands of any height, and in the cases at the edge."""

import stat
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from glaze_edge.audit import person
from glaze_edge.audit.tools import TOOLS
from glaze_edge.figures import visibility
from glaze_edge.preprocess import from_pillow

Picture = Image.Image


@pytest.fixture
def pair() -> tuple[Picture, Picture]:
    """Larger than one band, with a change of a few levels."""
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (30, 10, 3), np.uint8))
    original = coarse.resize((100, 300), Image.Resampling.BICUBIC)
    change = rng.integers(-6, 7, (300, 100, 3))
    return original, Image.fromarray((np.asarray(original) + change).clip(0, 255).astype(np.uint8))


def test_ssim_and_psnr_are_those_of_scikit_image(pair: tuple[Picture, Picture]) -> None:
    original, glazed = pair
    luma = [np.asarray(image, np.float64) @ [0.299, 0.587, 0.114] for image in pair]
    expected = structural_similarity(
        *luma, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255
    )
    assert person.ssim(original, glazed) == pytest.approx(expected, abs=1e-4)
    expected = peak_signal_noise_ratio(np.asarray(original), np.asarray(glazed))
    assert person.psnr(from_pillow(original), from_pillow(glazed)) == pytest.approx(expected, abs=0.01)


def test_bands_make_no_difference(pair: tuple[Picture, Picture], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = person.ssim(*pair), person.delta_e(*pair)
    monkeypatch.setattr(person, "ROWS", 37)
    assert person.ssim(*pair) == pytest.approx(whole[0], abs=1e-9)
    np.testing.assert_array_equal(person.delta_e(*pair), whole[1])


def test_no_change(pair: tuple[Picture, Picture], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(person, "TOOLS", {})
    seen = person.person_sees(pair[0], pair[0])
    assert (seen.psnr, seen.ssim, seen.delta_e_max) == (None, 1, 0)
    assert seen.visibility["share_above"] == seen.visibility["largest_change"] == 0


def test_the_share_above_grows_with_the_change(pair: tuple[Picture, Picture]) -> None:
    original = pair[0]
    shares = []
    for level in (1, 20):
        glazed = Image.fromarray((np.asarray(original, np.int16) + level).clip(0, 255).astype(np.uint8))
        shares.append(visibility(original, glazed)["share_above"])
    assert shares[0] == 0
    assert shares[1] > 0.9


@pytest.mark.parametrize(
    ("script", "value"), [("echo 1.25 more", 1.25), ("echo oops", None), ("exit 3", None)]
)
def test_programs_that_are_installed(
    pair: tuple[Picture, Picture],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    value: float | None,
) -> None:
    program = tmp_path / "butteraugli_main"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert TOOLS["butteraugli"](*pair) == value


def test_programs_that_are_not(pair: tuple[Picture, Picture], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("glaze_edge.audit.tools.find_spec", lambda name: None)
    assert [tool(*pair) for tool in TOOLS.values()] == [None, None, None]


def test_ssimulacra2(pair: tuple[Picture, Picture]) -> None:
    pytest.importorskip("ssimulacra2", reason="the extra `audit` is not installed")
    score = TOOLS["ssimulacra2"]
    assert score(pair[0], pair[0]) == 100
    worse = score(*pair)
    assert worse is not None
    assert worse < 95
