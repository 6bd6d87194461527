"""`glaze-edge models`: the real commands, on small checkpoints made here."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import run
from PIL import Image
from safetensors.numpy import save_file

from glaze_edge.commands.remedies import command
from glaze_models import ENCODERS, Source, encoder_card
from glaze_models.errors import Remedy
from glaze_runtime.weights.layouts import LAYOUTS, Layout
from glaze_runtime.weights.tensorfile import Entry, read_header

Make = Callable[..., dict[str, np.ndarray]]
BUNDLED = [name for name, card in ENCODERS.items() if card.weights]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Runs a command, which must succeed, and gives the JSON that it prints."""

    def run_json(*arguments: object) -> Any:
        assert run(*arguments, "--json") == 0
        return json.loads(capsys.readouterr().out)

    return run_json


@pytest.fixture(autouse=True)
def world(known: Callable[..., object], kl: Make) -> None:
    """Two known encoders of the same shapes."""
    shapes = {n: t.shape for n, t in kl().items() if n.startswith(("encoder.", "quant_conv."))}
    known("sd1", shapes, scale=0.18215, caveat="Mind the gap.")
    known("sdxl", shapes, scale=0.13025, stands_for=("Stable Diffusion XL",))


@pytest.fixture
def vae(tmp_path: Path, kl: Make) -> Path:
    """An LDM file with nothing that tells which encoder it is."""
    save_file(kl("LDM"), tmp_path / "vae.safetensors")
    return tmp_path / "vae.safetensors"


def states(listed: object) -> dict[str, str]:
    assert isinstance(listed, dict)
    return {card["name"]: card["state"] for card in listed["encoders"]}


def test_from_nothing_to_removed(vae: Path, said: Callable[..., Any], data: Path) -> None:
    bundled = dict.fromkeys(BUNDLED, "bundled")
    assert states(said("models")) == bundled | {"sd1": "to be added", "sdxl": "to be added"}
    added = said("models", "add", "--from", vae)
    assert isinstance(added, dict)
    assert (added["name"], added["card"], added["layout"], added["dtype"]) == ("sd1", "sd1", "LDM", "F32")
    assert "sdxl would fit as well" in added["notice"]
    assert said("models", "add", "my-xl", "--from", vae)["card"] == "sd1"
    assert states(said("models")) == bundled | {"sd1": "added", "sdxl": "to be added", "my-xl": "added"}
    about = said("models", "info", "my-xl")
    assert isinstance(about, dict)
    assert (about["name"], about["added"]["source"]) == ("my-xl", "vae.safetensors")
    assert said("models", "info", "sdxl")["added"] is None
    assert {row["name"]: row["problem"] for row in said("models", "verify")} == dict.fromkeys(
        (*BUNDLED, "sd1-small", "sd1", "my-xl")
    )
    assert said("models", "remove", "sd1") == {"removed": "sd1"}
    assert said("models", "remove", "my-xl") == {"removed": "my-xl"}
    assert list((data / "encoders").iterdir()) == []


