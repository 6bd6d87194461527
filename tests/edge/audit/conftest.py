"""A decoder with random weights, pictures to audit, and their audit."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image
from safetensors.numpy import save_file

from glaze_models import DECODERS, WeightsFile

MakeFiles = Callable[..., tuple[Path, Path, Path]]


@pytest.fixture
def small_decoder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The decoder of sd1-a's and sd1-b's latents, with random weights."""
    card = DECODERS["sd1-small"]
    rng = np.random.default_rng(0)
    tensors = {}
    for graph in (card.decode_graph, card.step_graph):
        for tensor in onnx.load(graph, load_external_data=False).graph.initializer:
            if tensor.name.endswith((".weight", ".bias")):
                scale = np.prod(tensor.dims[1:]) ** -0.5
                tensors[tensor.name] = rng.normal(0, scale, tensor.dims).astype(np.float32)
    path = tmp_path_factory.mktemp("decoder") / "small.safetensors"
    save_file(tensors, path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    weights = WeightsFile(path=path, sha256=sha256, bytes=path.stat().st_size)
    monkeypatch.setitem(DECODERS, card.name, replace(card, weights=weights))


@pytest.fixture
def files(tmp_path: Path) -> MakeFiles:
    """Makes an original, a "glazed" picture some way towards the target, and the target."""

    def make(size: tuple[int, int] = (128, 64), share: float = 0.2) -> tuple[Path, Path, Path]:
        rng = np.random.default_rng(0)
        original, target = (
            np.asarray(
                Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8)).resize(
                    size, Image.Resampling.BICUBIC
                ),
                np.float32,
            )
            for _ in range(2)
        )
        pictures = {
            "original": original,
            "glazed": original + share * (target - original),
            "target": target,
        }
        for name, picture in pictures.items():
            Image.fromarray(picture.round().astype(np.uint8)).save(tmp_path / f"{name}.png")
        return tmp_path / "original.png", tmp_path / "glazed.png", tmp_path / "target.png"

    return make
