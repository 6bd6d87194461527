"""Convolutions."""

from collections.abc import Iterator

from onnx import NodeProto

from glaze_export.graphs import attributes
from glaze_export.rules.shapes import fit
from glaze_export.rules.tape import Tape, unknown


def conv(node: NodeProto, grad: str, tape: Tape) -> Iterator[tuple[str, str]]:
    """y = W ∗ x + b

    Stride 1: a convolution with W flipped and transposed; ConvTranspose is 1.2 to 1.5 times slower on a CPU.
    Else ConvTranspose. CoreML's has no uneven pads and no output padding: where they would be needed it gives back
    the padded input, and the pads are cut off. The input is taken to be as large as the example's, modulo the stride.
    """
    has = attributes(node)
    x, weight = node.input[:2]
    kernel = list(tape.shape(weight)[2:])
    strides = list(has.get("strides", [1] * len(kernel)))
    pads = list(has.get("pads", [0] * 2 * len(kernel)))
    back = [size - 1 - pad for size, pad in zip(kernel * 2, pads, strict=True)]
    groups = has.get("group", 1)
    grouped = {"group": groups} if groups > 1 else {}
    plain = (
        set(has.get("dilations", [1])) == {1}
        and has.get("auto_pad", b"NOTSET") == b"NOTSET"
        and min(back) >= 0
        and not tape.needs_gradient(weight)
    )
    if not plain:
        raise unknown(node, "has dilations, automatic or too wide pads, or a computed kernel")
    if set(strides) == {1}:
        flipped = tape.flip_transpose(weight, groups)
        yield x, tape.emit("Conv", grad, flipped, kernel_shape=kernel, pads=back, **grouped)
        return
    before = pads[: len(kernel)]
    sizes = zip(tape.shape(node.output[0])[2:], strides, kernel, before, tape.shape(x)[2:], strict=True)
    after = [stride * (cells - 1) + size - pad - length for cells, stride, size, pad, length in sizes]
    even = len({*before, *after}) == 1
    taken = [*before, *after] if even else [0] * len(pads)
    whole = tape.emit(
        "ConvTranspose", grad, weight, kernel_shape=kernel, pads=taken, strides=strides, **grouped
    )
    yield x, whole if even else fit(whole, before, after, tape)


def conv_transpose(node: NodeProto, grad: str, tape: Tape) -> Iterator[tuple[str, str]]:
    """y = the adjoint of a convolution with W, at x; so its own adjoint is that convolution"""
    has = attributes(node)
    x, weight = node.input[:2]
    plain = (
        set(has.get("dilations", [1])) == {1}
        and has.get("auto_pad", b"NOTSET") == b"NOTSET"
        and not has.get("output_shape")
        and not tape.needs_gradient(weight)
    )
    if not plain:
        raise unknown(node, "has dilations, an automatic size, or a computed kernel")
    kept = {name: has[name] for name in ("group", "kernel_shape", "pads", "strides") if name in has}
    yield x, tape.emit("Conv", grad, weight, **kept)