def test_what_people_read(vae: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("models", "add", "sdxl", "--from", vae) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Added sdxl, an encoder of Stable Diffusion XL: 0.1 MB.",
        "Use it: glaze-edge glaze PICTURE --generator sdxl",
    ]
    for arguments, says in {
        ("models",): ["added, 0.1 MB", "to be added", "sd1: Mind the gap."],
        ("models", "info", "sdxl"): ["vae.safetensors", "LDM, kept as F32", "0.13025"],
        ("models", "info", "sd1"): ["glaze-edge models add sd1 --from FILE", "Mind the gap."],
        ("models", "verify", "sdxl"): ["sdxl: right"],
        ("models", "remove", "sdxl"): ["Removed sdxl."],
    }.items():
        assert run(*arguments) == 0
        out = " ".join(capsys.readouterr().out.split())
        assert all(each in out for each in says), out


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("add",), 2, "either --from FILE_OR_FOLDER or --download"),
        (("add", "--from", "VAE", "--download"), 2, "either --from FILE_OR_FOLDER or --download"),
        (("add", "--download"), 2, "--download needs the NAME"),
        (("add", "sd1", "--download"), 2, "no address to download sd1 from without an account"),
        (("add", "other", "--download"), 2, "no encoder called 'other'"),
        (("add", "sd1-a", "--from", "VAE"), 2, "'sd1-a' is a bundled encoder"),
        (("add", "A B", "--from", "VAE"), 2, "cannot be the name of an encoder"),
        (("add", "--from", "none"), 2, "no such file or folder"),
        (("add", "--from", "PICKLED"), 4, "is pickled"),
        (("info", "other"), 2, "no encoder called 'other'"),
        (("remove", "sd1"), 2, "was not added"),
        (("verify", "other"), 2, "no encoder called 'other'"),
        (("verify", "sd1"), 4, "sd1: The encoder sd1 has no weights yet"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value),
)
def test_errors(
    vae: Path,
    data: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    code: int,
    says: str,
) -> None:
    pickled = vae.with_name("model.ckpt")
    pickled.write_bytes(b"PK\x03\x04")
    files = {"VAE": vae, "PICKLED": pickled}
    assert run("models", *(files.get(a, a) for a in arguments)) == code
    assert says in "".join(capsys.readouterr())
    assert list(data.rglob("*")) == []


