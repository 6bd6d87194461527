"""Pools."""

from collections.abc import Iterator, Mapping
from itertools import product

from onnx import NodeProto

from glaze_export.graphs import attributes
from glaze_export.rules.activation import positive
from glaze_export.rules.shapes import END, fit
from glaze_export.rules.tape import Tape, unknown


def max_pool(node: NodeProto, grad: str, tape: Tape) -> Iterator[tuple[str, str]]:
    """y = the largest of each window; of several that are as large the first takes the gradient, as in torch.

    Entry (i, j) of all windows at once is a strided slice of x. What the entries get is put back by phase: those a
    stride apart are on the same phase of the grid, a cell further, and DepthToSpace interleaves the phases.
    """
    x = node.input[0]
    size, stride = _square(node, tape)
    height, width = tape.shape(x)[2:]
    rows, columns = tape.shape(node.output[0])[2:]
    y, rest, shares = tape.value(node.output[0]), tape.scalar(1), {}
    for i, j in product(range(size), repeat=2):
        ends = [i + stride * (rows - 1) + 1 - height or END, j + stride * (columns - 1) + 1 - width or END]
        entry = tape.emit(
            "Slice", tape.value(x), *map(tape.integers, ([i, j], ends, [2, 3], [stride, stride]))
        )
        largest = tape.emit("Sub", tape.scalar(1), positive(tape.emit("Sub", y, entry), tape))
        first = tape.emit("Mul", largest, rest)
        rest = tape.emit("Sub", rest, first)
        shares[i, j] = tape.emit("Mul", grad, first)
    reach = -(-size // stride)
    phases = [_phase(shares, p, q, stride, reach, tape) for p, q in product(range(stride), repeat=2)]
    whole = phases[0]
    if stride > 1:
        whole = tape.emit("DepthToSpace", tape.emit("Concat", *phases, axis=1), blocksize=stride, mode="DCR")
    over = [stride * (cells + reach - 1) - n for cells, n in ((rows, height), (columns, width))]
    yield x, fit(whole, (0, 0), over, tape)


def _square(node: NodeProto, tape: Tape) -> tuple[int, int]:
    """Size and stride of the windows, the same along both axes, once it is known that they end within the input."""
    has = attributes(node)
    size, *others = has["kernel_shape"]
    strides = has.get("strides", [1, 1])
    reached = [strides[0] * (n - 1) + size for n in tape.shape(node.output[0])[2:]]
    within = all(end <= n for end, n in zip(reached, tape.shape(node.input[0])[2:], strict=True))
    plain = not any(has.get("pads", [])) and set(has.get("dilations", [1])) == {1}
    if set(others) != {size} or len(set(strides)) > 1 or strides[0] > size or not (within and plain):
        raise unknown(node, "has uneven windows, gaps, dilations or pads, or windows beyond the edge")
    return size, strides[0]


def _phase(shares: Mapping[tuple[int, int], str], p: int, q: int, stride: int, reach: int, tape: Tape) -> str:
    """The sum of the shares on the phase (p, q) of the grid, [1,C,rows + reach − 1,columns + reach − 1]."""
    total = ""
    for down, right in product(range(reach), repeat=2):
        share = shares.get((down * stride + p, right * stride + q))
        if share is None:
            continue
        if reach > 1:
            pads = [0, 0, down, right, 0, 0, reach - 1 - down, reach - 1 - right]
            share = tape.emit("Pad", share, tape.integers(pads))
        total = tape.emit("Add", total, share) if total else share
    return total
