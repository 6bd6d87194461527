"""What a screenshot of a web page does: the browser scales the picture, and the site that gets it makes a JPEG."""

from functools import partial

from PIL import Image as PillowImage

from glaze_edge.audit.purifiers.base import Purifier, on_8_bits, resized
from glaze_edge.audit.purifiers.jpeg import as_jpeg


def screenshot(scale: float) -> Purifier:
    """Shown at `scale` times the size, taken, and scaled back."""
    return Purifier(
        name="screenshot",
        does=f"shown at {scale:g} times its size, JPEG 85, back",
        purify=on_8_bits(
            partial(
                resized,
                scale=scale,
                there=PillowImage.Resampling.BILINEAR,
                between=partial(as_jpeg, quality=85, chroma="420"),
            )
        ),
    )
