"""Other protectors in torch, each a walk of a picture towards a target; written from their formulas (`_papers.py`).

All have one objective, the mean over the encoders of |Phi_k(x + d) − Phi_k(t)|² / |Phi_k(x) − Phi_k(t)|². `strength`
scales what a method moves by: at 1 it is the paper's. Pictures are [1,3,H,W] in 0..1, channels last.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from _papers import (
    FIRST,
    GLAZE_LPIPS,
    GLAZE_LPIPS_WEIGHT,
    GLAZE_RATE,
    GLAZE_START,
    GLAZE_STEPS,
    LAST,
    MIST_LARGEST,
    MIST_STEP,
    MIST_STEPS,
    PHOTOGUARD_DEMO_STEPS,
    PHOTOGUARD_LARGEST,
    PHOTOGUARD_STEPS,
)
from safetensors.torch import load_file
from torch import Tensor, nn

from glaze_export.lpips import Lpips
from glaze_models.perceptual import PERCEPTUALS

Loss = Callable[[Tensor], Tensor]
Walk = Callable[[Tensor, Loss, float, int], Iterator[Tensor]]
"""(picture, loss, strength, steps) -> the picture after each step."""


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A method: its `walk`, how many `steps` its authors take, whether its loss has the hinge of LPIPS.

    `strengths` says what strength 1 is.
    """

    walk: Walk
    steps: int
    strengths: str
    lpips: bool = False


def sign_descent(
    sizes: Callable[[int], Tensor], largest: float, image: Tensor, loss: Loss, strength: float, steps: int
) -> Iterator[Tensor]:
    """Projected sign descent within ±strength · `largest` (Madry et al. 2018) from a random start.

    Args:
        sizes: steps -> [steps], each as a share of the largest change.
    """
    most = strength * largest
    change = torch.empty_like(image).uniform_(-most, most, generator=_generator())
    for size in (sizes(steps) * most).tolist():
        seen = (image + change).clamp(0, 1)
        change = (seen - image - size * gradient(loss, seen).sign()).clamp(-most, most)
        yield (image + change).clamp(0, 1)


def falling(steps: int) -> Tensor:
    """PhotoGuard's sizes."""
    return torch.linspace(FIRST, LAST, steps)


def steady(steps: int) -> Tensor:
    """Mist's sizes."""
    return torch.full((steps,), MIST_STEP)


def unbounded(image: Tensor, loss: Loss, strength: float, steps: int) -> Iterator[Tensor]:
    """Adam from a uniform start, with no limit but the gamut; the start and the rate are in proportion to `strength`.

    In fewer steps than GLAZE_STEPS it goes as far, by a higher rate.
    """
    start = strength * GLAZE_START
    change = torch.empty_like(image).uniform_(-start, start, generator=_generator())
    change.copy_((image + change).clamp(0, 1) - image)
    adam = torch.optim.Adam([change], lr=strength * GLAZE_RATE * GLAZE_STEPS / steps)
    for _ in range(steps):
        change.grad = gradient(loss, image + change)
        adam.step()
        change.copy_((image + change).clamp(0, 1) - image)
        yield image + change


PEERS: dict[str, Peer] = {
    "PhotoGuard": Peer(
        walk=partial(sign_descent, falling, PHOTOGUARD_LARGEST),
        steps=PHOTOGUARD_STEPS,
        strengths="±7.7/255",
    ),
    "PhotoGuard demo": Peer(
        walk=partial(sign_descent, falling, PHOTOGUARD_LARGEST),
        steps=PHOTOGUARD_DEMO_STEPS,
        strengths="±7.7/255",
    ),
    "Mist": Peer(
        walk=partial(sign_descent, steady, MIST_LARGEST),
        steps=MIST_STEPS,
        strengths="±16/255",
    ),
    "Glaze, no LPIPS": Peer(walk=unbounded, steps=GLAZE_STEPS, strengths="rate 0.001"),
    "Glaze, LPIPS": Peer(walk=unbounded, steps=GLAZE_STEPS, strengths="rate 0.001", lpips=True),
}


def gradient(loss: Loss, seen: Tensor) -> Tensor:
    """Of `loss` at a picture."""
    leaf = seen.detach().requires_grad_()
    return torch.autograd.grad(loss(leaf), leaf)[0]


def towards(image: Tensor, target: Tensor, encoders: Sequence[nn.Module]) -> Loss:
    """The objective of all methods for `image` and `target`."""
    goals = []
    with torch.no_grad():
        for encoder in encoders:
            end = encoder(target)
            goals.append((encoder, end, (encoder(image) - end).square().sum().clamp(min=1e-6)))

    def loss(seen: Tensor) -> Tensor:
        parts = [(encoder(seen) - end).square().sum() / whole for encoder, end, whole in goals]
        return torch.stack(parts).mean()

    return loss


def hinged(loss: Loss, image: Tensor, backbone: Path) -> Loss:
    """`loss` with Glaze's hinge of LPIPS on VGG16, whose tensors `features.N…` are in the `.safetensors` file
    `backbone`."""
    card = PERCEPTUALS["lpips-vgg"]
    lpips = Lpips(card).eval().requires_grad_(False)
    features = {n: t for n, t in load_file(backbone).items() if n.startswith("features.")}
    lpips.load_state_dict(features | load_file(card.heads.path))
    lpips.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def with_hinge(seen: Tensor) -> Tensor:
        hinge: Tensor = (lpips(seen, image) - GLAZE_LPIPS).clamp(min=0)
        return loss(seen) + GLAZE_LPIPS_WEIGHT * hinge

    return with_hinge


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)
