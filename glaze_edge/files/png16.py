"""PNG with 16-bit colour, which Pillow does not write; every chunk but the samples is still Pillow's."""

import zlib
from collections.abc import Iterator
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from glaze_edge.files.picture import Samples

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPE = {1: 0, 2: 4, 3: 2, 4: 6}
_PAETH = 4
_ROWS = 64


def write_deep_png(file: IO[bytes], samples: Samples, **options: Any) -> None:
    """Writes [H,W,C] uint16 samples (L, LA, RGB or RGBA); `options` are those of Pillow's PNG."""
    height, width, channels = samples.shape
    file.write(_SIGNATURE)
    for kind, data, _ in PngImagePlugin.getchunks(Image.new("L", (1, 1)), **options):
        if kind == b"IHDR":
            size = width.to_bytes(4) + height.to_bytes(4)
            PngImagePlugin.putchunk(file, kind, size, bytes([16, _COLOUR_TYPE[channels], 0, 0, 0]))
        elif kind == b"IDAT":
            for part in _compressed(samples):
                PngImagePlugin.putchunk(file, kind, part)
        else:
            PngImagePlugin.putchunk(file, kind, data)


def _compressed(samples: Samples) -> Iterator[bytes]:
    height, width, channels = samples.shape
    pixel = 2 * channels
    compressor = zlib.compressobj()
    above = np.zeros((1, width * pixel), np.uint8)
    for top in range(0, height, _ROWS):
        rows = samples[top : top + _ROWS].astype(">u2").reshape(-1, width * channels).view(np.uint8)
        filtered = _paeth(rows, np.concatenate([above, rows[:-1]]), pixel)
        above = rows[-1:]
        yield compressor.compress(np.pad(filtered, ((0, 0), (1, 0)), constant_values=_PAETH).tobytes())
    yield compressor.flush()


def _paeth(rows: NDArray[np.uint8], above: NDArray[np.uint8], pixel: int) -> NDArray[np.uint8]:
    """Each byte less the nearest to left + above - corner among the three (PNG specification, 9.4)."""
    padding = ((0, 0), (pixel, 0))
    left = np.pad(rows, padding)[:, :-pixel].astype(np.int16)
    corner = np.pad(above, padding)[:, :-pixel].astype(np.int16)
    to_left, to_above = np.abs(above - corner), np.abs(left - corner)
    to_corner = np.abs(left + above - 2 * corner)
    is_left = (to_left <= to_above) & (to_left <= to_corner)
    predicted = np.where(is_left, left, np.where(to_above <= to_corner, above, corner))
    return rows - predicted.astype(np.uint8)
