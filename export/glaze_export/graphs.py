"""ONNX graphs in one canonical form: stable names, no tool's traces in them, weights declared but left out."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper

OPSET = 18
IR_VERSION = 10

Derived = Mapping[str, Mapping[str, str]]
"""Derived tensor -> {"recipe": an entry of `glaze_runtime.binding.RECIPES`, "of": the weight it is computed from}."""


def value(name: str, shape: Iterable[int | str]) -> Any:
    """A float32 input or output; a string names a dimension that is fixed when a session is opened."""
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))


def scalar(name: str, number: float) -> TensorProto:
    """A float32 constant of rank 0."""
    return numpy_helper.from_array(np.array(number, np.float32), name)


def weight(name: str, shape: Iterable[int]) -> TensorProto:
    """A tensor that is declared here and bound by name when a session is opened."""
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=list(shape))
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights")
    return tensor


def is_weight(tensor: TensorProto) -> bool:
    """Whether `tensor` is declared without its values."""
    return bool(tensor.data_location == TensorProto.EXTERNAL)


def node(op: str, inputs: Iterable[str], output: str, attributes: Mapping[str, Any]) -> NodeProto:
    """An operator with one output, named after it."""
    return helper.make_node(op, list(inputs), [output], name=output, **dict(sorted(attributes.items())))


def attributes(of: NodeProto) -> dict[str, Any]:
    """The attributes of a node as Python values."""
    return {a.name: helper.get_attribute_value(a) for a in of.attribute if a.type != AttributeProto.GRAPH}


def model(graph: GraphProto, derived: Derived) -> ModelProto:
    """The checked model around `graph`; the recipes of its derived tensors are in its metadata under `derived`."""
    made = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="glaze-edge"
    )
    helper.set_model_props(made, {"derived": json.dumps(derived, sort_keys=True)})
    # The checker looks for the file of external data, so it gets a copy with empty weights of the right size.
    copy = ModelProto()
    copy.CopyFrom(made)
    for tensor in copy.graph.initializer:
        if is_weight(tensor):
            zeros: NDArray[np.float32] = np.zeros(tuple(tensor.dims), np.float32)
            tensor.CopyFrom(numpy_helper.from_array(zeros, tensor.name))
    checker.check_model(copy, full_check=True)
    return made


def to_bytes(made: ModelProto) -> bytes:
    """The same model gives the same bytes."""
    return bytes(made.SerializeToString(deterministic=True))
