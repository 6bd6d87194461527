"""TIFF, at 8 or 16 bits, by tifffile: Pillow writes no 16-bit colour."""

import os
from typing import IO, Any

import tifffile
from PIL.ExifTags import IFD, Base
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from glaze_edge.files.metadata import IPTC, TIFF_TEXTS, Metadata, parsed_exif
from glaze_edge.files.picture import Samples

_XMP = 700
_GROUPS = {IFD.Exif: "ExifTag", IFD.GPSInfo: "GPSTag"}
"""Directories of their own, by the names that tifffile insists on for them."""
_ASCII, _BYTE, _SHORT, _LONG, _UNDEFINED = 2, 1, 3, 4, 7
_PHOTOMETRIC = {"L": "minisblack", "RGB": "rgb", "CMYK": "separated"}


def tiff(file: IO[bytes], mode: str, samples: Samples, metadata: Metadata, settings: dict[str, Any]) -> None:
    """Lossless. `settings` may hold `compression`: "zlib", or None for none. `file` must be readable too."""
    exif = parsed_exif(metadata.exif)
    groups = {group: entries for group in _GROUPS if (entries := exif.get_ifd(group))}
    tags: list[tuple[int | str, int, int, Any, bool]] = [
        (tag, _ASCII, 0, exif[tag].encode("latin-1"), True)
        for tag in TIFF_TEXTS
        if isinstance(exif.get(tag), str)
    ]
    tags.append((Base.Orientation, _SHORT, 1, metadata.orientation, True))
    if metadata.xmp:
        tags.append((_XMP, _BYTE, len(metadata.xmp), metadata.xmp, True))
    if metadata.iptc:
        tags.append((IPTC, _UNDEFINED, len(metadata.iptc), metadata.iptc, True))
    tags += [(_GROUPS[group], _LONG, 1, 0, True) for group in groups]

    compression = settings.get("compression")
    tifffile.imwrite(
        file,
        samples[..., 0] if mode == "L" else samples,
        byteorder="<",
        photometric=_PHOTOMETRIC[mode.removesuffix("A")],
        planarconfig="contig" if mode != "L" else None,
        extrasamples=["unassalpha"] if mode.endswith("A") else None,
        compression=compression,
        predictor=compression is not None,
        resolution=metadata.dpi,
        resolutionunit="inch" if metadata.dpi else None,
        iccprofile=metadata.icc or None,
        extratags=tags,
        metadata=None,
        software=False,
    )
    _append_groups(file, groups)


def _append_groups(file: IO[bytes], groups: dict[IFD, dict[int, Any]]) -> None:
    """Puts directories of their own at the end, and their places into the tags that wait for them."""
    waiting = _values_of_tags(file) if groups else {}
    for group, entries in groups.items():
        directory = ImageFileDirectory_v2(group=group)
        for tag, value in entries.items():
            directory[tag] = value
        start = file.seek(0, os.SEEK_END)
        start += file.write(b"\0" * (start % 2))
        file.write(directory.tobytes(start))
        file.seek(waiting[group])
        file.write(start.to_bytes(4, "little"))


def _values_of_tags(file: IO[bytes]) -> dict[int, int]:
    """Where in a little-endian TIFF the value of each tag stands."""
    file.seek(4)
    start = int.from_bytes(file.read(4), "little")
    file.seek(start)
    count = int.from_bytes(file.read(2), "little")
    entries = file.read(12 * count)
    tags = (int.from_bytes(entries[at : at + 2], "little") for at in range(0, len(entries), 12))
    return {tag: start + 2 + 12 * number + 8 for number, tag in enumerate(tags)}
