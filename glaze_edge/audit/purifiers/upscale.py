"""The cheap likeness of noisy upscaling (Hoenig et al. 2025): noise drowns the glaze, then scaling averages it away."""

from PIL import Image as PillowImage

from glaze_edge.audit.purifiers.base import Purifier, noisy, on_8_bits, resized
from glaze_runtime.arrays import Image


def noisy_upscale(sigma: float) -> Purifier:
    """Noise of `sigma` (share of full range), half the size, and up again. The attack itself upscales by a diffusion
    model."""
    lanczos = PillowImage.Resampling.LANCZOS
    scaled = on_8_bits(lambda image: resized(image, 0.5, lanczos, lanczos))

    def purify(image: Image) -> Image:
        return scaled(noisy(image, sigma))

    return Purifier(
        name="noisy-upscale", does=f"noise of {sigma:g}, half the size, enlarged again", purify=purify
    )
