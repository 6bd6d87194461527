"""Generators that are named, and the encoders that stand for them."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command import run
from PIL import Image
from safetensors.numpy import save_file

from glaze_edge import Session, Settings
from glaze_edge.app.controller import Controller
from glaze_edge.app.networks import Networks
from glaze_edge.files import read_picture
from glaze_edge.generators import best_encoders, every_choice, how_to_add
from glaze_models import DEFAULT_ENCODERS, DEFAULT_GENERATORS, ENCODERS, GENERATORS, Generator
from glaze_models.errors import OptionError
from glaze_runtime.weights.layouts import LAYOUTS, Layout
from glaze_runtime.weights.store import add, remove

Make = Callable[..., dict[str, np.ndarray]]
CARDS = dict(ENCODERS)
"""Those of the package; the fixture `known` forgets some."""


@pytest.fixture
def vae(tmp_path: Path, kl: Make) -> Path:
    save_file(kl("LDM"), tmp_path / "vae.safetensors")
    return tmp_path / "vae.safetensors"


@pytest.fixture
def shapes(kl: Make) -> dict[str, tuple[int, ...]]:
    return {n: t.shape for n, t in kl().items() if n.startswith(("encoder.", "quant_conv."))}


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Callable[[], object]:
    """A generator "mine" with two encoders, sd1-a and a double of sd1-b; gives what adds the double, as "my-own"."""
    double = replace(ENCODERS["sd1-b"], name="double", weights=None)
    weights = ENCODERS["sd1-b"].weights
    assert weights is not None
    plain = Layout(name="plain", mark="stem.weight", keeps="")
    monkeypatch.setattr("glaze_runtime.weights.recognise.LAYOUTS", (*LAYOUTS, plain))
    monkeypatch.setitem(ENCODERS, "double", double)
    mine = Generator(
        name="mine", title="Mine", encoders=(("double",), ("sd1-a",)), caveat="It is seen through."
    )
    monkeypatch.setitem(GENERATORS, "mine", mine)
    return lambda: add(weights.path, "my-own", version="1")


def picture(path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    Image.fromarray(pixels).resize((128, 96), Image.Resampling.BICUBIC).save(path)
    return path


@pytest.mark.parametrize("generator", GENERATORS.values(), ids=lambda generator: generator.name)
def test_its_own_encoder_is_best_then_a_small_published_one_then_bundled_ones(
    generator: Generator, known: Callable[..., object], shapes: object, vae: Path
) -> None:
    for group in reversed(generator.encoders):
        bundled = [name for name in group if CARDS[name].weights]
        for name in set(group) - set(bundled):
            known(name, shapes, stand_in=CARDS[name].stand_in)
            add(vae, name, version="1")
        choice = best_encoders(generator.name)
        assert choice.names == group
        assert choice.kind == ("bundled" if bundled else "tiny" if CARDS[group[0]].stand_in else "real")
        assert every_choice()[generator.name] == choice


def test_an_added_encoder_counts_by_what_it_is_not_by_its_name(
    known: Callable[..., object], shapes: object, vae: Path
) -> None:
    known("sd1", shapes)
    bundled = best_encoders("sd1")
    add(vae, "my-painter", version="1")
    assert (best_encoders("sd1").names, best_encoders("sd1").kind) == (("my-painter",), "real")
    remove("my-painter")
    assert best_encoders("sd1") == bundled


def test_weights_of_another_family_are_refused(
    known: Callable[..., object], kl: Make, vae: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wide = {n: t.shape for n, t in kl(channels=16).items() if n.startswith(("encoder.", "quant_conv."))}
    known("flux1", wide)
    assert run("models", "add", "flux1", "--from", vae) == 4
    assert "does not fit" in capsys.readouterr().err
    assert every_choice()["flux1"] is None or every_choice()["flux1"].kind == "bundled"  # type: ignore[union-attr]
    assert [path for path in data.rglob("*") if path.is_file()] == []


def test_a_generator_without_encoders_says_how_to_add_one() -> None:
    lacking = [GENERATORS[name] for name, choice in every_choice().items() if choice is None]
    assert lacking
    for generator in lacking:
        with pytest.raises(OptionError) as caught:
            best_encoders(generator.name)
        assert all(how_to_add(group[0]) in str(caught.value) for group in generator.encoders)
        assert generator.title in str(caught.value)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--generator", "none"), f"no generator called 'none'. Known: {', '.join(GENERATORS)}"),
        (("--generator", "sd1", "--encoder", "sd1-a"), "not both"),
    ],
    ids=["unknown", "both"],
)
def test_what_cannot_be_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], says: str
) -> None:
    assert run("glaze", picture(tmp_path / "a.png"), *options) == 2
    assert says in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_glaze_says_what_it_took(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], own: Callable[[], object]
) -> None:
    source = picture(tmp_path / "a.png")
    glazing = ("glaze", source, "--effort", "quick", "--device", "cpu", "--json")
    assert run(*glazing, "-o", tmp_path / "default.png") == 0
    out, err = capsys.readouterr()
    defaults = [best_encoders(name) for name in DEFAULT_GENERATORS]
    assert json.loads(out)["generators"] == [
        {"name": each.generator.name, "encoders": list(each.names), "kind": each.kind} for each in defaults
    ]
    for each in defaults:
        assert f"{each.generator.title}: the bundled stand-in" in err
        assert how_to_add(each.generator.encoders[0][0]) in err
    assert err.count("A stand-in is a small network") == 1
    own()
    assert run(*glazing, "--generator", "mine", "--generator", DEFAULT_GENERATORS[0]) == 0
    out, err = capsys.readouterr()
    names = ["my-own", *best_encoders(DEFAULT_GENERATORS[0]).names]
    assert "Mine: a small stand-in made by others, my-own; " in err
    assert "Note on Mine: It is seen through." in err
    said = json.loads(out)
    assert said["settings"]["generators"] == ["mine", DEFAULT_GENERATORS[0]]
    assert said["settings"]["encoders"] == [row["encoder"] for row in said["encoders"]] == names
    mark = read_picture(tmp_path / "a-glazed.png").glazed
    assert mark is not None
    assert mark.encoders == tuple(names)
    assert run(*glazing, "--encoder", "sd1-b", "--encoder", "sd1-b", "--overwrite") == 0
    out, err = capsys.readouterr()
    said = json.loads(out)
    assert (said["generators"], said["settings"]["generators"], err.strip()) == ([], [], "")
    assert said["settings"]["encoders"] == ["sd1-b"]


def test_a_session_resolves_generators_once(own: Callable[[], object]) -> None:
    settings = Settings(device="cpu", generators=("mine", "mine", DEFAULT_GENERATORS[0]))
    session = Session(settings)
    names = tuple(dict.fromkeys(("sd1-a", *best_encoders(DEFAULT_GENERATORS[0]).names)))
    assert session.settings.encoders == tuple(each.card.name for each in session.encoders) == names
    assert session.retuned(replace(settings, intensity="low")).settings.encoders == names
    own()
    with pytest.raises(ValueError, match="need other networks"):
        session.retuned(settings)


def test_models_lists_generators_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("models", "--json") == 0
    rows = json.loads(capsys.readouterr().out)["generators"]
    assert [row["name"] for row in rows] == list(GENERATORS)
    assert tuple(row["name"] for row in rows if row["default"]) == DEFAULT_GENERATORS
    for row, choice in zip(rows, every_choice().values(), strict=True):
        assert row["kind"] == (choice and choice.kind)
        assert row["encoders"] == (list(choice.names) if choice else [])
    assert run("models") == 0
    out = capsys.readouterr().out
    assert out.index("generator") < out.index("stands for")
    assert all(f"{each.title}: {each.caveat}" in out for each in GENERATORS.values() if each.caveat)


@pytest.mark.slow
def test_the_app_protects_against_generators(tmp_path: Path, own: Callable[[], object]) -> None:
    controller, networks = Controller(tmp_path), Networks()
    names = tuple(name for each in DEFAULT_GENERATORS for name in best_encoders(each).names)
    assert names == DEFAULT_ENCODERS
    state = controller.state()
    assert state["settings"]["generators"] == DEFAULT_GENERATORS
    assert [row["name"] for row in state["generators"]] == list(GENERATORS)
    assert [row["available"] for row in state["generators"]] == [
        bool(each) for each in every_choice().values()
    ]
    assert state["encoders"] == []
    for wrong in ([], ["none"], "mine", [["mine"]], *([name] for name, c in every_choice().items() if not c)):
        with pytest.raises(OptionError):
            controller.change({"generators": wrong})
    with pytest.raises(OptionError):
        controller.change({"encoders": ["sd1-a"]})
    assert controller.settings.encoders == names
    controller.change({"generators": ["mine"]})
    assert controller.state()["generators"][-1] == {
        "name": "mine",
        "title": "Mine",
        "kind": "bundled",
        "encoders": ("sd1-a",),
        "caveat": "It is seen through.",
        "available": True,
    }
    assert [each.card.name for each in networks.session(controller.settings).encoders] == ["sd1-a"]
    own()
    controller.renew_encoders()
    assert controller.state()["generators"][-1]["kind"] == "tiny"
    assert controller.state()["encoders"] == [
        {"name": "my-own", "stands_for": ENCODERS["double"].stands_for, "stand_in": True}
    ]
    assert [each.card.name for each in networks.session(controller.settings).encoders] == ["my-own"]
    controller.remove_encoder("my-own")
    assert [each.card.name for each in networks.session(controller.settings).encoders] == ["sd1-a"]


def test_the_app_lets_go_of_a_generator_whose_last_encoder_is_removed(
    tmp_path: Path, own: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(GENERATORS, "mine", replace(GENERATORS["mine"], encoders=(("double",),)))
    own()
    controller = Controller(tmp_path)
    controller.change({"generators": ["mine"]})
    assert controller.settings.encoders == ("my-own",)
    controller.remove_encoder("my-own")
    assert controller.settings.generators == DEFAULT_GENERATORS
