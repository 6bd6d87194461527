"""What a file says besides its samples stays in it."""

from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, JpegImagePlugin, PngImagePlugin, TiffImagePlugin
from PIL.ExifTags import GPS, IFD, Base

from glaze_edge.files import Mark, probe, read_picture, write_picture

MARK = Mark(
    version="0.1.0", intensity="medium", effort="low", style="monet", encoders=("a",), date=date(2026, 1, 2)
)
NOISE = np.random.default_rng(0).integers(0, 256, (80, 90, 3), np.uint8)
SMOOTH = np.linspace(0, 255, 80 * 90 * 3).astype(np.uint8).reshape(80, 90, 3)
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:dc="urn:dc" dc:rights="mine"/></rdf:RDF></x:xmpmeta>'
)
IPTC = b"\x1c\x02\x50\x00\x05Maria"


def exif() -> Image.Exif:
    made = Image.Exif()
    made[Base.Artist] = "Maria"
    made[Base.Copyright] = "all rights reserved"
    made[Base.Orientation] = 6
    made.get_ifd(IFD.Exif)[Base.UserComment] = b"ASCII\0\0\0hello"
    made.get_ifd(IFD.Exif)[Base.ExposureTime] = TiffImagePlugin.IFDRational(1, 125)
    made.get_ifd(IFD.GPSInfo)[GPS.GPSLatitudeRef] = "N"
    return made


def save(path: Path) -> None:
    options: dict[str, Any] = {"icc_profile": ICC, "exif": exif(), "dpi": (300, 300)}
    match path.suffix:
        case ".png":
            info = PngImagePlugin.PngInfo()
            info.add_itxt("XML:com.adobe.xmp", XMP.decode())
            options["pnginfo"] = info
        case ".tif":
            tags = exif()
            tags[700], tags[33723] = XMP, IPTC
            for group in (IFD.Exif, IFD.GPSInfo):
                tags[group] = exif().get_ifd(group)
            options["tiffinfo"] = tags
        case _:
            options["xmp"] = XMP
    if path.suffix == ".jpg":
        resource = b"8BIM\x04\x04\0\0" + len(IPTC).to_bytes(4) + IPTC
        body = b"Photoshop 3.0\0" + resource
        options |= {"comment": b"by hand", "extra": b"\xff\xed" + (len(body) + 2).to_bytes(2) + body}
    Image.fromarray(SMOOTH).save(path, **options)


@pytest.mark.parametrize("target", ["png", "jpeg", "webp", "tiff", "avif"])
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "avif"])
def test_metadata_stays(tmp_path: Path, suffix: str, target: str) -> None:
    save(tmp_path / f"in.{suffix}")
    picture = read_picture(tmp_path / f"in.{suffix}")
    assert picture.metadata.icc == ICC
    assert picture.metadata.orientation == 6
    assert picture.image.shape == (90, 80, 3)
    assert picture.glazed is None
    out = tmp_path / "out"
    write_picture(picture, picture.image, out, format=target, mark=MARK)
    again = read_picture(out)
    assert again.image.shape == (90, 80, 3)
    assert again.metadata.orientation == (6 if again.format == picture.format else 1)
    assert again.metadata.icc == ICC
    assert b'dc:rights="mine"' in again.metadata.xmp
    assert probe(out).mark == again.glazed == MARK
    with Image.open(out) as opened:
        kept = opened.getexif()
        assert (kept[Base.Artist], kept[Base.Copyright]) == ("Maria", "all rights reserved")
        assert kept.get_ifd(IFD.Exif)[Base.UserComment] == b"ASCII\0\0\0hello"
        assert kept.get_ifd(IFD.Exif)[Base.ExposureTime] == 1 / 125
        assert kept.get_ifd(IFD.GPSInfo)[GPS.GPSLatitudeRef] == "N"
        if suffix not in ("webp", "avif"):
            dpi = opened.info.get("dpi") or (kept[Base.XResolution], kept[Base.YResolution])
            assert dpi == pytest.approx((300, 300), abs=0.1)
    if {suffix, target} <= {"jpg", "jpeg", "tif", "tiff"}:
        assert again.metadata.iptc == IPTC
    if suffix == "jpg" and target == "jpeg":
        assert again.metadata.comment == b"by hand"


def test_a_deep_tiff_keeps_its_metadata(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "in.tif",
        SMOOTH.astype(np.uint16) * 257,
        photometric="rgb",
        metadata=None,
        resolution=(240, 240),
        resolutionunit="inch",
        iccprofile=ICC,
        compression="zlib",
        extratags=[(700, 1, len(XMP), XMP, True), (315, 2, 0, "Maria", True)],
    )
    picture = read_picture(tmp_path / "in.tif")
    write_picture(picture, picture.image, tmp_path / "out.tif", mark=MARK)
    again = read_picture(tmp_path / "out.tif")
    assert (again.metadata.icc, again.metadata.dpi) == (ICC, (240, 240))
    assert again.settings == {"compression": "zlib"}
    assert b'dc:rights="mine"' in again.metadata.xmp
    with tifffile.TiffFile(tmp_path / "out.tif") as written:
        assert written.pages.first.tags["Artist"].value == "Maria"
        np.testing.assert_array_equal(written.asarray(), SMOOTH.astype(np.uint16) * 257)


