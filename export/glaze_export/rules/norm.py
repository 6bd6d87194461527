"""Normalisations, over the axes that vary within an instance: with x̂ = (x − μ) / σ, σ = √(variance + ε) and g = dL/dx̂,

dL/dx = (g − mean(g) − x̂ mean(g x̂)) / σ
"""

from collections.abc import Iterator

from onnx import NodeProto

from glaze_export.graphs import attributes
from glaze_export.rules.tape import Tape, unknown


def instance_norm(node: NodeProto, grad: str, tape: Tape) -> Iterator[tuple[str, str]]:
    """y = x̂ of each channel [1,C,...], with a scale of one and a bias of zero

    σ comes from x̂ in two operators in place of five: p = mean(x̂ x) = variance / σ, so σ² = p σ + ε and
    2 σ = p + √(p² + 4 ε).
    """
    x, scale, bias = node.input
    if set(tape.constant(scale)) != {1} or set(tape.constant(bias)) != {0}:
        raise unknown(node, "has a scale other than one or a bias other than zero")
    epsilon = attributes(node).get("epsilon", 1e-5)
    axes = tape.integers(range(2, len(tape.shape(x))))
    unit = tape.value(node.output[0])
    p = tape.emit("ReduceMean", tape.emit("Mul", unit, tape.value(x)), axes)
    root = tape.emit("Sqrt", tape.emit("Add", tape.emit("Mul", p, p), tape.scalar(4 * epsilon)))
    inverse = tape.emit("Div", tape.scalar(2), tape.emit("Add", p, root))
    yield x, _through(unit, inverse, grad, axes, tape)


def layer_norm(node: NodeProto, grad: str, tape: Tape) -> Iterator[tuple[str, str]]:
    """y = w x̂ + b over the last axis"""
    x, weight = node.input[:2]
    has = attributes(node)
    if has.get("axis", -1) not in (-1, len(tape.shape(x)) - 1):
        raise unknown(node, "is over more than the last axis")
    axes = tape.integers([-1])
    centred = tape.emit("Sub", tape.value(x), tape.emit("ReduceMean", tape.value(x), axes))
    variance = tape.emit("ReduceMean", tape.emit("Mul", centred, centred), axes)
    deviation = tape.emit("Sqrt", tape.emit("Add", variance, tape.scalar(has.get("epsilon", 1e-5))))
    inverse = tape.emit("Div", tape.scalar(1), deviation)
    yield x, _through(tape.emit("Mul", centred, inverse), inverse, tape.emit("Mul", grad, weight), axes, tape)


def _through(unit: str, inverse: str, grad: str, axes: str, tape: Tape) -> str:
    """dL/dx from x̂, 1/σ and dL/dx̂."""
    along = tape.emit("ReduceMean", tape.emit("Mul", grad, unit), axes)
    shift = tape.emit("Add", tape.emit("Mul", unit, along), tape.emit("ReduceMean", grad, axes))
    return tape.emit("Mul", tape.emit("Sub", grad, shift), inverse)
