"""Operators that let a value through or not."""

from collections.abc import Iterator

from onnx import NodeProto

from glaze_export.rules.tape import Tape

STEEP = 2.0**100


def relu(node: NodeProto, grad: str, tape: Tape) -> Iterator[tuple[str, str]]:
    """y = max(x, 0)"""
    yield node.input[0], tape.emit("Mul", grad, positive(tape.value(node.output[0]), tape))


def positive(y: str, tape: Tape) -> str:
    """1 where y > 0 and 0 where y = 0, for y >= 0: clip(2¹⁰⁰ y, 0, 1).

    Comparisons and Sign are not in CoreML, and a steep HardSigmoid gives 0.5 at 0 in OpenVINO. A power of two scales
    without rounding, so this is exact at 0 and from 2⁻¹⁰⁰ = 8e-31 on: float32 activations that are not 0 are far
    larger. Below 2²⁸ nothing overflows; an infinity would be clipped to 1 as well.
    """
    return tape.emit("Clip", tape.emit("Mul", y, tape.scalar(STEEP)), tape.scalar(0), tape.scalar(1))
