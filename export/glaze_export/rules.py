"""The derivative of each operator, as operators: given dL/dy, emit dL/dx for the inputs that depend on the image.

Only operators that CoreML's provider has too may come out of a rule (no Expand, Neg, Greater …). Broadcasting against
a constant is free, as a constant needs no gradient; between two values that need one it is refused by `same_shape`.
"""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from glaze_models.errors import ModelError
from onnx import NodeProto

from glaze_export.graphs import attributes


class Tape(Protocol):
    """What a rule may do: emit operators, and ask for constants and derived tensors. All of it gives names."""

    def emit(self, op: str, *inputs: str, **attributes: Any) -> str: ...
    def scalar(self, number: float) -> str: ...
    def derived(self, recipe: str, of: str) -> str: ...
    def weight_shape(self, name: str) -> tuple[int, ...]: ...
    def needs_gradient(self, name: str) -> bool: ...


Rule = Callable[[NodeProto, str, Tape], Iterator[tuple[str, str]]]
"""(node, name of dL/dy, tape) -> pairs (input, name of its dL/dx)."""


def add(node: NodeProto, grad: str, tape: Tape) -> Iterator[tuple[str, str]]:
    """y = a + b"""
    for name in node.input:
        if tape.needs_gradient(name):
            yield name, grad


def sub(node: NodeProto, grad: str, tape: Tape) -> Iterator[tuple[str, str]]:
    """y = a − b"""
    a, b = node.input
    if tape.needs_gradient(a):
        yield a, grad
    if tape.needs_gradient(b):
        yield b, tape.emit("Mul", grad, tape.scalar(-1))


def mul(node: NodeProto, grad: str, tape: Tape) -> Iterator[tuple[str, str]]:
    """y = a · b"""
    a, b = node.input
    if tape.needs_gradient(a):
        yield a, tape.emit("Mul", grad, b)
    if tape.needs_gradient(b):
        yield b, tape.emit("Mul", grad, a)


def sigmoid(node: NodeProto, grad: str, tape: Tape) -> Iterator[tuple[str, str]]:
    """y = 1 / (1 + e^−x), dy/dx = y (1 − y)"""
    y = node.output[0]
    slope = tape.emit("Mul", y, tape.emit("Sub", tape.scalar(1), y))
    yield node.input[0], tape.emit("Mul", grad, slope)


def conv(node: NodeProto, grad: str, tape: Tape) -> Iterator[tuple[str, str]]:
    """y = W * x + b. Stride 1: a convolution with W flipped and transposed, which beats ConvTranspose on a CPU; else ConvTranspose."""
    has = attributes(node)
    x, weight = node.input[:2]
    kernel = tape.weight_shape(weight)[2:]
    strides, pads = has.get("strides", [1, 1]), has.get("pads", [0, 0, 0, 0])
    if has.get("group", 1) != 1 or any(d != 1 for d in has.get("dilations", [1, 1])):
        raise ModelError(f"The gradient of Conv {node.name!r} with groups or dilations has no rule. Add it to rules.py.")
    if all(s == 1 for s in strides):
        turned = tape.derived("flip_transpose", weight)
        back = [k - 1 - p for k, p in zip((*kernel, *kernel), pads, strict=True)]
        yield x, tape.emit("Conv", grad, turned, kernel_shape=list(kernel), pads=back)
        return
    for size, stride, before, after in zip(kernel, strides, pads[:2], pads[2:], strict=True):
        if size - before - after != stride:
            raise ModelError(
                f"The gradient of Conv {node.name!r} needs kernel − pads = stride, else its size depends on the input's. "
                "Use an even kernel, or add a rule to rules.py."
            )
    yield x, tape.emit("ConvTranspose", grad, weight, kernel_shape=list(kernel), pads=pads, strides=strides)


RULES: dict[str, Rule] = {"Add": add, "Conv": conv, "Mul": mul, "Sigmoid": sigmoid, "Sub": sub}