def test_an_error_ends_with_the_command_that_helps(
    vae: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("models", "add", "--from", vae) == 0
    capsys.readouterr()
    assert run("models", "add", "sd1", "--from", vae) == 2
    assert capsys.readouterr().err.splitlines()[-2:] == [
        "Error: There is an encoder 'sd1' already. Give another name, or remove that one.",
        "Run: glaze-edge models remove sd1",
    ]


@pytest.mark.parametrize(
    ("remedy", "typed"),
    [
        (Remedy("add-weights"), "Run: glaze-edge models add --from FILE"),
        (Remedy("name-encoder", "my  art/vae.safetensors"), 'add NAME --from "my  art/vae.safetensors"'),
    ],
)
def test_a_command_can_be_typed_as_it_is(remedy: Remedy, typed: str) -> None:
    assert command(remedy).endswith(typed)


def test_damage_is_found(vae: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("models", "add", "mine", "--from", vae) == 0
    (data / "encoders" / "mine" / "weights.safetensors").write_bytes(b"")
    (data / "encoders" / "other").mkdir()
    capsys.readouterr()
    assert run("models", "verify", "--json") == 4
    problems = {row["name"]: row["problem"] for row in json.loads(capsys.readouterr().out)}
    assert all(problems[name] is None for name in BUNDLED)
    assert "are damaged" in problems["mine"]
    assert "manifest" in problems["other"]
    assert run("models") == 0


def test_interrupted(
    vae: Path, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("glaze_runtime.weights.store.write_tensors", interrupt)
    assert run("models", "add", "--from", vae) == 130
    assert list((data / "encoders").iterdir()) == []
    assert "Interrupted" in capsys.readouterr().err


def test_a_picture_is_glazed_with_an_added_encoder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Callable[..., Any]
) -> None:
    bundled = encoder_card("sd1-b")
    assert bundled.weights is not None
    plain = Layout(name="plain", mark="stem.weight", keeps="")
    monkeypatch.setattr("glaze_runtime.weights.recognise.LAYOUTS", (*LAYOUTS, plain))
    card = replace(bundled, name="stand-in", weights=None, caveat="A stand-in.")
    monkeypatch.setitem(ENCODERS, "stand-in", card)
    said("models", "add", "my-sd", "--from", bundled.weights.path)
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    Image.fromarray(pixels).resize((128, 96), Image.Resampling.BICUBIC).save(tmp_path / "a.png")
    glazed = said(
        *("glaze", tmp_path / "a.png", "--effort", "quick", "--device", "cpu"),
        *("--encoder", "my-sd", "--encoder", "sd1-a"),
    )
    assert isinstance(glazed, dict)
    assert [each["encoder"] for each in glazed["encoders"]] == ["my-sd", "sd1-a"]
    assert all(each["attainment"] > each["control"] + 0.02 for each in glazed["encoders"])


def test_a_caveat_is_said_before_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(ENCODERS, "sd1-b", replace(ENCODERS["sd1-b"], caveat="Seen through."))
    assert run("glaze", tmp_path / "none.png", "--encoder", "sd1-b", "--device", "cpu") == 1
    assert "Note on sd1-b: Seen through." in capsys.readouterr().err


class TestDownload:
    """From a server on this machine."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    @pytest.fixture
    def url(self, tmp_path: Path) -> Iterator[str]:
        handler = partial(self.Quiet, directory=tmp_path)
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            yield f"http://127.0.0.1:{server.server_port}/vae.safetensors"
            server.shutdown()
            thread.join()

    def test_added(
        self,
        vae: Path,
        data: Path,
        url: str,
        said: Callable[..., Any],
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        sha256 = hashlib.sha256(vae.read_bytes()).hexdigest()
        source = Source(url=url, sha256=sha256)
        monkeypatch.setitem(ENCODERS, "sdxl", replace(ENCODERS["sdxl"], source=source))
        assert run("models", "info", "sdxl") == 0
        assert "glaze-edge models add sdxl --download" in capsys.readouterr().out
        added = said("models", "add", "sdxl", "--download")
        assert isinstance(added, dict)
        assert (added["url"], added["source"], added["source_sha256"]) == (url, "vae.safetensors", sha256)
        assert sorted(path.name for path in data.rglob("*") if path.is_file()) == [
            "manifest.json",
            "weights.safetensors",
        ]

    @pytest.mark.parametrize("wrong", ["sha256", "encoder"])
    def test_another_file(
        self,
        vae: Path,
        data: Path,
        url: str,
        kl: Make,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
        wrong: str,
    ) -> None:
        if wrong == "encoder":
            save_file(kl(channels=16), vae)
        source = Source(url=url, sha256="0" * 64 if wrong == "sha256" else None)
        monkeypatch.setitem(ENCODERS, "sdxl", replace(ENCODERS["sdxl"], source=source))
        assert run("models", "add", "sdxl", "--download") == 4
        says = {"sha256": "is not the file on record", "encoder": "does not fit"}
        assert says[wrong] in capsys.readouterr().err
        assert [path for path in data.rglob("*") if path.is_file()] == []


def test_a_decoder_of_its_own_is_added_to_its_encoder(
    known: Callable[..., object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tensor = np.ones((8, 8, 3, 3), np.float32)
    decoder = {"decoder.layers.0.weight": (8, 8, 3, 3), "decoder.layers.2.conv.0.weight": (8, 8, 3, 3)}
    known("small", {"encoder.layers.1.conv.0.weight": (8, 8, 3, 3)}, decoder=decoder)
    save_file({"1.conv.0.weight": tensor}, tmp_path / "encoder.safetensors")
    save_file({"1.weight": tensor, "3.conv.0.weight": tensor}, tmp_path / "decoder.safetensors")
    assert run("models", "add", "--from", tmp_path / "decoder.safetensors") == 4
    assert "is a decoder of small, but no such encoder was added" in capsys.readouterr().err
    assert run("models", "add", "--from", tmp_path / "encoder.safetensors") == 0
    assert run("models", "add", "--from", tmp_path / "decoder.safetensors") == 0
    assert "Added the decoder of small: 0.0 MB." in capsys.readouterr().out
    for arguments, says in {
        ("models",): "with its decoder",
        ("models", "info", "small"): "its own, from decoder.safetensors",
        ("models", "info", "sd1-a"): "sd1-small, ",
        ("models", "verify"): "sd1-small: right",
    }.items():
        assert run(*arguments) == 0
        assert says in " ".join(capsys.readouterr().out.split())
    assert run("models", "info", "small", "--json") == 0
    assert json.loads(capsys.readouterr().out)["decoder"]["name"] == "small"


def test_the_header_of_a_checkpoint_is_read_once(vae: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []

    def counted(path: Path) -> dict[str, Entry]:
        opened.append(path)
        return read_header(path)

    monkeypatch.setattr("glaze_runtime.weights.sources.read_header", counted)
    assert run("models", "add", "--from", vae) == 0
    assert opened == [vae]
