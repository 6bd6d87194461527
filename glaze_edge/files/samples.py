"""A file's own samples, at their own depth."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, TiffImagePlugin

from glaze_edge.files.picture import Samples

_BITS, _PHOTOMETRIC, _PLANAR = 258, 262, 284
_KEPT = ("L", "LA", "RGB", "RGBA", "CMYK")
_SAME_BUT_STORED_OTHERWISE = {
    "1": "L",
    "PA": "RGBA",
    "La": "LA",
    "RGBa": "RGBA",
    "RGBX": "RGB",
    "YCbCr": "RGB",
}


class UnknownSamplesError(Exception):
    """The samples are of a kind that has no place here, such as 32-bit floats or CIELAB."""


def read_samples(
    image: ImageFile.ImageFile, reopen: Callable[[], ImageFile.ImageFile]
) -> tuple[str, Samples]:
    """Loads the samples of an opened picture.

    Args:
        image: opened, not yet loaded.
        reopen: opens the same picture again.

    Returns:
        The mode ("L", "LA", "RGB", "RGBA" or "CMYK") and [H,W,C] samples, uint8 or uint16. A
        palette, and a colour that stands for transparency, become RGB, LA or RGBA; one bit becomes 8.

    Raises:
        UnknownSamplesError: with the name of what was found.
    """
    if _is_deep(image):
        return _read_deep(image, reopen())
    image.load()
    if image.mode.startswith("I;16"):
        grey = np.asarray(image).astype(np.uint16)[..., None]
        return _with_colour_key(image, "L", ~grey if _white_is_zero(image) else grey)
    mode = _mode_for(image)
    pixels = np.array(image if image.mode == mode else image.convert(mode))
    return mode, pixels if pixels.ndim == 3 else pixels[..., None]


def _white_is_zero(image: Image.Image) -> bool:
    """Pillow turns such grey of a TIFF round at 8 bits, but not at 16."""
    return isinstance(image, TiffImagePlugin.TiffImageFile) and image.tag_v2.get(_PHOTOMETRIC) == 0


def _in_planes(image: Image.Image) -> bool:
    return isinstance(image, TiffImagePlugin.TiffImageFile) and image.tag_v2.get(_PLANAR) == 2


def _mode_for(image: Image.Image) -> str:
    if image.mode == "P":
        return "RGBA" if image.has_transparency_data else "RGB"
    mode = _SAME_BUT_STORED_OTHERWISE.get(image.mode, image.mode)
    if mode not in _KEPT:
        raise UnknownSamplesError(image.mode)
    return {"L": "LA", "RGB": "RGBA"}.get(mode, mode) if "transparency" in image.info else mode


def _raw_mode(tile: ImageFile._Tile) -> str:
    args = tile.args
    return str(args[0] if isinstance(args, tuple) else args)


def _is_deep(image: ImageFile.ImageFile) -> bool:
    """Pillow would give only the high byte of these samples."""
    if image.mode not in ("RGB", "RGBA", "CMYK"):
        return False
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return bool(max(image.tag_v2.get(_BITS, (1,))) == 16)
    return any(";16" in _raw_mode(tile) for tile in image.tile)


def _read_deep(image: ImageFile.ImageFile, again: ImageFile.ImageFile) -> tuple[str, NDArray[np.uint16]]:
    """Pillow reads 16-bit colour as one byte a sample, the first or second by its raw mode: read both."""
    raw_mode = _raw_mode(image.tile[0])
    if raw_mode == "LA;16B":
        return "LA", _load_as(image, "RGBA").view(">u2").astype(np.uint16)
    if raw_mode.startswith("RGBa") or _in_planes(image):
        raise UnknownSamplesError("16-bit samples in separate planes, or multiplied with their transparency")
    layout, order = raw_mode[:-1], raw_mode[-1]
    first, second = _load_as(image, layout + "B"), _load_as(again, layout + "L")
    high, low = (first, second) if order == "B" or (order == "N" and _BIG_ENDIAN) else (second, first)
    deep = high.astype(np.uint16)
    deep <<= 8
    deep |= low
    return _with_colour_key(image, image.mode, deep)


_BIG_ENDIAN = np.dtype(np.uint16).newbyteorder(">").isnative


def _load_as(image: ImageFile.ImageFile, raw_mode: str) -> NDArray[np.uint8]:
    image.tile = [
        tile._replace(args=(raw_mode, *tile.args[1:]) if isinstance(tile.args, tuple) else raw_mode)
        for tile in image.tile
    ]
    image.load()
    return np.asarray(image)


def _with_colour_key(
    image: Image.Image, mode: str, samples: NDArray[np.uint16]
) -> tuple[str, NDArray[np.uint16]]:
    """A PNG may name one 16-bit colour that is transparent."""
    key = image.info.get("transparency")
    if key is None or mode not in ("L", "RGB"):
        return mode, samples
    opaque = (samples != np.array(key, np.uint16)).any(-1, keepdims=True)
    return mode + "A", np.concatenate([samples, opaque * np.uint16(65535)], -1)
