"""What all tests share: a data folder of their own, and a small world of encoders to be added."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import onnx
import pytest

from glaze_models import ENCODERS, EncoderCard

Shapes = Mapping[str, tuple[int, ...]]
MakeKnown = Callable[..., EncoderCard]


@pytest.fixture(autouse=True)
def data(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder, empty; nobody's own encoders are seen."""
    folder = tmp_path_factory.mktemp("data")
    monkeypatch.setenv("GLAZE_EDGE_DATA", str(folder))
    return folder


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeKnown:
    """Makes known encoders whose graphs only declare tensors of given shapes; the bundled ones stay, others are forgotten."""
    package = tmp_path / "package"
    (package / "graphs").mkdir(parents=True)
    for name, card in list(ENCODERS.items()):
        if card.weights is None:
            monkeypatch.delitem(ENCODERS, name)
        else:
            for graph in (card.encode_graph, card.step_graph):
                shutil.copy(graph, package / "graphs")
    monkeypatch.setattr("glaze_models.encoders._data", lambda: package)

    def make(name: str, shapes: Shapes, derived: str = "{}", **fields: object) -> EncoderCard:
        card = replace(ENCODERS["sd1-a"], name=name, family="test", graph=name, weights=None, **fields)
        for graph in (card.encode_graph, card.step_graph):
            model = onnx.helper.make_model(onnx.helper.make_graph([], name, [], [], []))
            for tensor, shape in shapes.items():
                declared = model.graph.initializer.add(name=tensor, data_type=1, dims=shape)
                declared.data_location = onnx.TensorProto.EXTERNAL
            onnx.helper.set_model_props(model, {"derived": derived})
            graph.write_bytes(model.SerializeToString())
        monkeypatch.setitem(ENCODERS, name, card)
        return card

    return make
