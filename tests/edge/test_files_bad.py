"""Files that are no picture, or not one to glaze: each must raise, name the file, and say what to do."""

import os
import struct
import zlib
from collections.abc import Callable
from contextlib import nullcontext, suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from glaze_edge.files import probe, read_picture
from glaze_models.errors import PictureError, UnreadablePicture, UnsupportedPicture

NOISE = np.random.default_rng(0).integers(0, 256, (80, 90, 3), np.uint8)
FRAMES = [Image.fromarray(NOISE), Image.fromarray(NOISE[::-1])]


def encoded(name: str, picture: Image.Image | None = None) -> bytes:
    file = BytesIO()
    (picture or FRAMES[0]).save(file, name)
    return file.getvalue()


def broken_crc(kind: bytes) -> bytes:
    data = bytearray(encoded("PNG"))
    start = data.index(kind)
    length = struct.unpack(">I", data[start - 4 : start])[0]
    data[start + 4 + length] ^= 255
    return bytes(data)


def bomb() -> bytes:
    """A PNG of 30,000 x 30,000 pixels by its header."""
    data = bytearray(encoded("PNG"))
    data[16:24] = struct.pack(">II", 30000, 30000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return bytes(data)


UNREADABLE: dict[str, Callable[[], bytes]] = {
    "empty.png": lambda: b"",
    "text.png": lambda: b"this is no picture at all",
    "header.png": lambda: encoded("PNG")[:8],
    "short.png": lambda: encoded("PNG")[:9000],
    "short.jpg": lambda: encoded("JPEG")[:2000],
    "short.webp": lambda: encoded("WEBP")[:2000],
    "short.tif": lambda: encoded("TIFF")[:9000],
    "short.avif": lambda: encoded("AVIF")[:800],
    "crc-header.png": lambda: broken_crc(b"IHDR"),
    "crc-samples.png": lambda: broken_crc(b"IDAT"),
    "bomb.png": bomb,
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_damaged_files(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(UNREADABLE[name]())
    with pytest.raises(UnreadablePicture, match=name) as raised:
        read_picture(path)
    assert str(raised.value).endswith(".")


UNSUPPORTED: dict[str, tuple[Callable[[], bytes], str]] = {
    "one.png": (lambda: encoded("PNG", Image.new("RGB", (1, 1))), "too small"),
    "strip.png": (lambda: encoded("PNG", Image.new("RGB", (3000, 7))), "too small"),
    "a.bmp": (lambda: encoded("BMP"), "BMP"),
    "named.png": (lambda: encoded("BMP"), "BMP"),
    "a.psd": (lambda: b"8BPS" + bytes(40), "Photoshop"),
    "a.heic": (lambda: b"\0\0\0\x18ftypheic" + bytes(40), "HEIC"),
    "a.svg": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
    "float.tif": (lambda: encoded("TIFF", Image.new("F", (80, 80))), "F"),
    "lab.tif": (lambda: encoded("TIFF", Image.new("LAB", (80, 80))), "LAB"),
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_pictures_of_other_kinds(tmp_path: Path, name: str) -> None:
    make, why = UNSUPPORTED[name]
    (tmp_path / name).write_bytes(make())
    with pytest.raises(UnsupportedPicture, match=f"{name}.*{why}"):
        read_picture(tmp_path / name)


def test_deep_tiff_in_planes(tmp_path: Path) -> None:
    path = tmp_path / "planes.tif"
    planes = np.moveaxis(NOISE.astype(np.uint16), -1, 0)
    tifffile.imwrite(path, planes, photometric="rgb", planarconfig="separate", metadata=None)
    with pytest.raises(UnsupportedPicture, match="planes"):
        read_picture(path)


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "tif", "avif"])
def test_animations_and_pages(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"moving.{suffix}"
    every: dict[str, dict[str, Any]] = {
        "webp": {"lossless": True},
        "avif": {"quality": 100, "subsampling": "4:4:4"},
    }
    options = every.get(suffix, {})
    FRAMES[0].save(path, save_all=True, append_images=FRAMES[1:], **options)
    with pytest.raises(UnsupportedPicture, match="2 frames"):
        read_picture(path)


def test_a_still_gif_is_written_as_png(tmp_path: Path) -> None:
    FRAMES[0].quantize(64).save(tmp_path / "still.gif")
    assert read_picture(tmp_path / "still.gif").format == "PNG"


def test_missing_and_folder(tmp_path: Path) -> None:
    with pytest.raises(UnreadablePicture, match="does not exist"):
        read_picture(tmp_path / "none.png")
    with pytest.raises(UnreadablePicture, match="is a folder"):
        read_picture(tmp_path)
    with pytest.raises(UnreadablePicture, match="does not exist"):
        probe(tmp_path / "none.png")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_forbidden(tmp_path: Path) -> None:
    path = tmp_path / "mine.png"
    path.write_bytes(encoded("PNG"))
    path.chmod(0)
    with pytest.raises(UnreadablePicture, match="may not be read"):
        read_picture(path)


def test_the_content_counts_and_not_the_name(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(encoded("PNG"))
    assert read_picture(tmp_path / "a.jpg").format == "PNG"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("good.png", encoded("PNG")),
        ("good.tif", encoded("TIFF")),
        ("empty.png", b""),
        ("text.png", b"this is no picture at all"),
        ("other.bmp", encoded("BMP")),
    ],
    ids=["png", "tiff", "empty", "text", "bmp"],
)
@pytest.mark.parametrize("read", [read_picture, probe])
def test_a_file_is_opened_once(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    content: bytes,
    read: Callable[[Path], object],
) -> None:
    """Whatever takes the place of the file meanwhile is not mixed with it."""
    path = tmp_path / name
    path.write_bytes(content)
    opened: list[Path] = []
    real = Path.open

    def vanishing(self: Path, *arguments: Any) -> Any:
        file = real(self, *arguments)
        opened.append(self)
        with suppress(PermissionError):  # Windows keeps an open file
            self.unlink(missing_ok=True)
        return file

    monkeypatch.setattr(Path, "open", vanishing)
    with nullcontext() if name.startswith("good") else pytest.raises(PictureError, match="is "):
        read(path)
    assert opened == [path]
