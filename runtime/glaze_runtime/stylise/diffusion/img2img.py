"""Image to image by diffusion (Meng et al. 2022, SDEdit): noise is added to a latent and taken away again as a prompt
says."""

from collections.abc import Callable

import numpy as np

from glaze_runtime.arrays import Latent
from glaze_runtime.stylise.diffusion.schedules import Draw, Schedule

Predict = Callable[[Latent, float], Latent]
"""What a network says of a noisy latent [1,C,h,w] at a timestep; the same shape."""


def img2img(clean: Latent, *, schedule: Schedule, predict: Predict, draw: Draw) -> Latent:
    """`clean` [1,C,h,w], noised to the first level of `schedule` and denoised through all of them."""
    x = schedule.start(clean, draw(clean.shape))
    for index, timestep in enumerate(schedule.timesteps):
        x = schedule.step(index, x, predict(x, float(timestep)), draw)
    return x


def guided(prompted: Predict, unprompted: Predict, guidance: float) -> Predict:
    """Classifier-free guidance (Ho & Salimans 2022): away from what is said without the prompt, `guidance` times.

    At 1 it changes nothing and only costs a second call of the network.
    """

    def predict(x: Latent, timestep: float) -> Latent:
        without = unprompted(x, timestep)
        return without + guidance * (prompted(x, timestep) - without)

    return predict


def guidance_embedding(guidance: float, size: int) -> Latent:
    """[1,size]: the strength of guidance as distilled networks take it, sines and cosines of 1000·(guidance − 1).

    Luo et al. 2023; the frequencies are those of timestep embeddings (Vaswani et al. 2017).
    """
    half = size // 2
    angles = 1000 * (guidance - 1) * np.exp(-np.log(10000) * np.arange(half) / (half - 1))
    embedding = np.concatenate([np.sin(angles), np.cos(angles), np.zeros(size % 2)])
    return embedding[None].astype(np.float32)
