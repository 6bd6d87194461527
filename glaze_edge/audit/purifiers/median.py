"""A median filter."""

from PIL import ImageFilter

from glaze_edge.audit.purifiers.base import Purifier, on_8_bits


def median(size: int) -> Purifier:
    """In squares of `size` pixels."""
    return Purifier(
        name="median",
        does=f"median of {size}x{size} pixels",
        purify=on_8_bits(lambda image: image.filter(ImageFilter.MedianFilter(size))),
    )
