"""The step graph against one that is captured in quite another way: torch's own backward pass, traced and exported."""

from typing import Any

import numpy as np
import onnxruntime
import pytest

from glaze_export.export import build_module
from glaze_models import encoder_card
from glaze_runtime.devices import CPU
from glaze_runtime.encoder import Encoder

torch = pytest.importorskip("torch")
from torch.fx.experimental.proxy_tensor import make_fx  # noqa: E402

CARD = encoder_card("sd1-b")
aten = torch.ops.aten


def convolution_backward(
    grad: Any,
    x: Any,
    weight: Any,
    bias_sizes: Any,
    stride: list[int],
    padding: list[int],
    dilation: list[int],
    transposed: bool,
    output_padding: list[int],
    groups: int,
    output_mask: list[bool],
) -> tuple[Any, None, None]:
    assert output_mask == [True, False, False]
    return torch.nn.functional.conv_transpose2d(grad, weight, stride=stride, padding=padding), None, None


def silu_backward(grad: Any, x: Any) -> Any:
    gate = torch.sigmoid(x)
    return grad * gate * (1 + x * (1 - gate))


DECOMPOSITIONS: dict[Any, Any] = {
    aten.convolution_backward.default: convolution_backward,
    aten.silu_backward.default: silu_backward,
}


@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")
def test_the_two_routes_agree() -> None:
    module = build_module(CARD)

    def step(image: Any, target: Any) -> tuple[Any, Any]:
        leaf = image.detach().requires_grad_()
        loss = (module(leaf) - target).square().sum()
        return loss, torch.autograd.grad(loss, leaf)[0]

    image, target = torch.rand(1, 3, 64, 96), torch.randn(1, 4, 8, 12)
    traced = make_fx(step, decomposition_table=DECOMPOSITIONS)(image, target).eval()
    with torch.no_grad():
        program = torch.onnx.export(traced, (image, target), dynamo=True, verbose=False, opset_version=18)
    session = onnxruntime.InferenceSession(
        program.model_proto.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    feeds = zip(session.get_inputs(), (image, target), strict=True)
    loss, gradient = session.run(None, {value.name: tensor.numpy() for value, tensor in feeds})

    ours, our_gradient = Encoder(CARD, CPU).value_and_grad(image[0].permute(1, 2, 0).numpy(), target.numpy())
    assert ours == pytest.approx(float(loss), rel=1e-6)
    difference = our_gradient.transpose(2, 0, 1) - gradient[0]
    assert np.linalg.norm(difference) <= 1e-5 * np.linalg.norm(gradient)
