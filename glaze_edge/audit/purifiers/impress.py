"""Purification by self-consistency (IMPRESS, Cao et al., NeurIPS 2023): a glazed picture does not come back from the
autoencoder as it went in, a natural one nearly does; so look for the picture close by that does.

    minimise over y    mean (D(E(y)) − y)²  +  NEAR · max(mean (y − x)² − SLACK², 0)

The paper keeps y near x by LPIPS, starts from x plus noise and takes thousands of steps; this is a short version
without either.
"""

from math import cos, pi

import numpy as np

from glaze_edge.audit.adam import Adam
from glaze_edge.audit.autoencoder import Autoencoder
from glaze_edge.audit.purifiers.base import AutoencoderPurifier
from glaze_runtime.arrays import Image

STEPS, RATE = 6, 0.015
"""Of Adam; the rate, a share of full range, falls with a cosine."""
NEAR, SLACK = 0.5, 0.03
"""The weight of the distance from x, and the root mean square (share of full range) that is free."""


def _impress(image: Image, autoencoder: Autoencoder) -> Image:
    clean = image.copy()
    adam = Adam(clean)
    for step in range(STEPS):
        gradient = autoencoder.inconsistency_gradient(clean)
        if np.square(clean - image).mean() > SLACK**2:
            gradient = gradient + 2 * NEAR * (clean - image) / image.size
        clean = clean - RATE * (1 + cos(pi * step / STEPS)) / 2 * adam.direction(gradient)
        clean = clean.clip(0, 1)
    return clean.astype(np.float32)


def impress() -> AutoencoderPurifier:
    """With STEPS steps."""
    return AutoencoderPurifier(
        name="impress", does=f"IMPRESS in {STEPS} steps, without LPIPS", purify=_impress
    )
