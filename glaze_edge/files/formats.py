"""The formats. A new one is one entry here, with its encoder."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from PIL import Image, ImageFile, JpegImagePlugin

from glaze_edge.files import codecs
from glaze_edge.files.metadata import Metadata
from glaze_edge.files.picture import Samples
from glaze_edge.files.tiff import tiff

Encoder = Callable[[IO[bytes], str, Samples, Metadata, dict[str, Any]], None]


def _no_settings(image: ImageFile.ImageFile) -> dict[str, Any]:
    return {}


def _jpeg_settings(image: ImageFile.ImageFile) -> dict[str, Any]:
    """The file's own tables and sampling, so that its size and its losses stay what they were."""
    assert isinstance(image, JpegImagePlugin.JpegImageFile)
    return {
        "qtables": image.quantization,
        "subsampling": JpegImagePlugin.get_sampling(image),
        "progressive": "progressive" in image.info,
        "keep_rgb": image.mode == "RGB" and image.info.get("adobe_transform") == 0,
    }


def _webp_settings(image: ImageFile.ImageFile) -> dict[str, Any]:
    """Lossless WebP has a VP8L chunk, which comes before the samples of a lossy one could."""
    assert image.fp is not None
    image.fp.seek(0)
    lossless = any(kind == b"VP8L" for kind in _riff_chunks(image.fp))
    return {"lossless": True, "exact": True} if lossless else {}


def _riff_chunks(file: IO[bytes]) -> list[bytes]:
    file.seek(12)
    kinds = []
    while len(header := file.read(8)) == 8:
        kinds.append(header[:4])
        size = int.from_bytes(header[4:], "little")
        file.seek(size + size % 2, 1)
    return kinds


def _tiff_settings(image: ImageFile.ImageFile) -> dict[str, Any]:
    return {"compression": None if image.info.get("compression") == "raw" else "zlib"}


@dataclass(frozen=True, kw_only=True)
class Format:
    """A file format.

    Attributes:
        name: Pillow's name.
        suffixes: of file names; the first is given to new files.
        modes: of samples that it holds.
        deep: holds 16 bits a sample.
        max_side: pixels.
        encode: writes samples, with metadata and settings.
        settings: encoder settings that match an opened file's own.
        defaults: encoder settings where there are none from `settings`.
    """

    name: str
    suffixes: tuple[str, ...]
    modes: tuple[str, ...]
    deep: bool = False
    max_side: int
    encode: Encoder
    settings: Callable[[ImageFile.ImageFile], dict[str, Any]] = _no_settings
    defaults: dict[str, Any] = field(default_factory=dict)


FORMATS = {
    entry.name: entry
    for entry in (
        Format(
            name="PNG",
            suffixes=(".png",),
            modes=("L", "LA", "RGB", "RGBA"),
            deep=True,
            max_side=2**31 - 1,
            encode=codecs.png,
        ),
        Format(
            name="JPEG",
            suffixes=(".jpg", ".jpeg", ".jpe", ".jfif"),
            modes=("L", "RGB", "CMYK"),
            max_side=65500,
            encode=codecs.jpeg,
            settings=_jpeg_settings,
            defaults={"quality": 95, "subsampling": "4:4:4"},
        ),
        Format(
            name="WEBP",
            suffixes=(".webp",),
            modes=("RGB", "RGBA"),
            max_side=16383,
            encode=codecs.webp,
            settings=_webp_settings,
            defaults={"quality": 95},
        ),
        Format(
            name="TIFF",
            suffixes=(".tif", ".tiff"),
            modes=("L", "LA", "RGB", "RGBA", "CMYK"),
            deep=True,
            max_side=2**31 - 1,
            encode=tiff,
            settings=_tiff_settings,
            defaults={"compression": "zlib"},
        ),
        Format(
            name="AVIF",
            suffixes=(".avif",),
            modes=("L", "RGB", "RGBA"),
            max_side=65536,
            encode=codecs.avif,
            defaults={"quality": 90, "subsampling": "4:4:4"},
        ),
    )
}
"""The formats that pictures are written in, by Pillow's name."""

WRITTEN_AS = {name: name for name in FORMATS} | {"MPO": "JPEG", "GIF": "PNG"}
"""The formats that pictures are read from, and what each is written back in."""


HEAD = 16
"""Bytes that tell a format."""


def sniff(path: Path) -> str | None:
    """Pillow's name of a file's format, from its first bytes; None if none of ours, or not readable."""
    try:
        with path.open("rb") as file:
            return format_of(file.read(HEAD))
    except OSError:
        return None


def format_of(head: bytes) -> str | None:
    """As `sniff`, for the first HEAD bytes of a file."""
    Image.init()
    return next((name for name in WRITTEN_AS if _accepts(name, head)), None)


def _accepts(name: str, head: bytes) -> bool:
    accept = Image.OPEN[name][1] if name in Image.OPEN else None
    return accept is not None and accept(head) is True
