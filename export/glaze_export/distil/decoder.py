"""The recipe of a decoder: give back the crop from the latents that teachers have of it.

minimise  mean (D(z) − x)² + SHARE · mean |D(z) − x|,    z = E_k(x), a teacher k drawn for each crop
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from glaze_export.decoders import FAMILIES
from glaze_export.distil.data import Crops, batch, crops, pictures
from glaze_export.distil.teachers import Teacher
from glaze_export.distil.training import Plan, Training, train
from glaze_models import DecoderCard
from glaze_runtime.arrays import planes

SIDE = 256
"""Pixels, of the crops that latents are computed of, once."""
LEARNED = 96
"""Pixels, of the part of a crop that a step looks at."""
SHARE = 0.1


def distil(card: DecoderCard, teachers: Sequence[Teacher], training: Training) -> None:
    """Train the decoder of `card`.

    Args:
        card: gives the architecture.
        teachers: encoders of the latent space; each crop's latents of all of them are held in memory, in float16.
        training: see there.

    Raises:
        OptionError: there are no pictures, or there is a state of another plan.
        UnreadablePicture: a picture cannot be read.
    """
    plan = training.plan
    images = crops(pictures(training.pictures), side=SIDE, each=training.crops, seed=plan.seed)
    latents = _latents(images, teachers, training.on_crop)
    train(
        lambda: FAMILIES[card.family](card),
        lambda module, step: _loss(module, images, latents, plan, step, card.stride, training.device),
        training,
    )


def _latents(
    images: Crops, teachers: Sequence[Teacher], on_crop: Callable[[int, int], None]
) -> NDArray[np.float16]:
    """[teachers,N,C,h,w]"""
    rows = []
    for index, image in enumerate(images):
        pixels = image.astype(np.float32) / 255
        rows.append(np.stack([teacher(pixels)[0] for teacher in teachers]).astype(np.float16))
        on_crop(index + 1, len(images))
    return np.stack(rows, axis=1)


def _loss(
    module: nn.Module,
    images: Crops,
    latents: NDArray[np.float16],
    plan: Plan,
    step: int,
    stride: int,
    device: torch.device,
) -> Tensor:
    chosen = batch(len(images), plan.batch, seed=plan.seed, step=step)
    rng = np.random.default_rng([plan.seed, step, 1])
    cells = LEARNED // stride
    inputs, targets = [], []
    for index in chosen:
        top, left = rng.integers(SIDE // stride - cells + 1, size=2)
        inputs.append(latents[rng.integers(len(latents)), index, :, top : top + cells, left : left + cells])
        rows, columns = (slice(stride * first, stride * first + LEARNED) for first in (top, left))
        targets.append(planes(images[index, rows, columns].astype(np.float32) / 255)[0])
    latent = torch.from_numpy(np.stack(inputs).astype(np.float32)).to(device)
    target = torch.from_numpy(np.stack(targets)).to(device)
    error: Tensor = module(latent.contiguous(memory_format=torch.channels_last)).float() - target
    return error.square().mean() + SHARE * error.abs().mean()
