"""Style engines as folders: what is read, what is missed, and where they are found."""

import json
import shutil
from pathlib import Path

import pytest

from glaze_models.errors import GlazeError, ModelError, OptionError
from glaze_runtime.stylise.diffusion import Engine, Recipe, find_engine
from glaze_runtime.stylise.diffusion.engine import write_recipe

EULER = {"_class_name": "EulerDiscreteScheduler"}


@pytest.mark.parametrize(
    ("scheduler", "unet", "recipe"),
    [
        ({}, {}, Recipe(schedule="ddim", steps=30, guidance=7.5, longest_side=64)),
        (
            {"_class_name": "PNDMScheduler"},
            {"sample_size": 96},
            Recipe(schedule="ddim", steps=30, guidance=7.5, longest_side=192),
        ),
        (EULER, {}, Recipe(schedule="euler", steps=30, guidance=7.5, longest_side=64)),
        (
            {**EULER, "timestep_spacing": "trailing"},
            {},
            Recipe(schedule="turbo", steps=4, guidance=1.0, longest_side=64),
        ),
        ({"_class_name": "LCMScheduler"}, {}, Recipe(schedule="lcm", steps=4, guidance=1.0, longest_side=64)),
        (
            {"_class_name": "LCMScheduler"},
            {"time_cond_proj_dim": 8},
            Recipe(schedule="lcm", steps=4, guidance=8.0, longest_side=64),
        ),
    ],
    ids=["ddim", "another", "euler", "turbo", "lcm", "lcm that takes guidance"],
)  # fmt: skip
def test_the_recipe_follows_the_scheduler(make_engine, scheduler, unet, recipe) -> None:
    assert Engine.read(make_engine(scheduler=scheduler, unet=unet)).recipe == recipe


def test_a_written_recipe_wins(make_engine) -> None:
    folder = make_engine()
    recipe = Recipe(schedule="lcm", steps=2, guidance=1.5, strength=0.4, longest_side=128)
    write_recipe(folder, recipe, source="someone/model")
    assert Engine.read(folder).recipe == recipe
    assert json.loads((folder / "engine.json").read_text())["source"] == "someone/model"


def test_a_part_of_a_recipe(make_engine) -> None:
    recipe = Engine.read(make_engine(recipe={"steps": 12})).recipe
    assert (recipe.schedule, recipe.steps) == ("ddim", 12)


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((64, 64), (64, 64)),
        ((1000, 500), (64, 32)),
        ((500, 1000), (32, 64)),
        ((10, 11), (8, 12)),
        ((1, 3000), (4, 64)),
        ((61, 65), (60, 64)),
    ],
)
def test_sizes(make_engine, shape: tuple[int, int], size: tuple[int, int]) -> None:
    assert Engine.read(make_engine()).fit(shape) == size


@pytest.mark.parametrize(
    "part",
    [
        "text_encoder/model.onnx",
        "unet/model.onnx",
        "unet/config.json",
        "vae_encoder/model.onnx",
        "vae_decoder/model.onnx",
        "vae_decoder/config.json",
        "scheduler/scheduler_config.json",
        "tokenizer/tokenizer_config.json",
    ],
)
def test_a_missing_part_is_named(make_engine, part: str) -> None:
    folder = make_engine()
    (folder / part).unlink()
    with pytest.raises(ModelError, match=f"lacks {part}. Make one with: glaze-edge-export"):
        Engine.read(folder)


def test_all_missing_parts_are_named(make_engine) -> None:
    folder = make_engine()
    shutil.rmtree(folder / "unet")
    (folder / "tokenizer" / "merges.txt").unlink()
    with pytest.raises(ModelError, match=r"unet/model.onnx, unet/config.json, tokenizer/tokenizer.json \(or"):
        Engine.read(folder)


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("unet/config.json", "{", "unet"),
        ("unet/config.json", "[]", "no JSON object"),
        ("unet/config.json", "{}", "block_out_channels|sample_size"),
        ("vae_decoder/config.json", '{"block_out_channels": [4, 4]}', "scaling_factor"),
        ("scheduler/scheduler_config.json", '{"clip_sample": true}', "clip_sample"),
        ("scheduler/scheduler_config.json", '{"beta_start": "a"}', "cannot be read"),
        ("engine.json", '{"schedule": "heun"}', "engine.json: There is no schedule called 'heun'"),
        ("engine.json", '{"steps": 1}', "engine.json: Of 1 steps none is left"),
        ("engine.json", '{"steps": 1001}', "engine.json: 1001 steps"),
        ("engine.json", '{"steps": 2.5}', "steps 2.5 does not fit"),
        ("engine.json", '{"steps": 0}', "steps 0 does not fit"),
        ("engine.json", '{"guidance": -1}', "guidance -1 does not fit"),
        ("engine.json", '{"strength": 1.5}', "strength 1.5 does not fit"),
        ("engine.json", '{"longest_side": 8}', "longest_side 8 does not fit"),
        ("engine.json", '{"stepps": 8}', "no setting stepps"),
    ],
)
def test_a_file_that_cannot_be_used(make_engine, file: str, content: str, says: str) -> None:
    folder = make_engine()
    (folder / file).write_text(content)
    with pytest.raises(ModelError, match=says) as raised:
        Engine.read(folder)
    assert str(folder) in str(raised.value)


def test_engines_are_found_by_path_and_by_name(make_engine, data: Path) -> None:
    folder = make_engine()
    assert find_engine(str(folder)) == folder
    (data / "engines" / "sd").mkdir(parents=True)
    assert find_engine("sd") == data / "engines" / "sd"


@pytest.mark.parametrize("name", ["sdd", "", "../../x"])
def test_an_engine_that_is_not_there(data: Path, name: str) -> None:
    with pytest.raises(OptionError, match=r"none\. Make one with: glaze-edge-export style-pipeline"):
        find_engine(name)
    (data / "engines" / "sd").mkdir(parents=True)
    with pytest.raises(GlazeError, match=r"engines: sd\. "):
        find_engine(name)
