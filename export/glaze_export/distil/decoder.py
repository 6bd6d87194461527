"""The recipe of a decoder: give back the crop from the latents that teachers have of it.

minimise  mean (D(z) − x)² + SHARE · mean |D(z) − x|,    z = E_k(x), a teacher k drawn for each crop
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from glaze_export.decoders import FAMILIES
from glaze_export.distil.data import Crops, batch, crops, pictures
from glaze_export.distil.teachers import Teacher
from glaze_export.distil.training import Plan, train
from glaze_models import DecoderCard
from glaze_runtime.arrays import planes

SIDE = 256
"""Pixels, of the crops that latents are computed of, once."""
LEARNED = 96
"""Pixels, of the part of a crop that a step looks at."""
SHARE = 0.1


def distil(
    card: DecoderCard,
    folder: Path,
    teachers: Sequence[Teacher],
    plan: Plan,
    *,
    each: int = 1,
    device: torch.device,
    output: Path,
    on_crop: Callable[[int, int], None] = lambda done, whole: None,
    on_step: Callable[[int, float], None] = lambda step, loss: None,
) -> None:
    """Train the decoder of `card` on the pictures in `folder`, and write its weights to `output`.

    Args:
        card: gives the architecture.
        folder: of pictures.
        teachers: encoders of the latent space; each crop's latents of all of them are held in memory, in float16.
        plan: of the training.
        each: crops of every picture.
        device: to train on.
        output: a `.safetensors` file; see `training.train`.
        on_crop: told of how many crops, of how many, the latents are there.
        on_step: told the number of steps done, and the last loss.

    Raises:
        OptionError: there are no pictures, or there is a state of another plan.
        UnreadablePicture: a picture cannot be read.
    """
    images = crops(pictures(folder), side=SIDE, each=each, seed=plan.seed)
    latents = _latents(images, teachers, on_crop)
    train(
        lambda: FAMILIES[card.family](card),
        lambda module, step: _loss(module, images, latents, plan, step, card.stride, device),
        plan,
        device=device,
        output=output,
        on_step=on_step,
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
