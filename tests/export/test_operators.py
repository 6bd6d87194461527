"""The operator audit: what the devices lack, graph by graph."""

from pathlib import Path

import onnx
import pytest

import glaze_models
from glaze_models import DECODERS, ENCODERS, DecoderCard, EncoderCard
from glaze_models.learned_step import LEARNED_STEP
from glaze_models.operators import REMOVED, TAKES
from glaze_models.perceptual import PERCEPTUALS
from glaze_runtime.devices import DEVICES

GRAPHS = {file.name: file for file in (Path(glaze_models.__file__).parent / "graphs").glob("*.onnx")}
GAPS: dict[tuple[str, str], set[str]] = {}
"""(device, file) -> operators of the graph that the device lacks. None does."""


DEFAULTS = {"auto_pad": b"NOTSET", "dilations": [1, 1], "group": 1, "output_padding": [0, 0]}
"""Of ConvTranspose: all that CoreML has."""

every_graph = pytest.mark.parametrize("name", GRAPHS)


@every_graph
@pytest.mark.parametrize("device", TAKES)
def test_lacks_what_is_listed_and_no_more(name: str, device: str) -> None:
    operators = {node.op_type for node in load(GRAPHS[name]).graph.node} - REMOVED
    assert operators - TAKES[device] == GAPS.get((device, name), set())


def test_every_graph_of_a_card_is_looked_at() -> None:
    cards: list[EncoderCard | DecoderCard] = [*ENCODERS.values(), *DECODERS.values()]
    files = {file for card in cards for file in card.graphs} | {card.graph for card in PERCEPTUALS.values()}
    assert {file.name for file in (*files, LEARNED_STEP.graph)} == GRAPHS.keys()


def test_every_device_has_a_list() -> None:
    assert DEVICES.keys() - TAKES.keys() == {"cpu", "cuda"}


@every_graph
def test_asks_coreml_for_no_attribute_it_lacks(name: str) -> None:
    """As in the notes to its operators, and in the builders of `onnxruntime/core/providers/coreml`."""
    model = load(GRAPHS[name])
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 18)]
    held = {tensor.name: tensor for tensor in model.graph.initializer}
    constant = set(held)
    for node in model.graph.node:
        has = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        if set(node.input) <= constant:
            constant |= set(node.output)
        if node.op_type == "ConvTranspose":
            assert node.input[1] in constant
            assert len(set(has["pads"])) == 1
            assert has.keys() - DEFAULTS.keys() == {"kernel_shape", "pads", "strides"}
            assert all(has.get(name, default) == default for name, default in DEFAULTS.items())
        elif node.op_type == "Gemm":
            assert node.input[1] in constant
            assert has.get("transA", 0) == 0
            assert all(has.get(factor, 1) == 1 for factor in ("alpha", "beta"))
        elif node.op_type in ("InstanceNormalization", "LayerNormalization", "Slice"):
            assert set(node.input[1:]) <= constant
        elif node.op_type == "Pad":
            assert min(onnx.numpy_helper.to_array(held[node.input[1]])) >= 0
        elif node.op_type == "Resize":
            assert has["mode"] == b"nearest"
            assert has["coordinate_transformation_mode"] == b"asymmetric"
            assert list(onnx.numpy_helper.to_array(held[node.input[2]])) == [1, 1, 2, 2]
        elif node.op_type == "Transpose":
            assert len(has["perm"]) <= 5


def load(file: Path) -> onnx.ModelProto:
    return onnx.load(file, load_external_data=False)
