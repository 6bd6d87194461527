"""The store: what is added is there in full or not at all, and is what the file held."""

import errno
import hashlib
import io
import json
import os
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from glaze_models import ENCODERS, encoder_card
from glaze_models.errors import ModelError, OptionError, WeightsError
from glaze_runtime.weights import catalogue, store, verify

Make = Callable[..., dict[str, np.ndarray]]


@pytest.fixture
def world(known: Callable[..., object], kl: Make) -> None:
    """One known encoder, `sd1`."""
    known("sd1", {n: t.shape for n, t in kl().items() if n.startswith(("encoder.", "quant_conv."))})


@pytest.fixture
def vae(tmp_path: Path, kl: Make) -> Path:
    """An LDM file of `sd1` in float16."""
    path = tmp_path / "vae.safetensors"
    save_file({name: tensor.astype(np.float16) for name, tensor in kl("LDM").items()}, path)
    return path


def add(path: Path, name: str | None = None, **options: Any) -> catalogue.Manifest:
    return store.add(path, name, version="1.2.3", **options)[0]


def left(data: Path) -> list[str]:
    """Everything in the data folder."""
    return sorted(str(path.relative_to(data)) for path in data.rglob("*") if path.is_file())


@pytest.mark.usefixtures("world")
class TestAdded:
    """What is there afterwards."""

    def test_files_and_manifest(self, data: Path, vae: Path, kl: Make) -> None:
        manifest = add(vae, "my-sd", url="https://example.org/vae.safetensors")
        stored = data / "encoders" / "my-sd" / "weights.safetensors"
        assert left(data) == ["encoders/my-sd/manifest.json", "encoders/my-sd/weights.safetensors"]
        expected = {n: t for n, t in kl().items() if n.startswith(("encoder.", "quant_conv."))}
        found = load_file(stored)
        assert found.keys() == expected.keys()
        for name, tensor in expected.items():
            assert found[name].dtype == np.float16
            np.testing.assert_array_equal(found[name], tensor.astype(np.float16))
        assert manifest == catalogue.Manifest(
            name="my-sd",
            card="sd1",
            family="test",
            layout="LDM",
            source="vae.safetensors",
            source_sha256=hashlib.sha256(vae.read_bytes()).hexdigest(),
            source_bytes=vae.stat().st_size,
            url="https://example.org/vae.safetensors",
            dtype="F16",
            sha256=hashlib.sha256(stored.read_bytes()).hexdigest(),
            bytes=stored.stat().st_size,
            date=time.strftime("%Y-%m-%d"),
            version="1.2.3",
        )
        assert catalogue.read_manifest("my-sd") == manifest

    def test_cards(self, vae: Path) -> None:
        assert catalogue.added() == {}
        assert catalogue.find_encoder("sd1").weights is None
        add(vae)
        add(vae, "my-sd")
        assert list(catalogue.added()) == catalogue.installed() == ["my-sd", "sd1"]
        own = catalogue.find_encoder("my-sd")
        assert own.weights is not None
        assert own.weights.path.is_file()
        assert own == replace(ENCODERS["sd1"], name="my-sd", weights=own.weights)
        assert catalogue.find_encoder("sd1").weights is not None
        assert catalogue.find_encoder("sd1-a") == encoder_card("sd1-a")
        with pytest.raises(OptionError, match=r"no encoder called 'other'. Known: .*sd1, my-sd"):
            catalogue.find_encoder("other")

    def test_float32_stays(self, tmp_path: Path, kl: Make) -> None:
        save_file(kl(), tmp_path / "a.safetensors")
        manifest = add(tmp_path / "a.safetensors")
        assert (manifest.name, manifest.dtype, manifest.layout) == ("sd1", "F32", "diffusers")
        weights = catalogue.find_encoder("sd1").weights
        assert weights is not None
        assert {tensor.dtype for tensor in load_file(weights.path).values()} == {np.dtype(np.float32)}

    def test_progress(self, vae: Path) -> None:
        told: list[tuple[int, int]] = []
        add(vae, on_bytes=lambda done, whole: told.append((done, whole)))
        assert told[-1] == (vae.stat().st_size, vae.stat().st_size)

    def test_remove(self, data: Path, vae: Path) -> None:
        add(vae, "my-sd")
        store.remove("my-sd")
        assert left(data) == []
        add(vae, "my-sd")
        for name, says in (("sd1", "was not added"), ("sd1-a", "is bundled"), ("../x", "was not added")):
            with pytest.raises(OptionError, match=f"{name!r} {says}, so it cannot be removed"):
                store.remove(name)
        assert catalogue.installed() == ["my-sd"]

    def test_verify(self, vae: Path) -> None:
        add(vae)
        verify.verify("sd1")
        verify.verify("sd1-a")
        weights = catalogue.find_encoder("sd1").weights
        assert weights is not None
        damaged = bytearray(weights.path.read_bytes())
        damaged[-1] ^= 1
        weights.path.write_bytes(damaged)
        with pytest.raises(WeightsError, match=r"are damaged: .* remove it and add it again"):
            verify.verify("sd1")

    @pytest.mark.parametrize(
        "damage",
        [
            lambda text: text[:20],
            lambda text: "[]",
            lambda text: text.replace('"sd1"', '"sd9"'),
            lambda text: text.replace('"bytes"', '"octets"'),
        ],
        ids=["cut off", "a list", "an unknown card", "another field"],
    )
    def test_a_damaged_manifest(self, data: Path, vae: Path, damage: Callable[[str], str]) -> None:
        add(vae)
        add(vae, "other")
        manifest = data / "encoders" / "sd1" / "manifest.json"
        manifest.write_text(damage(manifest.read_text()))
        assert catalogue.added().keys() == {"other"}
        for work in (catalogue.find_encoder, verify.verify):
            with pytest.raises(WeightsError, match="Remove the encoder, and add it again"):
                work("sd1")
        store.remove("sd1")
        add(vae)

    def test_a_pipeline_has_both(self, tmp_path: Path, known: Callable[..., object], kl: Make) -> None:
        clip = {"vision_model.embeddings.patch_embedding.weight": (8, 3, 2, 2)}
        known("clip-l", clip, family="clip-vision")
        for folder, tensors in (
            ("vae", kl()),
            ("image_encoder", {name: np.zeros(shape, np.float32) for name, shape in clip.items()}),
        ):
            (tmp_path / folder).mkdir()
            (tmp_path / folder / "config.json").write_text("{}")
            save_file(tensors, tmp_path / folder / "model.safetensors")
        assert add(tmp_path, "clip-l").layout == "transformers"
        assert add(tmp_path).name == "sd1"

    @pytest.mark.slow
    def test_memory_for_a_large_checkpoint(self, tmp_path: Path, kl: Make) -> None:
        """2 GB, nearly all of it a hole."""
        hole = 2_000_000_000
        save_file(kl("LDM"), tmp_path / "vae.safetensors")
        small = (tmp_path / "vae.safetensors").read_bytes()
        start = 8 + int.from_bytes(small[:8], "little")
        header = json.loads(small[8:start])
        for entry in header.values():
            entry["data_offsets"] = [hole + offset for offset in entry["data_offsets"]]
        header["model.diffusion_model.x"] = {"dtype": "F16", "shape": [hole // 2], "data_offsets": [0, hole]}
        text = json.dumps(header).encode()
        with (tmp_path / "model.safetensors").open("wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            file.seek(hole, os.SEEK_CUR)
            file.write(small[start:])
        tracemalloc.start()
        try:
            manifest = add(tmp_path / "model.safetensors")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert manifest.source_bytes > hole
        assert peak < 10_000_000


@pytest.mark.usefixtures("world")
class TestNotAdded:
    """Nothing is left behind."""

    @pytest.mark.parametrize("name", ["", "My-SD", "a b", "../a", "a/b", ".a", "a.", "ü", "x" * 49])
    def test_no_names(self, data: Path, vae: Path, name: str) -> None:
        with pytest.raises(OptionError, match="cannot be the name of an encoder"):
            add(vae, name)
        assert left(data) == []

    def test_a_name_in_use(self, vae: Path) -> None:
        add(vae)
        for name in ("sd1", None):
            with pytest.raises(
                OptionError, match=r"an encoder 'sd1' already. Give another name, or remove that one"
            ):
                add(vae, name)
        with pytest.raises(OptionError, match="'sd1-a' is a bundled encoder"):
            add(vae, "sd1-a")

    def test_a_name_taken_meanwhile(self, vae: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        sha256 = store._sha256

        def slow(*arguments: Any) -> str:
            monkeypatch.setattr(store, "_sha256", sha256)
            add(vae)
            return sha256(*arguments)

        monkeypatch.setattr(store, "_sha256", slow)
        with pytest.raises(OptionError, match="an encoder 'sd1' already"):
            add(vae)
        verify.verify("sd1")
        assert [p.name for p in catalogue.data_folder().joinpath("encoders").iterdir()] == ["sd1"]

    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_no_numbers(self, data: Path, tmp_path: Path, kl: Make, bad: float) -> None:
        tensors = kl("LDM")
        tensors["encoder.mid.attn_1.k.bias"][3] = bad
        save_file(tensors, tmp_path / "a.safetensors")
        with pytest.raises(
            WeightsError, match=r"'encoder.mid.attn_1.k.bias' of .* holds infinities or no numbers"
        ):
            add(tmp_path / "a.safetensors")
        assert left(data) == []
        assert list((data / "encoders").iterdir()) == []

    @pytest.mark.parametrize("keep", [4, 100, 5000, -1])
    def test_cut_off(self, data: Path, vae: Path, keep: int) -> None:
        vae.write_bytes(vae.read_bytes()[:keep])
        with pytest.raises(
            WeightsError, match=r"vae.safetensors are no safetensors file: .* Get the file again"
        ):
            add(vae)
        assert left(data) == []

    def test_a_full_disk(self, data: Path, vae: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(file: io.BufferedRandom, *_: object) -> None:
            file.write(b"something")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(store, "write_tensors", full)
        with pytest.raises(
            ModelError, match=r"cannot be stored in .*No space left.* Make room, or name another"
        ):
            add(vae)
        assert list((data / "encoders").iterdir()) == []

    def test_a_folder_that_cannot_be_made(
        self, tmp_path: Path, vae: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").touch()
        monkeypatch.setenv("GLAZE_EDGE_DATA", str(tmp_path / "file"))
        with pytest.raises(ModelError, match=r"cannot be stored in .* Check the folder, or name another"):
            add(vae)

    @pytest.mark.parametrize("during", ["write_tensors", "_sha256", "asdict"])
    def test_interrupted(self, data: Path, vae: Path, monkeypatch: pytest.MonkeyPatch, during: str) -> None:
        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(store, during, interrupt)
        with pytest.raises(KeyboardInterrupt):
            add(vae)
        assert list((data / "encoders").iterdir()) == []

    def test_what_a_killed_run_left_is_swept_up(self, data: Path, vae: Path) -> None:
        old, young = (data / "encoders" / f".unfinished-{name}" for name in ("old", "young"))
        for folder in (old, young):
            folder.mkdir(parents=True)
        os.utime(old, (0, 0))
        add(vae)
        assert (old.exists(), young.exists()) == (False, True)
        assert catalogue.installed() == ["sd1"]


def test_manifests_are_for_people_too(data: Path, world: None, vae: Path) -> None:
    add(vae)
    text = (data / "encoders" / "sd1" / "manifest.json").read_text()
    assert json.loads(text)["source"] == "vae.safetensors"
    assert text.count("\n") > 10
