"""Operators that move numbers and compute none."""

from collections.abc import Iterator, Sequence

from onnx import NodeProto

from glaze_export.graphs import attributes
from glaze_export.rules.tape import Tape, unknown

END = 2**31 - 1
"""More than any size."""


def reshape(node: NodeProto, grad: str, tape: Tape) -> Iterator[tuple[str, str]]:
    """The same numbers in another shape; Shape is a constant once a session fixes height and width."""
    yield node.input[0], tape.emit("Reshape", grad, tape.emit("Shape", node.input[0]))


def transpose(node: NodeProto, grad: str, tape: Tape) -> Iterator[tuple[str, str]]:
    """The axes in another order"""
    perm = attributes(node)["perm"]
    yield node.input[0], tape.emit("Transpose", grad, perm=[perm.index(axis) for axis in range(len(perm))])


def concat(node: NodeProto, grad: str, tape: Tape) -> Iterator[tuple[str, str]]:
    """The inputs side by side, each of fixed width along the axis"""
    axis = attributes(node)["axis"]
    start = 0
    for name in node.input:
        end = start + tape.shape(name)[axis]
        if tape.needs_gradient(name):
            bounds = (tape.integers([number]) for number in (start, end, axis))
            yield name, tape.emit("Slice", grad, *bounds)
        start = end


def slice_(node: NodeProto, grad: str, tape: Tape) -> Iterator[tuple[str, str]]:
    """A part of the input between constant bounds, along axes of fixed width"""
    x, *bounds = node.input
    starts, _, axes, *steps = (tape.constant(name) for name in bounds)
    if steps and set(steps[0]) != {1}:
        raise unknown(node, "takes steps other than 1")
    sizes, part = tape.shape(x), tape.shape(node.output[0])
    before, after = [0] * len(sizes), [0] * len(sizes)
    for axis, start in zip(axes, starts, strict=True):
        before[axis] = start if start >= 0 else sizes[axis] + start
        after[axis] = sizes[axis] - before[axis] - part[axis]
    yield x, tape.emit("Pad", grad, tape.integers([*before, *after]))


def fit(value: str, before: Sequence[int], after: Sequence[int], tape: Tape) -> str:
    """[1,C,h,w] less so many rows and columns at either end; a negative number after them adds zeros."""
    if any(before) or max(after) > 0:
        ends = tape.integers(-n if n > 0 else END for n in after)
        value = tape.emit("Slice", value, tape.integers(before), ends, tape.integers([2, 3]))
    if min(after) < 0:
        value = tape.emit("Pad", value, tape.integers([0] * 6 + [max(-n, 0) for n in after]))
    return value
