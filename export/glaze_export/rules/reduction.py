"""Sums and means along axes that stay, with size 1."""

from collections.abc import Iterator

from onnx import NodeProto

from glaze_export.graphs import attributes
from glaze_export.rules.tape import Tape, unknown


def reduce_sum(node: NodeProto, grad: str, tape: Tape) -> Iterator[tuple[str, str]]:
    """y = Σ x"""
    _require_kept(node)
    yield node.input[0], spread(grad, node.input[0], tape)


def reduce_mean(node: NodeProto, grad: str, tape: Tape) -> Iterator[tuple[str, str]]:
    """y = Σ x / N, and as sizes are free, N = Σ x / y is counted: the sum of as many ones"""
    _require_kept(node)
    x, axes = node.input
    ones = tape.emit("Add", tape.emit("Mul", tape.value(x), tape.scalar(0)), tape.scalar(1))
    count = tape.emit("ReduceSum", ones, axes, keepdims=1)
    yield x, tape.emit("Mul", tape.emit("Div", grad, count), ones)


def spread(small: str, like: str, tape: Tape) -> str:
    """`small`, repeated to the shape of `like`; Expand is not in CoreML."""
    return tape.emit("Add", small, tape.emit("Mul", tape.value(like), tape.scalar(0)))


def unbroadcast(grad: str, name: str, node: NodeProto, tape: Tape) -> str:
    """The share of the input `name`: `grad` summed over the axes along which it was repeated."""
    shape, result = tape.shape(name), tape.shape(node.output[0])
    if len(shape) != len(result):
        raise unknown(node, f"broadcasts {name!r} from {shape} to {result}")
    axes = [axis for axis, (n, m) in enumerate(zip(shape, result, strict=True)) if n != m]
    return tape.emit("ReduceSum", grad, tape.integers(axes), keepdims=1) if axes else grad


def _require_kept(node: NodeProto) -> None:
    if len(node.input) != 2 or not attributes(node).get("keepdims", 1):
        raise unknown(node, "drops its axes")
