"""ONNX graphs in one canonical form: stable names, no traces of tools, weights declared but left out."""

import json
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from onnx import (
    AttributeProto,
    GraphProto,
    ModelProto,
    NodeProto,
    TensorProto,
    ValueInfoProto,
    checker,
    helper,
    numpy_helper,
    shape_inference,
)
from onnxscript.optimizer import fold_constants

OPSET = 18
IR_VERSION = 10

Derived = Mapping[str, Mapping[str, str | int]]
"""Derived tensor -> {"recipe": an entry of `glaze_runtime.weights.binding.RECIPES`, "of": a weight}, and the recipe's
parameters."""


def value(name: str, shape: Iterable[int | str]) -> Any:
    """A float32 input or output; a string names a dimension that is fixed when a session is opened."""
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))


def scalar(name: str, number: float) -> TensorProto:
    """A float32 constant of rank 0."""
    return numpy_helper.from_array(np.array(number, np.float32), name)


def integers(name: str, numbers: Iterable[int]) -> TensorProto:
    """A constant vector of int64."""
    return numpy_helper.from_array(np.array(list(numbers), np.int64), name)


def numbers(of: TensorProto) -> list[Any]:
    """The numbers of a vector, or of a scalar, that the graph holds."""
    return list(numpy_helper.to_array(of).ravel().tolist())


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
    """The checked model around `graph`; its metadata keeps the recipes of derived tensors as `derived`."""
    made = _model(graph)
    helper.set_model_props(made, {"derived": json.dumps(derived, sort_keys=True)})
    # The checker looks for the file of external data, so in its copy weights are inputs.
    copy = ModelProto()
    copy.CopyFrom(made)
    del copy.graph.initializer[:]
    for tensor in made.graph.initializer:
        if is_weight(tensor):
            copy.graph.input.append(value(tensor.name, tensor.dims))
        else:
            copy.graph.initializer.append(tensor)
    checker.check_model(copy, full_check=True)
    return made


def to_bytes(made: ModelProto) -> bytes:
    """The same model gives the same bytes."""
    return bytes(made.SerializeToString(deterministic=True))


def sizes(of: ValueInfoProto) -> list[int | str]:
    """The dimensions of an input or output: their sizes, or their names where they are free."""
    return [d.dim_param or d.dim_value for d in of.type.tensor_type.shape.dim]


EXAMPLE = MappingProxyType({"height": 192, "width": 384, "latent_height": 24, "latent_width": 48})
"""Sizes of an image that every stride up to 64 divides, 3 and 6 among them; those of a latent count where it is the
input."""


def example_shapes(graph: GraphProto, dims: Mapping[str, int] = EXAMPLE) -> dict[str, tuple[int, ...]]:
    """The shape of every value and tensor of `graph` where its free dimensions have these sizes."""
    example = _model(graph)
    for one in example.graph.input:
        one.CopyFrom(
            value(one.name, [dims.get(side, side) if isinstance(side, str) else side for side in sizes(one)])
        )
    for one in example.graph.output:
        one.type.tensor_type.ClearField("shape")
    # Sizes that are computed have to be folded: onnx infers no shape behind a division. Weights become inputs, as they
    # have no values.
    del example.graph.initializer[:]
    example.graph.initializer.extend(tensor for tensor in graph.initializer if not is_weight(tensor))
    example.graph.input.extend(value(t.name, t.dims) for t in graph.initializer if is_weight(t))
    fold_constants(example)
    inferred = shape_inference.infer_shapes(example, strict_mode=True, data_prop=True).graph
    values = [*inferred.input, *inferred.value_info, *inferred.output]
    shapes = {v.name: tuple(d.dim_value for d in v.type.tensor_type.shape.dim) for v in values}
    # Folding gives the input of an Identity the name of its output.
    for same in (node for node in graph.node if node.op_type == "Identity"):
        shapes.setdefault(same.input[0], shapes[same.output[0]])
    return shapes | {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}


def _model(graph: GraphProto) -> ModelProto:
    opset = helper.make_opsetid("", OPSET)
    return helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION, producer_name="glaze-edge")