@pytest.mark.parametrize("target", ["png", "jpeg", "webp", "tiff"])
@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_text_beyond_ascii_stays(tmp_path: Path, suffix: str, target: str) -> None:
    made = exif()
    made[Base.Artist] = "Éva Szabó".encode()
    Image.fromarray(SMOOTH).save(tmp_path / f"in.{suffix}", exif=made)
    picture = read_picture(tmp_path / f"in.{suffix}")
    write_picture(picture, picture.image, tmp_path / "out", format=target, mark=MARK)
    with Image.open(tmp_path / "out") as opened:
        assert opened.getexif()[Base.Artist].encode("latin-1").decode() == "Éva Szabó"


def test_png_text_and_colour_chunks_stay(tmp_path: Path) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Title", "Dawn")
    info.add_itxt("Author", "Éva", "hu", "Szerző")
    info.add(b"gAMA", (45455).to_bytes(4))
    Image.fromarray(NOISE).save(tmp_path / "in.png", pnginfo=info)
    picture = read_picture(tmp_path / "in.png")
    write_picture(picture, picture.image, tmp_path / "out.png", mark=MARK)
    with Image.open(tmp_path / "out.png") as opened:
        opened.load()
        assert isinstance(opened, PngImagePlugin.PngImageFile)
        assert opened.text["Title"] == "Dawn"
        assert opened.text["Author"] == "Éva"
        assert opened.info["gamma"] == pytest.approx(0.45455)


def test_a_thumbnail_of_the_unglazed_picture_does_not_stay(tmp_path: Path) -> None:
    tiff = BytesIO()
    thumb = BytesIO()
    Image.fromarray(NOISE[:16, :16]).save(thumb, "JPEG")
    first, second = TiffImagePlugin.ImageFileDirectory_v2(), TiffImagePlugin.ImageFileDirectory_v2()
    first[Base.Artist] = "Maria"
    tiff.write(b"II*\0\x08\0\0\0" + first.tobytes(8))
    block = bytearray(tiff.getvalue())
    start = len(block)
    second[513], second[514] = start + 100, len(thumb.getvalue())
    block += second.tobytes(start).ljust(100, b"\0") + thumb.getvalue()
    block[8 + 2 + 12 : 8 + 2 + 12 + 4] = start.to_bytes(4, "little")
    Image.fromarray(NOISE).save(tmp_path / "in.jpg", exif=b"Exif\0\0" + bytes(block))
    with Image.open(tmp_path / "in.jpg") as opened:
        assert opened.getexif().get_ifd(IFD.IFD1)
    picture = read_picture(tmp_path / "in.jpg")
    write_picture(picture, picture.image, tmp_path / "out.jpg", mark=MARK)
    with Image.open(tmp_path / "out.jpg") as opened:
        assert not opened.getexif().get_ifd(IFD.IFD1)
        assert opened.getexif()[Base.Artist] == "Maria"


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_is_encoded_as_it_was(tmp_path: Path, subsampling: str, progressive: bool) -> None:
    source, out = tmp_path / "in.jpg", tmp_path / "out.jpg"
    Image.fromarray(NOISE).save(source, quality=83, subsampling=subsampling, progressive=progressive)
    picture = read_picture(source)
    write_picture(picture, picture.image, out, mark=MARK)
    with Image.open(source) as before, Image.open(out) as after:
        assert isinstance(before, JpegImagePlugin.JpegImageFile)
        assert isinstance(after, JpegImagePlugin.JpegImageFile)
        assert before.quantization == after.quantization
        assert JpegImagePlugin.get_sampling(before) == JpegImagePlugin.get_sampling(after)
        assert ("progressive" in after.info) == progressive
    assert out.stat().st_size < source.stat().st_size * 1.1 + 1500


@pytest.mark.parametrize("lossless", [False, True])
def test_webp_stays_lossless_or_lossy(tmp_path: Path, lossless: bool) -> None:
    Image.fromarray(NOISE).save(tmp_path / "in.webp", lossless=lossless, exif=exif())
    picture = read_picture(tmp_path / "in.webp")
    write_picture(picture, picture.image, tmp_path / "out.webp", mark=MARK)
    assert (b"VP8L" in (tmp_path / "out.webp").read_bytes()) == lossless


def test_xmp_too_long_for_a_jpeg_keeps_the_mark(tmp_path: Path) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", XMP.decode().replace("mine", "mine" * 20000))
    Image.fromarray(NOISE).save(tmp_path / "in.png", pnginfo=info)
    picture = read_picture(tmp_path / "in.png")
    write_picture(picture, picture.image, tmp_path / "out.jpg", format="jpeg", mark=MARK)
    assert probe(tmp_path / "out.jpg").mark == MARK
