"""The tiny family: as diffusers computes it, pooled blocks as written down here, gradients as torch's, weights bound by
name."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glaze_models import EncoderCard, encoder_card
from glaze_runtime.devices import CPU, open_session
from glaze_runtime.weights.binding import bind

torch = pytest.importorskip("torch")
from torch.nn.functional import conv2d, group_norm, relu  # noqa: E402

from glaze_export.export import build_module  # noqa: E402
from glaze_export.parity import parity, weights_of  # noqa: E402

ARCHITECTURES = ("taesd", "taesd3", "taef2")


@pytest.fixture(params=ARCHITECTURES)
def card(request: pytest.FixtureRequest) -> EncoderCard:
    return encoder_card(request.param)


def picture(height: int, width: int) -> torch.Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(1))


def reference(tensors: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """TAESD's encoder from its weights, layer by layer."""
    layers = sorted({int(name.split(".")[2]) for name in tensors})
    for index in layers:
        own = {n.split(".", 3)[3]: t for n, t in tensors.items() if n.startswith(f"encoder.layers.{index}.")}
        if "conv.0.weight" not in own:
            stride = 1 if "bias" in own else 2
            x = conv2d(x, own["weight"], own.get("bias"), stride, padding=1)
            continue
        if "pool.0.weight" in own:
            y = conv2d(x, own["pool.0.weight"])
            y = relu(group_norm(y, 4, own["pool.1.weight"], own["pool.1.bias"]))
            x = x + conv2d(y, own["pool.3.weight"])
        y = x
        for place in (0, 2, 4):
            y = conv2d(
                y if place == 0 else relu(y),
                own[f"conv.{place}.weight"],
                own[f"conv.{place}.bias"],
                padding=1,
            )
        x = relu(y + x)
    return x


def test_is_the_encoder_of_its_weights(card: EncoderCard) -> None:
    module, image = build_module(card), picture(64, 96)
    torch.testing.assert_close(module(image), reference(module.state_dict(), image))


@pytest.mark.parametrize("name", ["taesd", "taesd3"])
def test_is_the_encoder_of_diffusers(name: str) -> None:
    diffusers = pytest.importorskip("diffusers")
    card = encoder_card(name)
    theirs = diffusers.AutoencoderTiny(latent_channels=card.channels).eval()
    module, image = build_module(card), picture(64, 96)
    tensors = {n: t for n, t in theirs.state_dict().items() if n.startswith("encoder.")}
    module.load_state_dict(tensors)
    torch.testing.assert_close(module(image), theirs.encode(2 * image - 1).latents, atol=1e-5, rtol=1e-5)


def test_gradient_is_that_of_torch(card: EncoderCard) -> None:
    """A kink on which the two differ by rounding moves few entries by much: signs are compared."""
    (report,) = parity(card, build_module(card), card.step_graph, [(128, 192)])
    assert report.loss_error <= 1e-5
    assert report.sign_agreement >= 0.9999
    assert report.gradient_error <= 5e-3
    assert report.median_error <= 1e-6


def test_graph_bound_by_name_gives_the_latent(card: EncoderCard) -> None:
    module, image = build_module(card), picture(64, 96)
    bound = bind(card.encode_graph, weights_of(module, Path("taesd.safetensors")))
    dims = {"height": 64, "width": 96, "latent_height": 8, "latent_width": 12}
    session = open_session(bound.model, CPU, dims=dims, initializers=bound.tensors)
    (latent,) = session.run(["latent"], {"image": image.numpy()})
    np.testing.assert_allclose(latent, module(image), atol=1e-4)


def test_cards_of_one_graph_differ_in_name_alone() -> None:
    one, other = encoder_card("taesd"), encoder_card("taesdxl")
    same: dict[str, Any] = {
        "name": one.name,
        "stands_for": one.stands_for,
        "provenance": one.provenance,
        "source": one.source,
    }
    assert replace(other, **same) == one
