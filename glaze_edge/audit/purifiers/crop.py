"""A crop that is enlarged to the size of the whole."""

from functools import partial

from PIL import Image as PillowImage

from glaze_edge.audit.purifiers.base import Purifier, on_8_bits


def _crop(image: PillowImage.Image, *, share: float) -> PillowImage.Image:
    margins = [round(side * (1 - share) / 2) for side in image.size]
    box = (margins[0], margins[1], image.width - margins[0], image.height - margins[1])
    return image.resize(image.size, PillowImage.Resampling.LANCZOS, box)


def crop(share: float) -> Purifier:
    """The middle `share` of each side."""
    return Purifier(
        name="crop",
        does=f"the middle {share:g} of each side, enlarged",
        purify=on_8_bits(partial(_crop, share=share)),
        moves=True,
    )
