"""What a step graph computes otherwise than its encode graph: normalisation, for accuracy.

onnxruntime adds up the million numbers of a group in one go, in float32: its InstanceNormalization is 1e-5 off, and its
ReduceMean of squares 3e-5. In the gradient of an SD VAE at 512x512 that makes 1e-4. Rows first, then their means: 7e-7.
"""

from collections.abc import Callable, Iterator

from onnx import GraphProto, NodeProto, helper

from glaze_export import graphs
from glaze_models.errors import ModelError

Emit = Callable[..., str]
"""(operator, *inputs, **attributes) -> name of the output."""


def written_out(encode: GraphProto) -> GraphProto:
    """`encode` with each InstanceNormalization y written out; the values y_mean and y_inverse, 1/σ, are [1,groups,1].

    Raises:
        ModelError: one is not that of a GroupNorm; it is named.
    """
    held = {t.name: graphs.numbers(t) for t in encode.initializer if not graphs.is_weight(t)}
    producers = {node.output[0]: node for node in encode.node}
    tensors = {t.name: t for t in encode.initializer}
    nodes: list[NodeProto] = []
    for node in encode.node:
        if node.op_type != "InstanceNormalization":
            nodes.append(node)
            continue
        x, scale, bias = node.input
        reshape = producers.get(x)
        grouped = reshape is not None and reshape.op_type == "Reshape" and reshape.input[1] in held
        if not grouped or set(held.get(scale, ())) != {1} or set(held.get(bias, ())) != {0}:
            raise ModelError(
                f"InstanceNormalization {node.name!r} is not that of a GroupNorm: a Reshape to a constant shape "
                "before it, a scale of one, a bias of zero. Extend glaze_export/lowering.py."
            )
        epsilon = graphs.attributes(node).get("epsilon", 1e-5)
        constants = [graphs.scalar("number_1", 1), graphs.scalar(f"number_{epsilon:g}", epsilon)]
        tensors |= {t.name: t for t in (*constants, graphs.integers("integers_-1", [-1]))}
        nodes += _group_norm(node.output[0], reshape, f"number_{epsilon:g}")
    return helper.make_graph(nodes, encode.name, encode.input, encode.output, list(tensors.values()))


def _group_norm(y: str, reshape: NodeProto, epsilon: str) -> Iterator[NodeProto]:
    """y = (x − mean) · inverse, for the output x of `reshape`."""
    nodes: list[NodeProto] = []

    def emit(op: str, *inputs: str, output: str | None = None, **attributes: object) -> str:
        name = output or f"{y}_{len(nodes)}"
        nodes.append(graphs.node(op, inputs, name, attributes))
        return name

    mean = _mean_of_rows(emit, reshape.input[0], reshape.input[1], "integers_-1", output=f"{y}_mean")
    centred = emit("Sub", reshape.output[0], mean)
    variance = mean_by_rows(emit, emit("Mul", centred, centred), reshape, "integers_-1")
    deviation = emit("Sqrt", emit("Add", variance, epsilon))
    inverse = emit("Div", "number_1", deviation, output=f"{y}_inverse")
    emit("Mul", centred, inverse, output=y)
    return iter(nodes)


def mean_by_rows(emit: Emit, value: str, reshape: NodeProto, last: str) -> str:
    """The mean [1,groups,1] of each group of `value`, which has the shape [1,groups,numbers] that `reshape` gives a
    picture.

    Args:
        emit: appends an operator.
        last: the constant vector of −1.
    """
    picture, groups = reshape.input
    rows = emit("Reshape", value, emit("Shape", picture))
    return _mean_of_rows(emit, rows, groups, last)


def _mean_of_rows(emit: Emit, rows: str, groups: str, last: str, **attributes: object) -> str:
    means = emit("Reshape", emit("ReduceMean", rows, last), groups)
    return emit("ReduceMean", means, last, **attributes)
