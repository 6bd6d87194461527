"""What a purifier is: something done to a picture, by accident or on purpose, that may wash a glaze out."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image as PillowImage

from glaze_edge.audit.autoencoder import Autoencoder
from glaze_edge.preprocess import from_pillow
from glaze_runtime.arrays import Image, to_pillow


@dataclass(frozen=True, kw_only=True)
class Purifier:
    """A purifier that needs the picture alone.

    Attributes:
        name: in tables and JSON.
        does: what is done, in words.
        purify: picture [H,W,3] in 0..1 -> the same shape and range; the same picture gives the same result.
        moves: parts of the picture end up elsewhere, so the target has to be treated alike.
    """

    name: str
    does: str
    purify: Callable[[Image], Image]
    moves: bool = False


@dataclass(frozen=True, kw_only=True)
class AutoencoderPurifier:
    """A purifier that works through a generator's autoencoder."""

    name: str
    does: str
    purify: Callable[[Image, Autoencoder], Image]

    def through(self, autoencoder: Autoencoder) -> Purifier:
        """This purifier, with the attacker's `autoencoder`."""
        return Purifier(
            name=self.name,
            does=f"{self.does}, by {autoencoder.name}",
            purify=lambda image: self.purify(image, autoencoder),
        )


def on_8_bits(function: Callable[[PillowImage.Image], PillowImage.Image]) -> Callable[[Image], Image]:
    """A purifier of [H,W,3] from one of RGB pictures of 8 bits."""

    def purify(image: Image) -> Image:
        return from_pillow(function(to_pillow(image)))

    return purify


def resized(
    image: PillowImage.Image,
    scale: float,
    there: PillowImage.Resampling = PillowImage.Resampling.LANCZOS,
    back: PillowImage.Resampling = PillowImage.Resampling.BICUBIC,
    between: Callable[[PillowImage.Image], PillowImage.Image] = lambda small: small,
) -> PillowImage.Image:
    """`image` at `scale` times its size, after `between`, and back in its own size."""
    width, height = (max(1, round(side * scale)) for side in image.size)
    return between(image.resize((width, height), there)).resize(image.size, back)


def noisy(image: Image, sigma: float) -> Image:
    """`image` [H,W,3] with Gaussian noise of `sigma` (share of full range), always the same, not rounded."""
    height, width, channels = image.shape
    noise = np.random.default_rng(0).normal(0, sigma, (channels, height, width))
    drowned: Image = (image + noise.transpose(1, 2, 0)).clip(0, 1).astype(np.float32)
    return drowned
