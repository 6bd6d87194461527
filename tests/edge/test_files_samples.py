"""What is read and written back unglazed is what was there; what is glazed changes, and only that."""

from collections.abc import Callable
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from glaze_edge.files import Mark, read_picture, write_picture

MARK = Mark(
    version="0.1.0", intensity="medium", effort="low", style="monet", encoders=("a",), date=date(2026, 1, 2)
)
SIZE = (67, 71)
PIXELS = {"L": (), "LA": (2,), "RGB": (3,), "RGBA": (4,), "CMYK": (4,)}
LOSSLESS = [
    *[
        (suffix, mode, depth)
        for suffix in ("png", "tif")
        for mode in ("L", "LA", "RGB", "RGBA")
        for depth in (8, 16)
    ],
    ("tif", "CMYK", 8),
    ("tif", "CMYK", 16),
    ("webp", "RGB", 8),
    ("webp", "RGBA", 8),
]
# Pillow knows no TIFF with grey and alpha at 16 bits.
LOSSLESS.remove(("tif", "LA", 16))


def random_samples(mode: str, depth: int, seed: int = 0) -> np.ndarray:
    kind = np.uint8 if depth == 8 else np.uint16
    samples = np.random.default_rng(seed).integers(0, 2**depth, (*SIZE, *PIXELS[mode]), kind)
    if mode.endswith("A"):
        samples[:20, :, -1] = 0
        samples[40:, :, -1] = 2**depth - 1
    return samples


def save(path: Path, mode: str, samples: np.ndarray, **options: Any) -> Path:
    if path.suffix == ".tif":
        photometric = {"L": "minisblack", "R": "rgb", "C": "separated"}[mode[0]]
        extra = ["unassalpha"] if mode.endswith("A") else None
        tifffile.imwrite(path, samples, photometric=photometric, extrasamples=extra, metadata=None, **options)
    elif samples.dtype == np.uint16 and mode == "L":
        Image.fromarray(samples).save(path)
    elif samples.dtype == np.uint16:
        path.write_bytes(deep_png(samples))
    else:
        exact: dict[str, Any] = {"lossless": True, "exact": True} if path.suffix == ".webp" else {}
        Image.fromarray(samples, mode).save(path, **exact)
    return path


def deep_png(samples: np.ndarray, **options: Any) -> bytes:
    """A 16-bit PNG without row filters: nothing of the code under test."""
    import zlib

    file = BytesIO(b"\x89PNG\r\n\x1a\n")
    file.seek(0, 2)
    height, width, channels = samples.shape
    rows = samples.astype(">u2").reshape(height, -1).view(np.uint8)
    for kind, data, _ in PngImagePlugin.getchunks(Image.new("L", (1, 1)), **options):
        if kind == b"IHDR":
            header = bytes([16, {2: 4, 3: 2, 4: 6}[channels], 0, 0, 0])
            data = width.to_bytes(4) + height.to_bytes(4) + header
        elif kind == b"IDAT":
            data = zlib.compress(np.pad(rows, ((0, 0), (1, 0))).tobytes())
        PngImagePlugin.putchunk(file, kind, data)
    return file.getvalue()


@pytest.mark.parametrize(("suffix", "mode", "depth"), LOSSLESS)
def test_samples_are_read_as_they_are(tmp_path: Path, suffix: str, mode: str, depth: int) -> None:
    samples = random_samples(mode, depth)
    picture = read_picture(save(tmp_path / f"in.{suffix}", mode, samples))
    assert picture.mode == mode
    assert picture.samples.dtype == samples.dtype
    np.testing.assert_array_equal(picture.samples.reshape(samples.shape), samples)
    assert picture.image.shape == (*SIZE, 3)
    assert picture.image.dtype == np.float32
    assert picture.grey == mode.startswith("L")


@pytest.mark.parametrize(("suffix", "mode", "depth"), LOSSLESS)
def test_unglazed_samples_come_back(tmp_path: Path, suffix: str, mode: str, depth: int) -> None:
    source = save(tmp_path / f"in.{suffix}", mode, random_samples(mode, depth))
    picture = read_picture(source)
    write_picture(picture, picture.image, tmp_path / f"out.{suffix}", mark=MARK)
    again = read_picture(tmp_path / f"out.{suffix}")
    assert (again.format, again.mode, again.glazed) == (picture.format, picture.mode, MARK)
    np.testing.assert_array_equal(again.samples, picture.samples)


@pytest.mark.parametrize(("suffix", "mode", "depth"), [case for case in LOSSLESS if case[1] != "CMYK"])
def test_the_change_is_added_and_alpha_kept(tmp_path: Path, suffix: str, mode: str, depth: int) -> None:
    picture = read_picture(save(tmp_path / f"in.{suffix}", mode, random_samples(mode, depth)))
    step = np.float32(1000 / 65535 if depth == 16 else 7 / 255)
    write_picture(picture, picture.image + step, tmp_path / f"out.{suffix}", mark=MARK)
    before, after = picture.samples.astype(int), read_picture(tmp_path / f"out.{suffix}").samples.astype(int)
    whole = 2**depth - 1
    expected = np.minimum(before + (1000 if depth == 16 else 7), whole)
    if mode.endswith("A"):
        expected[..., -1] = before[..., -1]
        expected[before[..., -1] == 0] = before[before[..., -1] == 0]
        assert picture.visible is not None
        np.testing.assert_array_equal(picture.visible, before[..., -1] != 0)
    np.testing.assert_array_equal(after, expected)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=st.sampled_from(LOSSLESS), seed=st.integers(0, 2**32 - 1), orientation=st.integers(1, 8))
