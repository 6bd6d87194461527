"""The small graphs that the gradient rules are tested on, and what torch computes for them."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest
from onnx import NodeProto

from glaze_export import graphs

torch = pytest.importorskip("torch")
from torch.nn.functional import (  # noqa: E402
    conv2d,
    conv_transpose2d,
    group_norm,
    interpolate,
    layer_norm,
    linear,
    max_pool2d,
    pad,
    silu,
)

RNG = np.random.default_rng(0)
PLANE = RNG.standard_normal((1, 3, 1, 1)).astype(np.float32)
CONSTANT = torch.from_numpy(PLANE)
KERNELS = {
    "1x1": RNG.standard_normal((4, 3, 1, 1)).astype(np.float32),
    "3x3": RNG.standard_normal((4, 3, 3, 3)).astype(np.float32),
    "5x3": RNG.standard_normal((4, 3, 5, 3)).astype(np.float32),
    "2x2": RNG.standard_normal((4, 3, 2, 2)).astype(np.float32),
    "4x4": RNG.standard_normal((4, 3, 4, 4)).astype(np.float32),
    "6x6": RNG.standard_normal((4, 3, 6, 6)).astype(np.float32),
    "4x3": RNG.standard_normal((4, 3, 4, 3)).astype(np.float32),
}
MATRIX = RNG.standard_normal((4, 3)).astype(np.float32)
BIAS = RNG.standard_normal(4).astype(np.float32)


DEPTHWISE = RNG.standard_normal((3, 1, 3, 3)).astype(np.float32)


class Case(NamedTuple):
    """A graph image -> latent, its weights, the same in torch, and what the graph itself holds."""

    nodes: list[NodeProto]
    weights: Mapping[str, np.ndarray]
    torch: Callable[[Any], Any]
    channels: int = 3
    constants: Mapping[str, Any] = MappingProxyType({})


def op(kind: str, inputs: str, output: str = "latent", **attributes: Any) -> NodeProto:
    """A node; an input `-` is left out."""
    return graphs.node(kind, [name.strip("-") for name in inputs.split()], output, attributes)


def conv(size: str, strides: tuple[int, int] = (1, 1), pads: tuple[int, ...] = (0, 0, 0, 0)) -> Case:
    top, left, bottom, right = pads
    kernel, bias = torch.from_numpy(KERNELS[size]).double(), torch.from_numpy(BIAS).double()
    return Case(
        [op("Conv", "image kernel bias", strides=strides, pads=pads)],
        {"kernel": KERNELS[size], "bias": BIAS},
        lambda x: conv2d(pad(x, (left, right, top, bottom)), kernel, bias, strides),
        channels=4,
    )


def transposed(size: str, strides: tuple[int, int], pads: tuple[int, int]) -> Case:
    """The adjoint of a convolution 4 -> 3, from an image of 3 channels to 4: its kernel is [3,4,h,w]."""
    weight = np.ascontiguousarray(KERNELS[size].swapaxes(0, 1))
    torch_weight = torch.from_numpy(weight).double()
    return Case(
        [op("ConvTranspose", "image kernel", strides=strides, pads=[*pads, *pads])],
        {"kernel": weight},
        lambda x: conv_transpose2d(x, torch_weight, None, strides, pads),
        channels=4,
    )


def grouped(weight: np.ndarray, strides: tuple[int, int] = (1, 1), pad: int = 0) -> Case:
    """A convolution in groups: every channel on its own."""
    torch_weight = torch.from_numpy(weight).double()
    return Case(
        [op("Conv", "image kernel", strides=strides, pads=[pad] * 4, group=3)],
        {"kernel": weight},
        lambda x: conv2d(x, torch_weight, None, strides, pad, groups=3),
        channels=len(weight),
    )


def pool(size: int, stride: int) -> Case:
    return Case(
        [op("MaxPool", "image", kernel_shape=[size, size], strides=[stride, stride])],
        {},
        lambda x: max_pool2d(x, size, stride),
    )


ONE = op("Add", "square one", "positive")
SIGMOID, DOUBLE = op("Sigmoid", "image", "gate"), op("Add", "image image", "double")
CASES = {
    "a value plus a constant": Case([op("Add", "image plane")], {"plane": PLANE}, lambda x: x + CONSTANT),
    "a value plus itself": Case([op("Add", "image image")], {}, lambda x: 2 * x),
    "a value used three times": Case(
        [DOUBLE, op("Mul", "double image", "product"), op("Add", "product double")],
        {},
        lambda x: 2 * x * x + 2 * x,
    ),
    "a value minus a constant": Case([op("Sub", "image plane")], {"plane": PLANE}, lambda x: x - CONSTANT),
    "a constant minus a value": Case([op("Sub", "plane image")], {"plane": PLANE}, lambda x: CONSTANT - x),
    "a difference of two values": Case([DOUBLE, op("Sub", "image double")], {}, lambda x: -x),
    "a value times a constant": Case([op("Mul", "image plane")], {"plane": PLANE}, lambda x: x * CONSTANT),
    "a square": Case([op("Mul", "image image")], {}, lambda x: x * x),
    "a product of two values": Case([DOUBLE, op("Mul", "double image")], {}, lambda x: 2 * x * x),
    "sigmoid": Case([op("Sigmoid", "image")], {}, torch.sigmoid),
    "silu": Case([SIGMOID, op("Mul", "image gate")], {}, silu),
    "silu, its factors swapped": Case([SIGMOID, op("Mul", "gate image")], {}, silu),
    "silu, its sigmoid used again": Case(
        [SIGMOID, op("Mul", "image gate", "swish"), op("Add", "swish gate")],
        {},
        lambda x: silu(x) + torch.sigmoid(x),
    ),
    "sigmoid times another value": Case(
        [SIGMOID, DOUBLE, op("Mul", "double gate")], {}, lambda x: 2 * x * torch.sigmoid(x)
    ),
    "conv 1x1": conv("1x1"),
    "conv 3x3": conv("3x3", pads=(1, 1, 1, 1)),
    "conv 3x3 without pads": conv("3x3"),
    "conv 5x3, uneven pads": conv("5x3", pads=(0, 2, 3, 1)),
    "conv 2x2 stride 2": conv("2x2", (2, 2)),
    "conv 4x4 stride 2": conv("4x4", (2, 2), (1, 1, 1, 1)),
    "conv 6x6 stride 2": conv("6x6", (2, 2), (2, 2, 2, 2)),
    "conv 4x3 stride 2x1": conv("4x3", (2, 1), (1, 1, 1, 1)),
    "conv 3x3 stride 2, uneven pads": conv("3x3", (2, 2), (0, 0, 1, 1)),
    "conv 3x3 stride 2, uneven pads before": conv("3x3", (2, 2), (1, 1, 0, 0)),
    "conv 3x3 stride 2, even pads": conv("3x3", (2, 2), (1, 1, 1, 1)),
    "conv 6x6 stride 3, a row left out": conv("6x6", (3, 3), (1, 1, 1, 1)),
    "conv 3x3 of each channel": grouped(DEPTHWISE, pad=1),
    "conv 3x3 of each channel, twice": grouped(np.concatenate([DEPTHWISE, -2 * DEPTHWISE]), pad=1),
    "conv 3x3 of each channel, stride 2": grouped(DEPTHWISE, (2, 2), pad=1),
    "conv transpose 4x4 stride 2": transposed("4x4", (2, 2), (1, 1)),
    "conv transpose 4x3 stride 2x1": transposed("4x3", (2, 1), (0, 1)),
    "conv transpose 3x3": transposed("3x3", (1, 1), (1, 1)),
    "every row and column twice": Case(
        [
            op(
                "Resize",
                "image - scales",
                mode="nearest",
                coordinate_transformation_mode="asymmetric",
                nearest_mode="floor",
            )
        ],
        {},
        lambda x: interpolate(x, scale_factor=2, mode="nearest"),
        constants={"scales": np.array([1, 1, 2, 2], np.float32)},
    ),
    "every row and column three times": Case(
        [
            op(
                "Resize",
                "image - scales",
                mode="nearest",
                coordinate_transformation_mode="asymmetric",
                nearest_mode="floor",
            )
        ],
        {},
        lambda x: interpolate(x, scale_factor=3, mode="nearest"),
        constants={"scales": np.array([1, 1, 3, 3], np.float32)},
    ),
    "tanh": Case([op("Tanh", "image")], {}, torch.tanh),
    "relu": Case([op("Relu", "image")], {}, torch.relu),
    "max pool 2x2": pool(2, 2),
    "max pool 3x3 stride 2": pool(3, 2),
    "max pool 3x3 stride 1": pool(3, 1),
    "max pool 2x2 of flats, where entries are as large": Case(
        [
            op("Relu", "image", "cut"),
            op("Sub", "cut image", "rest"),
            op("MaxPool", "rest", kernel_shape=[2, 2], strides=[2, 2]),
        ],
        {},
        lambda x: max_pool2d(torch.relu(x) - x, 2, 2),
    ),
    "square root": Case(
        [op("Mul", "image image", "square"), ONE, op("Sqrt", "positive")],
        {},
        lambda x: (x * x + 1).sqrt(),
        constants={"one": np.float32(1)},
    ),
    "a value over a value": Case(
        [op("Mul", "image image", "square"), ONE, op("Div", "image positive")],
        {},
        lambda x: x / (x * x + 1),
        constants={"one": np.float32(1)},
    ),
    "a value over its sum": Case(
        [
            op("Mul", "image image", "square"),
            ONE,
            op("ReduceSum", "positive axes", "sum", keepdims=1),
            op("Div", "positive sum"),
        ],
        {},
        lambda x: (x * x + 1) / (x * x + 1).sum(1, keepdim=True),
        constants={"one": np.float32(1), "axes": np.array([1])},
    ),
    "a value minus its mean": Case(
        [op("ReduceMean", "image axes", "mean", keepdims=1), op("Sub", "image mean")],
        {},
        lambda x: x - x.mean((2, 3), keepdim=True),
        constants={"axes": np.array([2, 3])},
    ),
    "a value times one of its channels": Case(
        [op("Conv", "image first", "grey"), op("Mul", "image grey")],
        {"first": KERNELS["1x1"][:1]},
        lambda x: x * conv2d(x, torch.from_numpy(KERNELS["1x1"][:1]).double()),
    ),
    "a value over a constant": Case([op("Div", "image plane")], {"plane": PLANE}, lambda x: x / CONSTANT),
    "erf": Case([op("Erf", "image")], {}, torch.erf),
    "layer norm": Case(
        [
            op("Transpose", "image", "last", perm=[0, 2, 3, 1]),
            op("LayerNormalization", "last weight bias", "normed", axis=-1, epsilon=1e-2),
            op("Transpose", "normed", perm=[0, 3, 1, 2]),
        ],
        {"weight": PLANE.ravel(), "bias": BIAS[:3]},
        lambda x: layer_norm(
            x.permute(0, 2, 3, 1), (3,), CONSTANT.double().ravel(), torch.from_numpy(BIAS[:3]).double(), 1e-2
        ).permute(0, 3, 1, 2),
    ),
    "group norm with silu": Case(
        [
            op("Reshape", "image groups", "grouped"),
            op("InstanceNormalization", "grouped one zero", "unit"),
            op("Shape", "image", "shape"),
            op("Reshape", "unit shape", "spread"),
            op("Mul", "spread plane", "normed"),
            op("Sigmoid", "normed", "gate"),
            op("Mul", "normed gate"),
        ],
        {"plane": PLANE},
        lambda x: silu(group_norm(x, 1) * CONSTANT),
        constants={
            "groups": np.array([1, 1, -1]),
            "one": np.ones(1, np.float32),
            "zero": np.zeros(1, np.float32),
        },
    ),
    "a constant matrix": Case(
        [
            op("Transpose", "image", "last", perm=[0, 2, 3, 1]),
            op("Transpose", "matrix", "swapped", perm=[1, 0]),
            op("MatMul", "last swapped", "product"),
            op("Transpose", "product", perm=[0, 3, 1, 2]),
        ],
        {"matrix": MATRIX},
        lambda x: linear(x.permute(0, 2, 3, 1), torch.from_numpy(MATRIX).double()).permute(0, 3, 1, 2),
        channels=4,
    ),
    "a linear layer": Case(
        [
            op("Reshape", "image rows", "tokens"),
            op("Gemm", "tokens square bias3", "product", transB=1),
            op("Gemm", "product square", "again"),
            op("Shape", "image", "shape"),
            op("Reshape", "again shape"),
        ],
        {"square": MATRIX[:3], "bias3": BIAS[:3]},
        lambda x: (
            linear(
                x.reshape(-1, 3), torch.from_numpy(MATRIX[:3]).double(), torch.from_numpy(BIAS[:3]).double()
            )
            @ torch.from_numpy(MATRIX[:3]).double()
        ).reshape(x.shape),
        constants={"rows": np.array([-1, 3])},
    ),
    "attention": Case(
        [
            op("Transpose", "image", "swapped", perm=[0, 1, 3, 2]),
            op("MatMul", "image swapped", "scores"),
            op("Softmax", "scores", "shares", axis=-1),
            op("MatMul", "shares image"),
        ],
        {},
        lambda x: torch.softmax(x @ x.transpose(2, 3), -1) @ x,
    ),
    "a value times its transpose, the transpose first": Case(
        [op("Transpose", "image", "swapped", perm=[0, 1, 3, 2]), op("MatMul", "swapped image")],
        {},
        lambda x: x.transpose(2, 3) @ x,
    ),
    "parts in another order": Case(
        [
            op("Slice", "image minus_one end channel", "last"),
            op("Slice", "image zero two channel", "first"),
            op("Concat", "last first image", axis=1),
        ],
        {},
        lambda x: torch.cat([x[:, -1:], x[:, :2], x], 1),
        channels=6,
        constants={
            "minus_one": np.array([-1]),
            "zero": np.array([0]),
            "two": np.array([2]),
            "end": np.array([2**31 - 1]),
            "channel": np.array([1]),
        },
    ),
}
