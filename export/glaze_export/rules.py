"""The derivative of each operator, as operators: given dL/dy, emit dL/dx for inputs that depend on the image.

Only operators that onnxruntime has for CoreML too may come out of a rule (no Expand, Neg, Greater …).
"""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from onnx import NodeProto

from glaze_export.graphs import attributes
from glaze_models.errors import ModelError


class Tape(Protocol):
    """What a rule may do: emit operators, ask for constants, look at the forward graph. Values go by name."""

    def emit(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Append an operator; the name of its output."""
        ...

    def scalar(self, number: float) -> str:
        """A constant of rank 0."""
        ...

    def flip_transpose(self, weight: str) -> str:
        """The kernels of `weight` flipped in space, their input and output channels swapped."""
        ...

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a value of the forward graph, for an example image."""
        ...

    def producer(self, name: str) -> NodeProto | None:
        """The operator of the forward graph whose output is `name`; none for inputs and constants."""
        ...

    def needs_gradient(self, name: str) -> bool:
        """Whether the value depends on the image."""
        ...


Rule = Callable[[NodeProto, str, Tape], Iterator[tuple[str, str]]]
"""(node, name of dL/dy, tape) -> pairs (input, name of its share of dL/dx)."""


def add(node: NodeProto, grad: str, tape: Tape) -> Iterator[tuple[str, str]]:
    """y = a + b"""
    for name in node.input:
        if _is_live(name, node, tape):
            yield name, grad


def sub(node: NodeProto, grad: str, tape: Tape) -> Iterator[tuple[str, str]]:
    """y = a − b"""
    a, b = node.input
    if _is_live(a, node, tape):
        yield a, grad
    if _is_live(b, node, tape):
        yield b, tape.emit("Mul", grad, tape.scalar(-1))


def mul(node: NodeProto, grad: str, tape: Tape) -> Iterator[tuple[str, str]]:
    """y = a · b

    SiLU, y = x · s with s = sigmoid(x), is differentiated as a whole, dy/dx = s + y (1 − s): the step of
    sd1-a at 512x512 then takes 250 MiB in place of 365, in the same time.
    """
    a, b = node.input
    gate = tape.producer(b)
    if gate is not None and gate.op_type == "Sigmoid" and gate.input[0] == a:
        bend = tape.emit("Mul", node.output[0], tape.emit("Sub", tape.scalar(1), b))
        yield a, tape.emit("Mul", grad, tape.emit("Add", b, bend))
        return
    if _is_live(a, node, tape):
        yield a, tape.emit("Mul", grad, b)
    if _is_live(b, node, tape):
        yield b, tape.emit("Mul", grad, a)


def sigmoid(node: NodeProto, grad: str, tape: Tape) -> Iterator[tuple[str, str]]:
    """y = 1 / (1 + e⁻ˣ), dy/dx = y (1 − y)"""
    y = node.output[0]
    slope = tape.emit("Mul", y, tape.emit("Sub", tape.scalar(1), y))
    yield node.input[0], tape.emit("Mul", grad, slope)


def conv(node: NodeProto, grad: str, tape: Tape) -> Iterator[tuple[str, str]]:
    """y = W ∗ x + b

    Stride 1: a convolution with W flipped and transposed; ConvTranspose is 1.2 to 1.5 times slower on a CPU.
    Else ConvTranspose, where it gives back the input's size: x is taken to be a multiple of the stride, and
    what the kernel reaches beyond its pads must be the stride as well.
    """
    has = attributes(node)
    x, weight = node.input[:2]
    kernel = list(tape.shape(weight)[2:])
    strides = list(has.get("strides", [1] * len(kernel)))
    pads = list(has.get("pads", [0] * 2 * len(kernel)))
    back = [size - 1 - pad for size, pad in zip(kernel * 2, pads, strict=True)]
    plain = (
        has.get("group", 1) == 1
        and set(has.get("dilations", [1])) == {1}
        and has.get("auto_pad", b"NOTSET") == b"NOTSET"
        and min(back) >= 0
        and not tape.needs_gradient(weight)
    )
    if not plain:
        raise ModelError(
            f"Conv {node.name!r} has groups, dilations, automatic or too wide pads, or a computed kernel; "
            "its gradient is not known. Extend the rule in glaze_export/rules.py."
        )
    if set(strides) == {1}:
        yield x, tape.emit("Conv", grad, tape.flip_transpose(weight), kernel_shape=kernel, pads=back)
        return
    half = len(kernel)
    for size, stride, before, after in zip(kernel, strides, pads[:half], pads[half:], strict=True):
        if size - before - after != stride:
            raise ModelError(
                f"Conv {node.name!r} has a kernel of {size}, pads of {before} and {after}, stride {stride}; "
                "its gradient needs kernel − pads = stride. Change it, or extend glaze_export/rules.py."
            )
    yield x, tape.emit("ConvTranspose", grad, weight, kernel_shape=kernel, pads=pads, strides=strides)


RULES: dict[str, Rule] = {"Add": add, "Conv": conv, "Mul": mul, "Sigmoid": sigmoid, "Sub": sub}


def _is_live(name: str, node: NodeProto, tape: Tape) -> bool:
    """Whether an input needs a gradient; an input that does must not have been broadcast."""
    if not tape.needs_gradient(name):
        return False
    shape, result = tape.shape(name), tape.shape(node.output[0])
    if shape != result:
        raise ModelError(
            f"{node.op_type} {node.name!r} broadcasts {name!r} from {shape} to {result}; "
            "its gradient is not known. Extend the rule in glaze_export/rules.py."
        )
    return True
