"""Sums, products, and functions of one value, element by element."""

import math
from collections.abc import Iterator

from onnx import NodeProto

from glaze_export.rules.reduction import unbroadcast
from glaze_export.rules.tape import Tape


def add(node: NodeProto, grad: str, tape: Tape) -> Iterator[tuple[str, str]]:
    """y = a + b"""
    for name in node.input:
        if tape.needs_gradient(name):
            yield name, unbroadcast(grad, name, node, tape)


def sub(node: NodeProto, grad: str, tape: Tape) -> Iterator[tuple[str, str]]:
    """y = a − b"""
    a, b = node.input
    if tape.needs_gradient(a):
        yield a, unbroadcast(grad, a, node, tape)
    if tape.needs_gradient(b):
        yield b, tape.emit("Mul", unbroadcast(grad, b, node, tape), tape.scalar(-1))


def mul(node: NodeProto, grad: str, tape: Tape) -> Iterator[tuple[str, str]]:
    """y = a · b

    SiLU, y = x · s with s = sigmoid(x), is differentiated as a whole, dy/dx = s + y (1 − s). The clip of a HardSigmoid
    changes nothing of 1 − s; onnxruntime keeps it in the blocked layout of its convolutions, a Sub not.
    """
    a, b = node.input
    gate = tape.producer(b)
    if gate is not None and gate.op_type == "Sigmoid" and gate.input[0] == a:
        s, y = tape.value(b), tape.value(node.output[0])
        bend = tape.emit("Mul", y, tape.emit("HardSigmoid", s, alpha=-1.0, beta=1.0))
        yield a, tape.emit("Mul", grad, tape.emit("Add", s, bend))
        return
    for name, other in ((a, b), (b, a)):
        if tape.needs_gradient(name):
            yield name, unbroadcast(tape.emit("Mul", grad, tape.value(other)), name, node, tape)


def div(node: NodeProto, grad: str, tape: Tape) -> Iterator[tuple[str, str]]:
    """y = a / b, dy/da = 1 / b, dy/db = −y / b"""
    a, b = node.input
    share = tape.emit("Div", grad, tape.value(b))
    if tape.needs_gradient(a):
        yield a, unbroadcast(share, a, node, tape)
    if tape.needs_gradient(b):
        product = tape.emit("Mul", share, tape.value(node.output[0]))
        yield b, tape.emit("Mul", unbroadcast(product, b, node, tape), tape.scalar(-1))


def sqrt(node: NodeProto, grad: str, tape: Tape) -> Iterator[tuple[str, str]]:
    """y = √x of x > 0, dy/dx = 1 / 2y"""
    y = tape.value(node.output[0])
    yield node.input[0], tape.emit("Div", grad, tape.emit("Add", y, y))


def sigmoid(node: NodeProto, grad: str, tape: Tape) -> Iterator[tuple[str, str]]:
    """y = 1 / (1 + e⁻ˣ), dy/dx = y (1 − y)"""
    y = tape.value(node.output[0])
    slope = tape.emit("Mul", y, tape.emit("Sub", tape.scalar(1), y))
    yield node.input[0], tape.emit("Mul", grad, slope)


def tanh(node: NodeProto, grad: str, tape: Tape) -> Iterator[tuple[str, str]]:
    """y = tanh x, dy/dx = 1 − y²"""
    y = tape.value(node.output[0])
    slope = tape.emit("Sub", tape.scalar(1), tape.emit("Mul", y, y))
    yield node.input[0], tape.emit("Mul", grad, slope)


def erf(node: NodeProto, grad: str, tape: Tape) -> Iterator[tuple[str, str]]:
    """y = 2/√π ∫₀ˣ e^(−t²) dt"""
    x = tape.value(node.input[0])
    bell = tape.emit("Exp", tape.emit("Mul", tape.emit("Mul", x, x), tape.scalar(-1)))
    yield node.input[0], tape.emit("Mul", grad, tape.emit("Mul", bell, tape.scalar(2 / math.sqrt(math.pi))))
