"""What a file says besides its samples. Pillow keeps almost none of it on save, so it is carried here."""

from dataclasses import dataclass, replace
from typing import Any

from PIL import Image, PngImagePlugin, TiffImagePlugin
from PIL.ExifTags import IFD, Base

from glaze_edge.files.mark import Mark, mark_in

XMP_KEY = "XML:com.adobe.xmp"
IPTC = 33723
_IPTC_RESOURCE = 0x0404
TIFF_TEXTS = (
    Base.DocumentName,
    Base.ImageDescription,
    Base.Make,
    Base.Model,
    Base.PageName,
    Base.Software,
    Base.DateTime,
    Base.Artist,
    Base.HostComputer,
    Base.Copyright,
)


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """Metadata of one picture, in the form that every format can take up.

    Attributes:
        icc: the ICC profile; b"" if none.
        exif: an EXIF block from its byte-order mark on; b"" if none. Without its thumbnail, which
            would show the picture as it was before.
        xmp: the XMP packet; b"" if none.
        iptc: IPTC-IIM records; b"" if none.
        dpi: pixels an inch, across and down; None if unknown.
        orientation: EXIF orientation, 1..8.
        comment: of a JPEG.
        png: text and colour chunks of a PNG.
    """

    icc: bytes = b""
    exif: bytes = b""
    xmp: bytes = b""
    iptc: bytes = b""
    dpi: tuple[float, float] | None = None
    orientation: int = 1
    comment: bytes = b""
    png: tuple[tuple[bytes, bytes], ...] = ()

    @property
    def mark(self) -> Mark | None:
        """Our mark, if the XMP packet holds it."""
        return mark_in(self.xmp)

    def upright(self) -> "Metadata":
        """The same for a picture that is stored as it is shown."""
        if self.orientation == 1:
            return self
        exif = parsed_exif(self.exif)
        exif.pop(Base.Orientation, None)
        return replace(self, exif=_exif_bytes(exif), orientation=1)

    def exif_with_dpi(self) -> bytes:
        """The EXIF block with the resolution in it, for formats that have no other place for it."""
        exif = parsed_exif(self.exif)
        if self.dpi is None or Base.XResolution in exif:
            return self.exif
        exif[Base.XResolution], exif[Base.YResolution] = self.dpi
        exif[Base.ResolutionUnit] = 2
        return _exif_bytes(exif)


def read_metadata(image: Image.Image) -> Metadata:
    """Metadata of an opened picture: a TIFF not yet loaded (loading turns it upright), any other loaded."""
    info = image.info
    exif = _tiff_exif(image) if isinstance(image, TiffImagePlugin.TiffImageFile) else _exif(info.get("exif"))
    orientation = parsed_exif(exif).get(Base.Orientation, 1)
    return Metadata(
        icc=_bytes(info.get("icc_profile")),
        exif=exif,
        xmp=_bytes(info.get("xmp")),
        iptc=_iptc(image),
        dpi=_dpi(image),
        orientation=orientation if orientation in range(1, 9) else 1,
        comment=_bytes(info.get("comment")) if image.format in ("JPEG", "MPO") else b"",
        png=_png_chunks(image),
    )


def parsed_exif(block: bytes) -> Image.Exif:
    """The entries of an EXIF block; none for b""."""
    exif = Image.Exif()
    if block:
        exif.load(block)
    return exif


def _exif_bytes(exif: Image.Exif) -> bytes:
    """Pillow reads text as Latin-1, and would write it as ASCII: give it bytes, or UTF-8 is lost."""
    for tag, value in list(exif.items()):
        if isinstance(value, str):
            exif[tag] = value.encode("latin-1", "replace")
    return exif.tobytes().removeprefix(b"Exif\0\0") if exif else b""


def _exif(block: object) -> bytes:
    raw = _bytes(block).removeprefix(b"Exif\0\0")
    exif = parsed_exif(raw)
    return _exif_bytes(exif) if exif.get_ifd(IFD.IFD1) else raw


def _tiff_exif(image: TiffImagePlugin.TiffImageFile) -> bytes:
    """The part of a TIFF's tags that describes the picture, and not how its samples lie in the file."""
    tags, exif = image.getexif(), Image.Exif()
    for tag in (*TIFF_TEXTS, Base.Orientation):
        if tag in tags:
            exif[tag] = tags[tag]
    for group in (IFD.Exif, IFD.GPSInfo):
        if entries := tags.get_ifd(group):
            exif.get_ifd(group).update(entries)
            exif[group] = dict(entries)
    return _exif_bytes(exif)


def _dpi(image: Image.Image) -> tuple[float, float] | None:
    """Pillow says 1 dpi of a TIFF that says nothing."""
    dpi = image.info.get("dpi")
    silent = isinstance(image, TiffImagePlugin.TiffImageFile) and Base.XResolution not in image.tag_v2
    return None if dpi is None or silent else (float(dpi[0]), float(dpi[1]))


def _iptc(image: Image.Image) -> bytes:
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return _bytes(image.tag_v2.get(IPTC))
    resources = image.info.get("photoshop")
    return _bytes(resources.get(_IPTC_RESOURCE)) if isinstance(resources, dict) else b""


def _png_chunks(image: Image.Image) -> tuple[tuple[bytes, bytes], ...]:
    if not isinstance(image, PngImagePlugin.PngImageFile):
        return ()
    chunks = PngImagePlugin.PngInfo()
    info: dict[str | tuple[int, int], Any] = image.info
    if "gamma" in info:
        chunks.add(b"gAMA", round(info["gamma"] * 1e5).to_bytes(4))
    if "chromaticity" in info:
        chunks.add(b"cHRM", b"".join(round(value * 1e5).to_bytes(4) for value in info["chromaticity"]))
    if "srgb" in info:
        chunks.add(b"sRGB", bytes([info["srgb"]]))
    for key, value in image.text.items():
        if key != XMP_KEY:
            chunks.add_text(key, value)
    return tuple((kind, data) for kind, data, *_ in chunks.chunks)


def _bytes(value: object) -> bytes:
    match value:
        case bytes():
            return value
        case str():
            return value.encode()
        case _:
            return b""
