"""Encoders of the formats that Pillow writes in full: samples, metadata and settings -> a file."""

from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from glaze_edge.files.metadata import XMP_KEY, Metadata
from glaze_edge.files.picture import Samples
from glaze_edge.files.png16 import write_deep_png

_JPEG_SEGMENT = 65533
_XMP_IN_JPEG = 65504


def png(file: IO[bytes], mode: str, samples: Samples, metadata: Metadata, settings: dict[str, Any]) -> None:
    """Lossless, at 8 or 16 bits. XMP goes into a text chunk; Pillow ignores `xmp=` here."""
    chunks = PngImagePlugin.PngInfo()
    for kind, data in metadata.png:
        chunks.add(kind, data)
    if metadata.xmp:
        chunks.add_itxt(XMP_KEY, metadata.xmp.decode())
    options = {
        "pnginfo": chunks,
        "icc_profile": metadata.icc,
        "exif": metadata.exif,
        "dpi": metadata.dpi,
        **settings,
    }
    if samples.dtype == np.uint16:
        write_deep_png(file, samples, **options)
    else:
        _image(mode, samples).save(file, "PNG", **options)


def jpeg(file: IO[bytes], mode: str, samples: Samples, metadata: Metadata, settings: dict[str, Any]) -> None:
    """XMP that is too long for a JPEG keeps only our mark; IPTC goes where Photoshop puts it."""
    mark = metadata.mark
    xmp = metadata.xmp if len(metadata.xmp) <= _XMP_IN_JPEG or mark is None else mark.add_to(None)
    _image(mode, samples).save(
        file,
        "JPEG",
        icc_profile=metadata.icc,
        exif=b"Exif\0\0" + metadata.exif if metadata.exif else b"",
        xmp=xmp,
        dpi=metadata.dpi or (0, 0),
        comment=metadata.comment,
        extra=_photoshop_segment(metadata.iptc),
        **settings,
    )


def webp(file: IO[bytes], mode: str, samples: Samples, metadata: Metadata, settings: dict[str, Any]) -> None:
    """The resolution goes into EXIF: WebP has no place of its own for it."""
    _image(mode, samples).save(file, "WEBP", **_common(metadata), **settings)


def avif(file: IO[bytes], mode: str, samples: Samples, metadata: Metadata, settings: dict[str, Any]) -> None:
    """The resolution goes into EXIF: AVIF has no place of its own for it."""
    _image(mode, samples).save(file, "AVIF", **_common(metadata), **settings)


def _common(metadata: Metadata) -> dict[str, bytes]:
    return {"icc_profile": metadata.icc, "exif": metadata.exif_with_dpi(), "xmp": metadata.xmp}


def _image(mode: str, samples: NDArray[Any]) -> Image.Image:
    return Image.fromarray(samples[..., 0] if mode == "L" else samples, mode)


def _photoshop_segment(iptc: bytes) -> bytes:
    if not iptc:
        return b""
    resource = b"8BIM\x04\x04\0\0" + len(iptc).to_bytes(4) + iptc + b"\0" * (len(iptc) % 2)
    data = b"Photoshop 3.0\0" + resource
    return b"\xff\xed" + (len(data) + 2).to_bytes(2) + data if len(data) <= _JPEG_SEGMENT else b""
