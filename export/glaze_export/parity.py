"""Parity: a step graph on onnxruntime against torch autograd, on the same image and target."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from glaze_models import EncoderCard
from glaze_runtime.binding import Weights, bind
from glaze_runtime.devices import CPU, open_session

Array = NDArray[np.float32]

SIZES = ((256, 256), (512, 512), (384, 512))
"""Height and width in pixels."""


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How far apart the two are.

    Attributes:
        height, width: of the image.
        loss_error: |loss − loss'| / loss', with loss' from torch.
        gradient_error: |g − g'|₂ / |g'|₂.
        median_error: the median of |g − g'| over the root mean square of g': with rectifiers, a few entries differ by kinks.
        sign_agreement: the share of the gradient's entries that have the same sign.
    """

    height: int
    width: int
    loss_error: float
    gradient_error: float
    median_error: float
    sign_agreement: float


def parity(
    card: EncoderCard, module: nn.Module, step: Path, sizes: Sequence[tuple[int, int]] = SIZES
) -> list[Parity]:
    """Compare the graph file `step` of `card`, with the weights of `module`, with `module` on smooth random images with noise.

    An encoder that takes one size only is compared at that size.

    Raises:
        ModelError, WeightsError: the graph cannot be used, or is not that of the module.
    """
    bound = bind(step, weights_of(module, step))
    reports = []
    for height, width in [(card.side, card.side)] if card.side else sizes:
        image, target = _example(module, height, width)
        dims = {
            "height": height,
            "width": width,
            "latent_height": target.shape[2],
            "latent_width": target.shape[3],
        }
        session = open_session(bound.model, CPU, dims=dims, initializers=bound.tensors)
        loss, gradient = session.run(["loss", "gradient"], {"image": image.numpy(), "target": target.numpy()})
        reports.append(_compare(loss, gradient, _autograd(module, image, target)))
    return reports


def weights_of(module: nn.Module, file: Path) -> Weights:
    """The weights of `module`, without a copy, as though they were from `file`."""
    return Weights(file=file, tensors={name: tensor.numpy() for name, tensor in module.state_dict().items()})


def _example(module: nn.Module, height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """An image, and a target about one away from its latent."""
    generator = torch.Generator().manual_seed(height * 10_000 + width)
    coarse = torch.rand(1, 3, height // 32, width // 32, generator=generator)
    image = nn.functional.interpolate(coarse, size=(height, width), mode="bicubic")
    image = (image + 0.05 * torch.randn(image.shape, generator=generator)).clamp(0, 1)
    latent = module(image)
    return image, latent + torch.randn(latent.shape, generator=generator)


def _autograd(module: nn.Module, image: torch.Tensor, target: torch.Tensor) -> tuple[float, Array]:
    leaf = image.clone().requires_grad_()
    loss = (module(leaf) - target).square().sum()
    (gradient,) = torch.autograd.grad(loss, leaf)
    return loss.item(), gradient.numpy()


def _compare(loss: Array, gradient: Array, expected: tuple[float, Array]) -> Parity:
    true_loss, reference = expected
    return Parity(
        height=gradient.shape[2],
        width=gradient.shape[3],
        loss_error=abs(float(loss) - true_loss) / true_loss,
        gradient_error=float(np.linalg.norm(gradient - reference) / np.linalg.norm(reference)),
        median_error=float(np.median(np.abs(gradient - reference)) / np.sqrt(np.mean(np.square(reference)))),
        sign_agreement=float(np.mean(np.sign(gradient) == np.sign(reference))),
    )
