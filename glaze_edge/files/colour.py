"""Colour spaces of files, and the way from a file's samples to sRGB and back.

The way back carries the *difference*: samples + (from sRGB(glazed) - from sRGB(image)). A transform that goes
through 8 bits and a gamut is not exact, so a picture converted there and back would change everywhere; this
way only what was glazed does.
"""

from dataclasses import dataclass
from functools import cached_property
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from glaze_edge.files.picture import Samples

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of R, G, B in the grey of a picture, as in Pillow and JPEG."""

_PROFILE_KIND = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION


@dataclass(frozen=True)
class ColourSpace:
    """The colour channels of a file: `mode` is "L", "RGB" or "CMYK"; `icc` the embedded profile, b"" if none.

    A profile that is damaged, or made for another kind of samples, is not followed, as a browser would do;
    nor is one that does what sRGB does.
    """

    mode: str
    icc: bytes

    def to_srgb(self, colour: Samples) -> NDArray[np.float32]:
        """[H,W,C] samples -> [H,W,3] float32 in 0..1, sRGB."""
        if self._transforms:
            colour = _apply(self._transforms[0], to_8_bits(colour), self.mode)
        elif self.mode == "CMYK":
            colour = _array(Image.fromarray(to_8_bits(colour), "CMYK").convert("RGB"))
        return np.ascontiguousarray(np.broadcast_to(_shares(colour), (*colour.shape[:2], 3)))

    def change(
        self, colour: Samples, image: NDArray[np.float32], glazed: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """What to add to the samples for `image` to become `glazed`.

        Args:
            colour: [h,w,C] samples.
            image, glazed: [h,w,3] in 0..1, sRGB.

        Returns:
            [h,w,C], as a share of the samples' full range.
        """
        if self._transforms:
            managed: NDArray[np.float32] = self._from_srgb(glazed) - self._from_srgb(image)
            managed /= 255
            return managed
        if self.mode == "CMYK":
            inks = _shares(colour)
            changed = (glazed != image).any(-1, keepdims=True)
            return np.where(changed, _inks(glazed, inks[..., 3:]) - inks, np.float32(0))
        difference: NDArray[np.float32] = glazed - image
        if self.mode == "L":
            grey: NDArray[np.float32] = difference @ LUMA
            return grey[..., None]
        return difference

    def _from_srgb(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        pixels = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
        assert self._transforms is not None
        return _apply(self._transforms[1], pixels, "RGB").astype(np.float32)

    @cached_property
    def _transforms(self) -> tuple[ImageCms.ImageCmsTransform, ImageCms.ImageCmsTransform] | None:
        """To sRGB and back; None where there is no profile to follow."""
        if not self.icc:
            return None
        try:
            profile = ImageCms.ImageCmsProfile(BytesIO(self.icc))
            if profile.profile.xcolor_space.strip() != _PROFILE_KIND[self.mode]:
                return None
            srgb = ImageCms.createProfile("sRGB")
            there = ImageCms.buildTransform(profile, srgb, self.mode, "RGB", _INTENT, _FLAGS)
            back = ImageCms.buildTransform(srgb, profile, "RGB", self.mode, _INTENT, _FLAGS)
        except (OSError, ImageCms.PyCMSError):
            return None
        return None if self._is_srgb(there) else (there, back)

    def _is_srgb(self, transform: ImageCms.ImageCmsTransform) -> bool:
        if self.mode == "CMYK":
            return False
        steps = np.arange(0, 256, 15, dtype=np.uint8)
        channels = 3 if self.mode == "RGB" else 1
        probe = np.stack(np.meshgrid(*[steps] * channels), -1).reshape(1, -1, channels)
        moved = np.abs(_apply(transform, probe, self.mode).astype(np.int16) - probe)
        return bool(moved.max() <= 1)


def _shares(samples: Samples) -> NDArray[np.float32]:
    """Samples as shares of their full range."""
    shares = samples.astype(np.float32)
    shares /= np.iinfo(samples.dtype).max
    return shares


def _inks(image: NDArray[np.float32], black: NDArray[np.float32]) -> NDArray[np.float32]:
    """CMYK without a profile, by light = (1 - ink) (1 - black); black stays as far as the light allows."""
    image = np.clip(image, 0, 1)
    light = np.maximum(1 - black, image.max(-1, keepdims=True))
    return np.concatenate([1 - image / np.maximum(light, np.float32(1e-6)), 1 - light], -1)


def _apply(transform: ImageCms.ImageCmsTransform, pixels: NDArray[np.uint8], mode: str) -> NDArray[np.uint8]:
    picture = Image.fromarray(pixels.squeeze(-1) if mode == "L" else pixels, mode)
    moved = ImageCms.applyTransform(picture, transform)
    assert moved is not None
    return _array(moved)


def _array(picture: Image.Image) -> NDArray[np.uint8]:
    pixels = np.asarray(picture)
    return pixels if pixels.ndim == 3 else pixels[..., None]


def to_8_bits(samples: Samples) -> NDArray[np.uint8]:
    """Samples of 16 bits rounded to 8; samples of 8 bits as they are."""
    if samples.dtype == np.uint8:
        return np.ascontiguousarray(samples, np.uint8)
    return ((samples.astype(np.uint32) + 128) // 257).astype(np.uint8)