def test_any_samples_any_way_up(
    tmp_path: Path, case: tuple[str, str, int], seed: int, orientation: int
) -> None:
    suffix, mode, depth = case
    samples = random_samples(mode, depth, seed)
    exif = Image.Exif()
    exif[274] = orientation
    path = tmp_path / f"in.{suffix}"
    if suffix == "tif":
        save(path, mode, samples, extratags=[(274, 3, 1, orientation, True)])
    elif depth == 8:
        Image.fromarray(samples, mode).save(path, exif=exif, lossless=True, exact=True)
    elif mode == "L":
        Image.fromarray(samples).save(path, exif=exif)
    else:
        path.write_bytes(deep_png(samples, exif=exif))
    picture = read_picture(path)
    out = tmp_path / f"out.{suffix}"
    write_picture(picture, picture.image, out, mark=MARK, overwrite=True)
    again = read_picture(out)
    assert picture.metadata.orientation == again.metadata.orientation == orientation
    np.testing.assert_array_equal(picture.samples.reshape(samples.shape), samples)
    np.testing.assert_array_equal(again.samples, picture.samples)
    assert picture.image.shape[:2] == (SIZE if orientation < 5 else SIZE[::-1])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_image_is_upright_as_pillow_has_it(tmp_path: Path, orientation: int) -> None:
    from PIL import ImageOps

    samples = random_samples("RGB", 8)
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(samples).save(tmp_path / "in.png", exif=exif)
    picture = read_picture(tmp_path / "in.png")
    with Image.open(tmp_path / "in.png") as opened:
        expected = np.asarray(ImageOps.exif_transpose(opened))
    np.testing.assert_array_equal(np.rint(picture.image * 255), expected)
    glazed = picture.image.copy()
    glazed[0, 0] = 1 - glazed[0, 0].round()
    write_picture(picture, glazed, tmp_path / "out.png", mark=MARK)
    again = read_picture(tmp_path / "out.png")
    changed = np.argwhere((again.image != picture.image).any(-1))
    np.testing.assert_array_equal(changed, [[0, 0]])
    write_picture(picture, glazed, tmp_path / "out.tif", mark=MARK, format="tiff")
    other = read_picture(tmp_path / "out.tif")
    assert other.metadata.orientation == 1
    np.testing.assert_array_equal(other.image, again.image)


def palette() -> Image.Image:
    return Image.fromarray(random_samples("RGB", 8)).quantize(64)


def transparent_palette() -> Image.Image:
    picture = palette()
    picture.info["transparency"] = bytes([0, 128, 255])
    return picture


def one_bit() -> Image.Image:
    return Image.fromarray(random_samples("L", 8)).convert("1")


def colour_key() -> Image.Image:
    picture = Image.fromarray(random_samples("RGB", 8))
    picture.info["transparency"] = picture.getpixel((3, 4))
    return picture


def grey_key() -> Image.Image:
    picture = Image.fromarray(random_samples("L", 8))
    picture.info["transparency"] = picture.getpixel((3, 4))
    return picture


@pytest.mark.parametrize(
    ("make", "mode"),
    [
        (palette, "RGB"),
        (transparent_palette, "RGBA"),
        (one_bit, "L"),
        (colour_key, "RGBA"),
        (grey_key, "LA"),
    ],
)
def test_what_cannot_hold_a_glaze_is_widened(
    tmp_path: Path, make: Callable[[], Image.Image], mode: str
) -> None:
    made = make()
    made.save(tmp_path / "in.png")
    expected = np.asarray(made.convert(mode))
    picture = read_picture(tmp_path / "in.png")
    write_picture(picture, picture.image, tmp_path / "out.png", mark=MARK)
    with Image.open(tmp_path / "out.png") as written:
        assert written.mode == mode
        np.testing.assert_array_equal(np.asarray(written), expected)


def test_a_16_bit_colour_key_becomes_alpha(tmp_path: Path) -> None:
    samples = random_samples("RGB", 16)
    key = b"".join(int(value).to_bytes(2) for value in samples[3, 4])
    plain = deep_png(samples)
    chunk = BytesIO()
    PngImagePlugin.putchunk(chunk, b"tRNS", key)
    (tmp_path / "in.png").write_bytes(plain[:33] + chunk.getvalue() + plain[33:])
    picture = read_picture(tmp_path / "in.png")
    assert picture.mode == "RGBA"
    assert picture.visible is not None
    np.testing.assert_array_equal(np.argwhere(~picture.visible), [[3, 4]])


def test_white_is_zero_at_16_bits(tmp_path: Path) -> None:
    samples = random_samples("L", 16)
    tifffile.imwrite(tmp_path / "in.tif", samples, photometric="miniswhite", metadata=None)
    np.testing.assert_array_equal(read_picture(tmp_path / "in.tif").samples[..., 0], 65535 - samples)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("tile", [None, (32, 32)])
def test_deep_tiffs_of_many_layouts(tmp_path: Path, order: Any, compression: Any, tile: Any) -> None:
    samples = random_samples("RGB", 16)
    options = {"byteorder": order, "compression": compression, "tile": tile}
    picture = read_picture(save(tmp_path / "in.tif", "RGB", samples, **options))
    np.testing.assert_array_equal(picture.samples, samples)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_grey_picture_takes_the_change_of_its_luminance(tmp_path: Path, mode: str) -> None:
    Image.new(mode, (80, 64), "#808080").save(tmp_path / "in.png")
    picture = read_picture(tmp_path / "in.png")
    write_picture(picture, picture.image + np.array([0.2, 0, 0], np.float32), tmp_path / "out.png", mark=MARK)
    first = np.asarray(Image.open(tmp_path / "out.png"))[0, 0]
    np.testing.assert_array_equal(first, 128 + 15 if mode == "L" else [128 + 51, 128, 128])
