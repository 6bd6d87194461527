"""Convolutions."""

from collections.abc import Iterator

from onnx import NodeProto

from glaze_export.graphs import attributes
from glaze_export.rules.tape import Tape, unknown


def conv(node: NodeProto, grad: str, tape: Tape) -> Iterator[tuple[str, str]]:
    """y = W ∗ x + b

    Stride 1: a convolution with W flipped and transposed; ConvTranspose is 1.2 to 1.5 times slower on a CPU.
    Else ConvTranspose. CoreML's has no uneven pads and no output padding: where the pads are uneven it gives back
    the padded input, and Slice takes the pads off.
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
        raise unknown(node, "has groups, dilations, automatic or too wide pads, or a computed kernel")
    if set(strides) == {1}:
        yield x, tape.emit("Conv", grad, tape.flip_transpose(weight), kernel_shape=kernel, pads=back)
        return
    half = len(kernel)
    sizes = zip(tape.shape(x)[2:], kernel, strides, pads[:half], pads[half:], strict=True)
    for length, size, stride, before, after in sizes:
        if (length + before + after - size) % stride:
            raise unknown(
                node,
                f"has a kernel of {size}, pads of {before} and {after}, stride {stride}, which leave out a row or column of the image",
            )
    if len(set(pads)) == 1:
        yield x, tape.emit("ConvTranspose", grad, weight, kernel_shape=kernel, pads=pads, strides=strides)
        return
    padded = tape.emit(
        "ConvTranspose", grad, weight, kernel_shape=kernel, pads=[0] * 2 * half, strides=strides
    )
    starts, ends = tape.integers(pads[:half]), tape.integers(-pad or _END for pad in pads[half:])
    yield x, tape.emit("Slice", padded, starts, ends, tape.integers(range(2, 2 + half)))


_END = 2**31 - 1
"""More than any size."""
