"""Style engines from Python and from the command line."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import run
from PIL import Image

from glaze_edge import Session, Settings, glaze
from glaze_edge.files import read_picture
from glaze_models.errors import ModelError, OptionError
from glaze_models.prompts import HISTORIC_STYLES, draw_prompt
from glaze_runtime.stylise.diffusion import DiffusionStylist

pytest.importorskip("tokenizers")


@pytest.fixture
def engine(make_engine) -> Path:
    return make_engine(recipe={"schedule": "turbo", "steps": 2, "guidance": 1.0})


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    Image.fromarray(pixels).resize((120, 90)).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def settings(engine: Path | str, **others: Any) -> Settings:
    return Settings(effort="quick", device="cpu", style_engine=str(engine), **others)


def test_the_target_is_the_engines(engine: Path, picture: Path) -> None:
    result, figures = glaze(picture, settings(engine, style="cubism by Picasso", seed=3))
    assert result.style == "cubism by Picasso"
    painted = DiffusionStylist(engine, seed=3).stylise(result.picture.image, "cubism by Picasso")
    assert np.array_equal(result.target, painted)
    assert all(row["attainment"] > row["control"] for row in figures.encoders)


def test_auto_draws_a_historic_style(engine: Path, picture: Path) -> None:
    session = Session(settings(engine, seed=5))
    assert session.style is not None
    assert session.style.name == draw_prompt(5)
    assert {draw_prompt(seed) for seed in range(500)} == set(HISTORIC_STYLES)


def test_the_command(
    engine: Path,
    picture: Path,
    tmp_path: Path,
    data: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(engine, data / "engines" / "mine")
    options = ("--style", "cubism by <Picasso>", "--style-engine", "mine", "--effort", "quick")
    assert run("glaze", picture, *options, "--device", "cpu", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["style"], said["settings"]["style_engine"]) == ("cubism by <Picasso>", "mine")
    mark = read_picture(tmp_path / "a-glazed.png").glazed
    assert mark is not None
    assert mark.style == "cubism by <Picasso>"


def test_an_engine_that_is_not_there(picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("glaze", picture, "--style-engine", "no-such-engine", "--device", "cpu") == 2
    assert "no style engine called 'no-such-engine'" in capsys.readouterr().err
    assert not picture.with_name("a-glazed.png").exists()


def test_an_engine_that_is_not_whole(engine: Path, picture: Path) -> None:
    shutil.rmtree(engine / "unet")
    with pytest.raises(ModelError, match=r"lacks unet/model\.onnx"):
        glaze(picture, settings(engine))


@pytest.mark.parametrize("prompt", ["", "  ", "two\nlines", "bell\a"], ids=repr)
def test_prompts_that_are_none(prompt: str) -> None:
    with pytest.raises(OptionError, match="is no prompt"):
        settings("engine", style=prompt)
