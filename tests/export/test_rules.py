"""The gradient rules: each on a small graph of its own, against torch autograd in float64."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from onnx import GraphProto, NodeProto, helper, numpy_helper

from glaze_export import graphs
from glaze_export.gradient import step_graph
from glaze_export.rules import RULES
from glaze_models.errors import ModelError
from glaze_runtime.devices import CPU, open_session
from glaze_runtime.weights.binding import RECIPES

torch = pytest.importorskip("torch")
from rule_cases import CASES, KERNELS, Case, conv, op  # noqa: E402

NOT_IN_COREML = {
    *("Abs", "Equal", "Expand", "Greater", "Less", "Log", "Min", "Neg", "ScatterND", "Sign", "Size"),
    "SpaceToDepth",
}
FREE = ("height", "width", "latent_height", "latent_width")


def encode_graph(
    nodes: list[NodeProto],
    weights: Mapping[str, np.ndarray],
    channels: int,
    constants: Mapping[str, np.ndarray] = MappingProxyType({}),
) -> GraphProto:
    return helper.make_graph(
        nodes,
        "small.encode",
        [graphs.value("image", [1, 3, "height", "width"])],
        [graphs.value("latent", [1, channels, "latent_height", "latent_width"])],
        [
            *(graphs.weight(name, array.shape) for name, array in weights.items()),
            *(numpy_helper.from_array(array, name) for name, array in constants.items()),
        ],
    )


def compare(case: Case, height: int, width: int) -> None:
    """Check loss and gradient for a random image of this size."""
    step, derived = step_graph(encode_graph(case.nodes, case.weights, case.channels, case.constants))
    assert {node.op_type for node in step.node}.isdisjoint(NOT_IN_COREML)
    recipes = {
        name: RECIPES[str(entry["recipe"])](
            case.weights[str(entry["of"])], *([entry["groups"]] if "groups" in entry else [])
        )
        for name, entry in derived.items()
    }
    rng = np.random.default_rng(1)
    image = rng.standard_normal((1, 3, height, width)).astype(np.float32)
    leaf = torch.from_numpy(image).double().requires_grad_()
    latent = case.torch(leaf)
    target = rng.standard_normal(latent.shape).astype(np.float32)
    expected_loss = (latent - torch.from_numpy(target)).square().sum()
    (expected,) = torch.autograd.grad(expected_loss, leaf)

    session = open_session(
        graphs.to_bytes(graphs.model(step, derived)),
        CPU,
        dims=dict(zip(FREE, (height, width, *latent.shape[2:]), strict=True)),
        initializers={**case.weights, **recipes},
    )
    loss, gradient = session.run(["loss", "gradient"], {"image": image, "target": target})
    assert loss == pytest.approx(expected_loss.item(), rel=1e-5)
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", CASES)
def test_gradient_is_that_of_torch(name: str) -> None:
    compare(CASES[name], 12, 24)


def test_every_rule_has_a_case() -> None:
    assert {node.op_type for case in CASES.values() for node in case.nodes} - {"Shape"} == RULES.keys()


@settings(max_examples=30, deadline=None)
@given(
    size=st.sampled_from(sorted(KERNELS)),
    strides=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    before=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    after=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    blocks=st.tuples(st.integers(1, 4), st.integers(1, 4)),
)
@example(size="4x3", strides=(2, 1), before=(2, 2), after=(3, 2), blocks=(1, 1))
def test_a_convolution_is_differentiated_right_or_refused(
    size: str,
    strides: tuple[int, int],
    before: tuple[int, int],
    after: tuple[int, int],
    blocks: tuple[int, int],
) -> None:
    case = conv(size, strides, (*before, *after))
    axes = zip(KERNELS[size].shape[2:], before, after, strict=True)
    fits = all(max(first, last) < kernel for kernel, first, last in axes)
    if fits:
        compare(case, blocks[0] * 6, blocks[1] * 6)
    else:
        with pytest.raises(ModelError, match="Conv 'latent' has"):
            step_graph(encode_graph(case.nodes, case.weights, case.channels))


REFUSED: dict[str, tuple[Any, ...]] = {
    "an operator without a rule": ([op("Cos", "image")], {}, "Cos 'latent' has no gradient rule"),
    "a pool with pads": (
        [op("MaxPool", "image", kernel_shape=[2, 2], strides=[2, 2], pads=[1, 1, 1, 1])],
        {},
        "MaxPool 'latent' has .*pads",
    ),
    "a sum that drops its axes": (
        [op("ReduceSum", "image", keepdims=0)],
        {},
        "ReduceSum 'latent' drops its axes",
    ),
    "a size between": (
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
        "Resize 'latent' does not repeat rows and columns",
        {"scales": np.array([1, 1, 2, 1], np.float32)},
    ),
    "a smooth enlargement": (
        [op("Resize", "image - scales", mode="linear", coordinate_transformation_mode="asymmetric")],
        {},
        "Resize 'latent' does not repeat rows and columns",
        {"scales": np.array([1, 1, 2, 2], np.float32)},
    ),
    "a transposed convolution with dilations": (
        [op("ConvTranspose", "image w", dilations=[2, 2])],
        {"w": np.ascontiguousarray(KERNELS["3x3"].swapaxes(0, 1))},
        "dilations",
    ),
    "dilations": ([op("Conv", "image w", dilations=[2, 2])], {"w": KERNELS["3x3"]}, "dilations"),
    "automatic pads": ([op("Conv", "image w", auto_pad="SAME_UPPER")], {"w": KERNELS["3x3"]}, "automatic"),
    "pads wider than the kernel": (
        [op("Conv", "image w", pads=[1, 1, 1, 1])],
        {"w": KERNELS["1x1"]},
        "too wide pads",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_rule_covers_is_refused_by_name(name: str) -> None:
    nodes, weights, message, *constants = REFUSED[name]
    with pytest.raises(ModelError, match=message):
        step_graph(encode_graph(nodes, weights, 3, *constants))
