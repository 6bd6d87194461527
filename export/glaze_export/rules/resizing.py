"""Enlarging."""

from collections.abc import Iterator

from onnx import NodeProto

from glaze_export.graphs import attributes
from glaze_export.rules.tape import Tape, unknown


def resize(node: NodeProto, grad: str, tape: Tape) -> Iterator[tuple[str, str]]:
    """Every number repeated in s rows and s columns: the sum of each s by s block, as s² times its mean"""
    has = attributes(node)
    x = node.input[0]
    before, after = tape.shape(x), tape.shape(node.output[0])
    scale = after[2] // before[2]
    repeats = (
        has.get("mode", b"nearest") == b"nearest"
        and has.get("coordinate_transformation_mode") == b"asymmetric"
        and has.get("nearest_mode") == b"floor"
        and after == (*before[:2], scale * before[2], scale * before[3])
    )
    if not repeats:
        raise unknown(
            node, "does not repeat rows and columns a whole number of times, as often the ones as the others"
        )
    mean = tape.emit("AveragePool", grad, kernel_shape=[scale, scale], strides=[scale, scale])
    yield x, tape.emit("Mul", mean, tape.scalar(scale * scale))
