"""Normalisations, over the axes that vary within an instance: with x̂ = (x − μ) / σ, σ = √(variance + ε) and g =
dL/dx̂,

dL/dx = (g − mean(g) − x̂ mean(g x̂)) / σ
"""

from collections.abc import Callable, Iterator

from onnx import NodeProto

from glaze_export.graphs import attributes
from glaze_export.lowering import mean_by_rows
from glaze_export.rules.tape import Tape, unknown


def instance_norm(node: NodeProto, grad: str, tape: Tape) -> Iterator[tuple[str, str]]:
    """y = x̂ of each group of channels, as `lowering` writes it out"""
    x, y = node.input[0], node.output[0]
    reshape = tape.producer(x)
    assert reshape is not None

    def mean(value: str) -> str:
        return mean_by_rows(tape.emit, value, reshape, tape.integers([-1]))

    yield x, _through(tape.value(y), f"{y}_inverse", grad, mean, tape)


def layer_norm(node: NodeProto, grad: str, tape: Tape) -> Iterator[tuple[str, str]]:
    """y = w x̂ + b over the last axis"""
    x, weight = node.input[:2]
    has = attributes(node)
    if has.get("axis", -1) not in (-1, len(tape.shape(x)) - 1):
        raise unknown(node, "is over more than the last axis")

    def mean(value: str) -> str:
        return tape.emit("ReduceMean", value, tape.integers([-1]))

    centred = tape.emit("Sub", tape.value(x), mean(tape.value(x)))
    variance = mean(tape.emit("Mul", centred, centred))
    deviation = tape.emit("Sqrt", tape.emit("Add", variance, tape.scalar(has.get("epsilon", 1e-5))))
    inverse = tape.emit("Div", tape.scalar(1), deviation)
    yield x, _through(tape.emit("Mul", centred, inverse), inverse, tape.emit("Mul", grad, weight), mean, tape)


def _through(unit: str, inverse: str, grad: str, mean: Callable[[str], str], tape: Tape) -> str:
    """dL/dx from x̂, 1/σ and dL/dx̂."""
    along = mean(tape.emit("Mul", grad, unit))
    shift = tape.emit("Add", tape.emit("Mul", unit, along), mean(grad))
    return tape.emit("Mul", tape.emit("Sub", grad, shift), inverse)
