"""Networks to run on devices, and providers that are not there."""

from types import SimpleNamespace

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

WEIGHT = np.random.default_rng(0).standard_normal((4, 3, 3, 3)).astype(np.float32)


IMAGE = np.random.default_rng(1).random((1, 3, 8, 6)).astype(np.float32)


def convolution() -> bytes:
    """image [1,3,H,W] -> y [1,4,H,W]; its weight `w` is left out."""
    weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=WEIGHT.shape)
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="weights")
    graph = helper.make_graph(
        [helper.make_node("Conv", ["image", "w"], ["y"], pads=[1, 1, 1, 1])],
        "convolution",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, "H", "W"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4, "H", "W"])],
        [weight],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10
    ).SerializeToString()


def with_weight() -> bytes:
    model = onnx.load_from_string(convolution())
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(WEIGHT, "w"))
    return model.SerializeToString()


def factors() -> bytes:
    """x [2,4] -> c [2,4], d [2,6]: by `wide` [6,4] and `square` [6,6], transposed and then as they are."""
    rng = np.random.default_rng(0)
    constants = {"wide": rng.random((6, 4), np.float32), "square": rng.random((6, 6), np.float32)}
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["x", "wide"], ["a"], transB=1),
            helper.make_node("Gemm", ["a", "square"], ["b"], transB=1),
            helper.make_node("Gemm", ["b", "wide"], ["c"]),
            helper.make_node("Gemm", ["a", "square"], ["d"]),
        ],
        "factors",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 4])],
        [
            helper.make_tensor_value_info("c", TensorProto.FLOAT, [2, 4]),
            helper.make_tensor_value_info("d", TensorProto.FLOAT, [2, 6]),
        ],
        [onnx.numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10
    ).SerializeToString()


def install(
    monkeypatch: pytest.MonkeyPatch, *providers: str, at_work: str = "CPUExecutionProvider", run=None
) -> list[SimpleNamespace]:
    """Pretend that onnxruntime has these providers, and that one of them does the work; the sessions that are
    opened."""
    opened = []

    class Session:
        def __init__(self, model, options, **arguments):
            opened.append(SimpleNamespace(model=model, options=options, **arguments))

        def run(self, *arguments):
            return run(*arguments)

        def get_inputs(self):
            return []

        def get_provider_graph_assignment_info(self):
            return [part(at_work, "Conv")]

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [*providers, "CPUExecutionProvider"])
    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    return opened


def part(provider, *operators):
    """Of a graph: what one provider was given."""
    nodes = [SimpleNamespace(op_type=operator) for operator in operators]
    return SimpleNamespace(ep_name=provider, get_nodes=lambda: nodes)
