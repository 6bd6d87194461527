"""Parity: the step graph on onnxruntime against torch autograd, on the same image and target."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from glaze_models import EncoderCard
from glaze_runtime.devices import CPU
from glaze_runtime.encoder import Encoder
from torch import nn

SIZES = ((256, 256), (512, 512), (384, 512))


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How far apart the two are: relative errors, and the share of gradient entries of the same sign."""

    height: int
    width: int
    loss_error: float
    gradient_error: float
    sign_agreement: float


def parity(card: EncoderCard, module: nn.Module, sizes: Sequence[tuple[int, int]] = SIZES) -> list[Parity]:
    """Compare on smooth random images with noise; `gradient_error` is |g − g'|₂ / |g'|₂ with g' from torch."""
    encoder = Encoder(card, CPU)
    return [_compare(encoder, module, height, width) for height, width in sizes]


def _compare(encoder: Encoder, module: nn.Module, height: int, width: int) -> Parity:
    generator = torch.Generator().manual_seed(height * 10_000 + width)
    coarse = torch.rand(1, 3, height // 32, width // 32, generator=generator)
    image = nn.functional.interpolate(coarse, size=(height, width), mode="bicubic")
    image = (image + 0.05 * torch.randn(image.shape, generator=generator)).clamp(0, 1).requires_grad_()
    latent = module(image)
    target = latent.detach() + torch.randn(latent.shape, generator=generator)
    loss = (latent - target).square().sum()
    (expected,) = torch.autograd.grad(loss, image)

    value, gradient = encoder.value_and_grad(image.detach()[0].permute(1, 2, 0).numpy(), target.numpy())
    reference = expected[0].permute(1, 2, 0).numpy().astype(np.float64)
    return Parity(
        height=height,
        width=width,
        loss_error=abs(value - loss.item()) / loss.item(),
        gradient_error=float(np.linalg.norm(gradient - reference) / np.linalg.norm(reference)),
        sign_agreement=float(np.mean(np.sign(gradient) == np.sign(reference))),
    )
