"""The recipe of an encoder: give the teacher's latents, and its responses to changes that were made to fool the student.

    minimise  |S(x) − T(x)|² / |T(x)|²  +  mean |(S(x + d) − S(x)) − (T(x + d) − T(x))|² / |T(x + d) − T(x)|²

d is found by a few steps of sign descent on S itself, towards the texture of another crop, within the limits of a visibility budget
in Y, Cb, Cr; for one in four it is noise. A student that is only taught values is fooled where its teacher is not, so changes
against it do not carry over (Papernot et al., "Practical Black-Box Attacks against Machine Learning", 2017, grow their set so too).
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from glaze_export.distil.data import Crops, batch, crops, pictures, to_rgb
from glaze_export.distil.teachers import Teacher
from glaze_export.distil.training import Plan, train
from glaze_export.export import build_module
from glaze_models import EncoderCard

SIDE = 256
"""Pixels, of the crops that are held in memory."""
LEARNED = 128
"""Pixels, of the part of a crop that a step looks at."""
LIMITS = (3.0 / 255, 10.0 / 255, 6.0 / 255)
"""Of Y, Cb, Cr, times a factor drawn from SCALES."""
SCALES = (0.5, 2.0)
TURNS, RATE = 3, 0.5
"""Steps of an attack, and how far each goes as a share of the limit."""
NOISE = 4
"""One change in so many is noise."""
SLOW = 32
"""Pixels: colours that vary over more than this are the crop's own in the target of an attack."""


def distil(
    card: EncoderCard,
    folder: Path,
    teacher: Teacher,
    plan: Plan,
    *,
    each: int = 1,
    device: torch.device,
    output: Path,
    on_step: Callable[[int, float], None] = lambda step, loss: None,
) -> None:
    """Train the encoder of `card` further, from its present weights, and write its weights to `output`.

    Args:
        card: gives the architecture and the weights to begin with.
        folder: of pictures.
        teacher: the encoder whose values and responses are learned.
        plan: of the training.
        each: crops of every picture.
        device: to train on.
        output: a `.safetensors` file; see `training.train`.
        on_step: told the number of steps done, and the last loss.

    Raises:
        OptionError: there are no pictures, or there is a state of another plan.
        UnreadablePicture: a picture cannot be read.
        WeightsError: the present weights are missing or damaged.
    """
    images = crops(pictures(folder), side=SIDE, each=each, seed=plan.seed)

    train(
        lambda: build_module(card).requires_grad_(),
        lambda module, step: _loss(module, images, teacher, plan, step, device),
        plan,
        device=device,
        output=output,
        on_step=on_step,
    )


def _loss(
    module: nn.Module, images: Crops, teacher: Teacher, plan: Plan, step: int, device: torch.device
) -> Tensor:
    rng = np.random.default_rng([plan.seed, step, 1])
    image = _patches(images, batch(len(images), plan.batch, seed=plan.seed, step=step), rng).to(device)
    change = _attack(module, image, rng)
    noisy = torch.from_numpy(rng.normal(0, 0.4, image.shape).astype(np.float32)).to(device)
    change[::NOISE] = (_limits(image, rng) * noisy)[::NOISE]
    moved = (image + to_rgb(change)).clamp(0, 1)
    latent, truth = module(image).float(), _taught(teacher, image)
    response, true_response = module(moved).float() - latent, _taught(teacher, moved) - truth
    value = (latent - truth).square().mean() / truth.square().mean()
    moved_by = true_response.square().sum((1, 2, 3)).clamp_min(1e-6)
    error = (response - true_response).square().sum((1, 2, 3)) / moved_by
    total: Tensor = value + error.mean()
    return total


def _patches(images: Crops, chosen: NDArray[np.int64], rng: np.random.Generator) -> Tensor:
    """[N,3,LEARNED,LEARNED] in 0..1, from random places of the chosen crops."""
    patches = []
    for index in chosen:
        top, left = rng.integers(SIDE - LEARNED + 1, size=2)
        patches.append(images[index, top : top + LEARNED, left : left + LEARNED].transpose(2, 0, 1))
    return torch.from_numpy(np.stack(patches).astype(np.float32) / 255)


def _attack(module: nn.Module, image: Tensor, rng: np.random.Generator) -> Tensor:
    """A change [N,3,h,w] in Y, Cb, Cr that brings what the student sees of `image` towards another crop's texture."""
    with torch.no_grad():
        target = module((_slow(image) + (image - _slow(image)).roll(1, 0)).clamp(0, 1)).float()
    limits = _limits(image, rng)
    share = torch.zeros_like(image)
    for _ in range(TURNS):
        share.requires_grad_()
        distance = (module(image + to_rgb(limits * share)).float() - target).square().sum()
        (gradient,) = torch.autograd.grad(distance, share)
        share = (share.detach() - RATE * gradient.sign()).clamp(-1, 1)
    return limits * share


def _limits(image: Tensor, rng: np.random.Generator) -> Tensor:
    """[N,3,1,1]"""
    scales = rng.uniform(*SCALES, size=(len(image), 1, 1, 1)).astype(np.float32)
    return torch.from_numpy(scales * np.array(LIMITS, np.float32).reshape(1, 3, 1, 1)).to(image.device)


def _slow(image: Tensor) -> Tensor:
    return interpolate(avg_pool2d(image, SLOW), size=image.shape[2:], mode="bilinear")


def _taught(teacher: Teacher, image: Tensor) -> Tensor:
    pixels = image.permute(0, 2, 3, 1).cpu().numpy()
    return torch.from_numpy(np.concatenate([teacher(one) for one in pixels])).to(image.device)
