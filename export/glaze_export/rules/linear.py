"""Matrix products and what attention makes of them."""

from collections.abc import Iterator

from onnx import NodeProto

from glaze_export.graphs import attributes
from glaze_export.rules.tape import Tape, unknown


def matmul(node: NodeProto, grad: str, tape: Tape) -> Iterator[tuple[str, str]]:
    """y = a b, [..., n, k] times [..., k, m], or times a constant [k, m]"""
    a, b = node.input
    leading = tape.shape(node.output[0])[:-2]
    if any(tape.needs_gradient(name) and tape.shape(name)[:-2] != leading for name in (a, b)):
        raise unknown(node, f"broadcasts {tape.shape(a)} times {tape.shape(b)}")
    if tape.needs_gradient(a):
        yield a, tape.emit("MatMul", grad, _swapped(b, tape))
    if tape.needs_gradient(b):
        yield b, tape.emit("MatMul", _swapped(a, tape), grad)


def gemm(node: NodeProto, grad: str, tape: Tape) -> Iterator[tuple[str, str]]:
    """y = a b + c, or a bᵀ + c, [n,k] times a constant"""
    a, b = node.input[:2]
    has = attributes(node)
    if has.get("transA", 0) or has.get("alpha", 1.0) != 1 or any(map(tape.needs_gradient, node.input[1:])):
        raise unknown(
            node, "has a transposed or scaled value, or a second factor or term that depends on the image"
        )
    yield a, tape.emit("Gemm", grad, b, transB=1 - has.get("transB", 0))


def softmax(node: NodeProto, grad: str, tape: Tape) -> Iterator[tuple[str, str]]:
    """y = eˣ / Σ eˣ, dL/dx = (g − Σ g y) y"""
    y = tape.value(node.output[0])
    axis = tape.integers([attributes(node).get("axis", -1)])
    total = tape.emit("ReduceSum", tape.emit("Mul", grad, y), axis, keepdims=1)
    yield node.input[0], tape.emit("Mul", tape.emit("Sub", grad, total), y)


def _swapped(name: str, tape: Tape) -> str:
    """The value with its last two axes swapped; that of a swapped value is the value itself."""
    rank = len(tape.shape(name))
    perm = [*range(rank - 2), rank - 1, rank - 2]
    source = tape.producer(name)
    if source is not None and source.op_type == "Transpose" and attributes(source)["perm"] == perm:
        return tape.value(source.input[0])
    return tape.emit("Transpose", tape.value(name), perm=perm)
