"""The stylist on an engine of small linear networks, run by onnxruntime itself."""

import gc
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from glaze_models.errors import ModelError
from glaze_runtime.devices import open_session
from glaze_runtime.stylise.diffusion import DiffusionStylist

pytest.importorskip("tokenizers")

IMAGE = np.random.default_rng(1).random((30, 46, 3)).astype(np.float32)


def change_network(folder: Path, part: str, constant: str, factor: float) -> None:
    model = onnx.load(folder / part / "model.onnx")
    (tensor,) = (t for t in model.graph.initializer if t.name == constant)
    array = onnx.numpy_helper.to_array(tensor) * np.float32(factor)
    tensor.CopyFrom(onnx.numpy_helper.from_array(array, constant))
    onnx.save(model, folder / part / "model.onnx")


@pytest.mark.parametrize("shape", [(64, 64), (30, 46), (200, 130), (1, 9)])
def test_a_target_has_the_size_of_its_picture(make_engine, shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).random((*shape, 3)).astype(np.float32)
    target = DiffusionStylist(make_engine()).stylise(image, "cubism by Picasso")
    assert target.shape == image.shape
    assert target.dtype == np.float32
    assert 0 <= target.min() < target.max() <= 1


def test_the_same_seed_paints_the_same(make_engine) -> None:
    folder = make_engine()
    one, again, other = (DiffusionStylist(folder, seed=n).stylise(IMAGE, "cubism") for n in (3, 3, 4))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_a_stylist_paints_the_same_twice(make_engine) -> None:
    stylist = DiffusionStylist(make_engine())
    assert np.array_equal(stylist.stylise(IMAGE, "by"), stylist.stylise(IMAGE, "by"))


@pytest.mark.parametrize("schedule", ["ddim", "euler", "turbo", "lcm"])
def test_the_prompt_matters(make_engine, schedule: str) -> None:
    stylist = DiffusionStylist(make_engine(recipe={"schedule": schedule, "steps": 4, "guidance": 2.0}))
    one, other = (
        stylist.stylise(IMAGE, text) for text in ("cubism by Picasso", "9 9 9 9 9 9 9 9 9 9 9 9 9 9")
    )
    assert np.abs(one - other).mean() > 1e-4


def test_networks_that_take_guidance_are_given_it(make_engine) -> None:
    pictures = [
        DiffusionStylist(
            make_engine(
                str(guidance),
                unet={"time_cond_proj_dim": 8},
                recipe={"schedule": "lcm", "steps": 2, "guidance": guidance},
            )
        ).stylise(IMAGE, "by")
        for guidance in (1.5, 8.0)
    ]
    assert np.abs(pictures[0] - pictures[1]).mean() > 1e-3


def test_without_noise_taken_away_the_picture_comes_back(make_engine) -> None:
    """A unet that says 'no noise' and draws of nothing: what is left is the encoder and the decoder, both linear
    here."""
    folder = make_engine(recipe={"schedule": "turbo", "steps": 2, "guidance": 1.0})
    for constant in ("half", "colour", "small"):
        change_network(folder, "unet", constant, 0)
    image = IMAGE[:28, :44]
    painted = DiffusionStylist(folder).paint(image, "by", lambda shape: np.zeros(shape, np.float32))
    kernel = onnx.numpy_helper.to_array(onnx.load(folder / "vae_decoder" / "model.onnx").graph.initializer[0])
    planes = (2 * image.transpose(2, 0, 1) - 1).reshape(3, 14, 2, 22, 2)
    latent = np.einsum("ocij,chiwj->ohw", kernel, planes)
    back = np.einsum("ocij,ohw->chiwj", kernel, latent).reshape(3, 28, 44).transpose(1, 2, 0)
    assert painted == pytest.approx((back / 2 + 0.5).clip(0, 1), abs=1e-4)


class Sessions:
    """Stands before open_session: which files were opened, and how many were open at once."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.most = 0
        self.live: weakref.WeakSet[object] = weakref.WeakSet()

    def __call__(self, file: Path, *args: Any, **options: Any) -> object:
        session = open_session(file, *args, **options)
        self.opened.append(file.parent.name)
        self.live.add(session)
        gc.collect()
        self.most = max(self.most, len(self.live))
        return session


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> Sessions:
    counting = Sessions()
    monkeypatch.setattr("glaze_runtime.stylise.diffusion.network.open_session", counting)
    return counting


@pytest.mark.slow
def test_one_network_is_open_at_a_time(make_engine, sessions: Sessions) -> None:
    stylist = DiffusionStylist(make_engine())
    stylist.stylise(IMAGE, "cubism")
    assert sorted(sessions.opened) == ["text_encoder", "text_encoder", "unet", "vae_decoder", "vae_encoder"]
    stylist.stylise(IMAGE, "cubism")
    assert sessions.opened.count("text_encoder") == 2
    assert sessions.most == 1
    gc.collect()
    assert len(sessions.live) == 0


def test_without_guidance_no_empty_prompt_is_read(make_engine, sessions: Sessions) -> None:
    DiffusionStylist(make_engine(recipe={"guidance": 1.0})).stylise(IMAGE, "cubism")
    assert sessions.opened.count("text_encoder") == 1


def test_weights_in_a_file_beside_the_network(make_engine) -> None:
    inside, beside = make_engine("a"), make_engine("b")
    model = onnx.load(beside / "vae_decoder" / "model.onnx")
    options = {"save_as_external_data": True, "location": "model.onnx_data", "size_threshold": 0}
    onnx.save(model, beside / "vae_decoder" / "model.onnx", **options)
    assert (beside / "vae_decoder" / "model.onnx_data").stat().st_size > 0
    one, other = (DiffusionStylist(folder).stylise(IMAGE, "by") for folder in (inside, beside))
    assert np.array_equal(one, other)


@pytest.mark.parametrize("part", ["text_encoder", "unet", "vae_encoder", "vae_decoder"])
def test_a_broken_network_is_named(make_engine, part: str) -> None:
    folder = make_engine()
    (folder / part / "model.onnx").write_bytes(b"not a network")
    with pytest.raises(
        ModelError, match=rf"{part}.model.onnx cannot be loaded: .*Export the style engine again"
    ):
        DiffusionStylist(folder).stylise(IMAGE, "by")


def test_a_network_of_another_kind_is_named(make_engine) -> None:
    folder = make_engine()
    (folder / "vae_encoder" / "model.onnx").write_bytes((folder / "unet" / "model.onnx").read_bytes())
    with pytest.raises(ModelError, match=r"vae_encoder.model.onnx"):
        DiffusionStylist(folder).stylise(IMAGE, "by")


def test_infinities_are_not_painted(make_engine) -> None:
    folder = make_engine()
    change_network(folder, "unet", "half", np.inf)
    with pytest.raises(
        ModelError, match=r"unet.model.onnx gives infinities on the device 'cpu'. Use the CPU"
    ):
        DiffusionStylist(folder).stylise(IMAGE, "by")


def test_painting_needs_no_torch(make_engine) -> None:
    script = """
import sys, numpy
from pathlib import Path
from glaze_runtime.stylise.diffusion import DiffusionStylist
DiffusionStylist(Path(sys.argv[1])).stylise(numpy.zeros((20, 20, 3), numpy.float32), "cubism by Picasso")
found = {"torch", "diffusers", "transformers", "optimum", "huggingface_hub"} & sys.modules.keys()
assert "tokenizers" in sys.modules and not found, found
"""
    result = subprocess.run(
        [sys.executable, "-c", script, str(make_engine())], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
