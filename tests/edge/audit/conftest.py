"""A decoder with random weights, and pictures to audit."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from pairs import pictures
from safetensors.numpy import save_file

from glaze_models import DECODERS, DecoderCard, WeightsFile

MakeFiles = Callable[..., tuple[Path, Path, Path]]


@pytest.fixture(scope="session")
def random_decoder(tmp_path_factory: pytest.TempPathFactory) -> DecoderCard:
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
    return replace(card, weights=WeightsFile(path=path, sha256=sha256, bytes=path.stat().st_size))


@pytest.fixture
def small_decoder(random_decoder: DecoderCard, monkeypatch: pytest.MonkeyPatch) -> None:
    """`random_decoder` is the bundled one."""
    monkeypatch.setitem(DECODERS, random_decoder.name, random_decoder)


@pytest.fixture
def files(tmp_path: Path) -> MakeFiles:
    """Makes files of `pictures`."""

    def make(**options: Any) -> tuple[Path, Path, Path]:
        paths = tuple(tmp_path / f"{name}.png" for name in ("original", "glazed", "target"))
        for path, picture in zip(paths, pictures(**options), strict=True):
            picture.save(path)
        return paths

    return make
