"""Pictures as those see them who tune a generator on them: flat, small, 8 bits; and how far they are from a target
then.

All figures rest on the definitions here, those of `glaze` as well as those of `audit`.
"""

import numpy as np
from PIL import Image as PillowImage

from glaze_edge.files import MIN_SIDE, Picture
from glaze_edge.files.orientation import upright
from glaze_runtime.arrays import Image, Latent, to_pillow
from glaze_runtime.encoder import EncoderLike
from glaze_runtime.optimiser.tiling import size_of, whole_latent
from glaze_runtime.optimiser.views import resize

WORKING_SIDE = 1536
"""Pixels: a larger picture is optimised at this longest side, the most a trainer looks at, and its change is
enlarged."""
TRAINED_SIDE = 512
"""Pixels: the longest side of what a trainer of Stable Diffusion 1 sees; figures are taken at this size."""
MULTIPLE = 64
"""Pixels: the sides are cut to multiples of this."""
GREY = (128, 128, 128, 255)
"""What lies behind transparent parts."""


def shown(picture: Picture) -> PillowImage.Image:
    """The whole picture, upright, as RGB of 8 bits over grey."""
    image = to_pillow(picture.image)
    if not picture.mode.endswith("A"):
        return image
    alpha = np.asarray(upright(picture.samples[..., -1], picture.metadata.orientation), np.float32)
    most = np.iinfo(picture.samples.dtype).max
    image.putalpha(PillowImage.fromarray(np.rint(alpha * (255 / most)).astype(np.uint8)))
    return PillowImage.alpha_composite(PillowImage.new("RGBA", image.size, GREY), image).convert("RGB")


def as_trained(image: PillowImage.Image) -> Image:
    """[H,W,3] in 0..1: `image` at TRAINED_SIDE at most, cut at the right and the bottom to multiples of MULTIPLE."""
    scale = TRAINED_SIDE / max(image.size)
    if scale < 1:
        width, height = (max(MIN_SIDE, round(side * scale)) for side in image.size)
        image = image.resize((width, height), PillowImage.Resampling.LANCZOS)
    width, height = (max(MULTIPLE, side // MULTIPLE * MULTIPLE) for side in image.size)
    return from_pillow(image.crop((0, 0, width, height)))


def from_pillow(image: PillowImage.Image) -> Image:
    """[H,W,3] in 0..1 of an RGB picture of 8 bits."""
    return np.asarray(image, np.float32) / 255


def latent_of(encoder: EncoderLike, image: Image) -> Latent:
    """The latent of all of `image` [H,W,3], in its own size; of the middle square for an encoder that takes one
    size."""
    return whole_latent(encoder, image, size_of(image, max(image.shape[:2]), encoder.card))


def way_covered(reached: Latent, start: Latent, end: Latent) -> float:
    """1 − |reached − end|² / |start − end|²: 0 at the start, 1 at the end, below 0 where it is farther than the
    start."""
    whole = max(float(np.square(start - end).sum()), 1e-9)
    return 1 - float(np.square(reached - end).sum()) / whole


def control(original: Image, glazed: Image, block: int = 8) -> Image:
    """`original` [H,W,3] with the change to `glazed` as noise: its blocks shuffled and their signs flipped at random.

    Sides are multiples of `block` pixels.
    """
    rng = np.random.default_rng(0)
    height, width, channels = original.shape
    tiles = (
        (glazed - original).reshape(height // block, block, width // block, block, channels).swapaxes(1, 2)
    )
    blocks = tiles.reshape(-1, block, block, channels)
    blocks = blocks[rng.permutation(len(blocks))]
    blocks = blocks * rng.choice([-1, 1], len(blocks))[:, None, None, None].astype(np.float32)
    noise = blocks.reshape(tiles.shape).swapaxes(1, 2).reshape(original.shape)
    return (original + noise).clip(0, 1)


def working_size(image: Image) -> Image:
    """`image` [H,W,3] in 0..1 as it is optimised: scaled down where its longest side is above WORKING_SIDE."""
    longest = max(image.shape[:2])
    if longest <= WORKING_SIDE:
        return image
    height, width = (max(MIN_SIDE, round(n * WORKING_SIDE / longest)) for n in image.shape[:2])
    return resize(image, (height, width)).clip(0, 1)
