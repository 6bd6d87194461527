"""Parity: a step graph on onnxruntime against torch autograd, on the same image and target."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from glaze_models import DecoderCard, EncoderCard
from glaze_runtime.devices import CPU, open_session
from glaze_runtime.weights.binding import Weights, bind

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
        median_error: the median of |g − g'| over the root mean square of g': with rectifiers, a few entries differ by
            kinks.
        sign_agreement: the share of the gradient's entries that have the same sign.
    """

    height: int
    width: int
    loss_error: float
    gradient_error: float
    median_error: float
    sign_agreement: float


def parity(
    card: EncoderCard | DecoderCard,
    module: nn.Module,
    step: Path,
    sizes: Sequence[tuple[int, int]] = SIZES,
) -> list[Parity]:
    """Compare the graph file `step` of `card`, with the weights of `module`, with `module`: an encoder on smooth random
    images with noise, a decoder on random latents.

    An encoder that takes one size only is compared at that size.

    Args:
        sizes: of the images.

    Raises:
        ModelError, WeightsError: the graph cannot be used, or is not that of the module.
    """
    bound = bind(step, weights_of(module, step))
    decodes = isinstance(card, DecoderCard)
    fixed = card.side if isinstance(card, EncoderCard) else None
    reports = []
    for height, width in [(fixed, fixed)] if fixed else sizes:
        generator = torch.Generator().manual_seed(height * 10_000 + width)
        cells = height // card.stride, width // card.stride
        shape = (1, card.channels, *cells)
        source = torch.randn(shape, generator=generator) if decodes else _image(height, width, generator)
        output = module(source)
        target = output + torch.randn(output.shape, generator=generator)
        dims = dict(
            zip(("height", "width", "latent_height", "latent_width"), (height, width, *cells), strict=True)
        )
        session = open_session(bound.model, CPU, dims=dims, initializers=bound.tensors)
        feeds = {"latent" if decodes else "image": source.numpy(), "target": target.numpy()}
        loss, gradient = session.run(["loss", "gradient"], feeds)
        reports.append(_compare((height, width), (loss, gradient), _autograd(module, source, target)))
    return reports


def weights_of(module: nn.Module, file: Path) -> Weights:
    """The weights of `module`, without a copy, as though they were from `file`."""
    return Weights(file=file, tensors={name: tensor.numpy() for name, tensor in module.state_dict().items()})


def _image(height: int, width: int, generator: torch.Generator) -> torch.Tensor:
    coarse = torch.rand(1, 3, height // 32, width // 32, generator=generator)
    image = nn.functional.interpolate(coarse, size=(height, width), mode="bicubic")
    return (image + 0.05 * torch.randn(image.shape, generator=generator)).clamp(0, 1)


def _autograd(module: nn.Module, source: torch.Tensor, target: torch.Tensor) -> tuple[float, Array]:
    leaf = source.clone().requires_grad_()
    loss = (module(leaf) - target).square().sum()
    (gradient,) = torch.autograd.grad(loss, leaf)
    return loss.item(), gradient.numpy()


def _compare(size: tuple[int, int], found: tuple[Array, Array], expected: tuple[float, Array]) -> Parity:
    loss, gradient = found
    true_loss, reference = expected
    return Parity(
        height=size[0],
        width=size[1],
        loss_error=abs(float(loss) - true_loss) / true_loss,
        gradient_error=float(np.linalg.norm(gradient - reference) / np.linalg.norm(reference)),
        median_error=float(np.median(np.abs(gradient - reference)) / np.sqrt(np.mean(np.square(reference)))),
        sign_agreement=float(np.mean(np.sign(gradient) == np.sign(reference))),
    )
