"""A Gaussian blur."""

from PIL import ImageFilter

from glaze_edge.audit.purifiers.base import Purifier, on_8_bits


def blur(sigma: float) -> Purifier:
    """Of standard deviation `sigma` pixels."""
    return Purifier(
        name="blur",
        does=f"Gaussian blur, {sigma:g} px",
        purify=on_8_bits(lambda image: image.filter(ImageFilter.GaussianBlur(sigma))),
    )
