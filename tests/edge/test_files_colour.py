"""Wide gamuts, CMYK and grey profiles: shown as the profile says, written back in the file's own channels."""

import itertools
import struct
from collections.abc import Callable
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from glaze_edge.files import Mark, read_picture, write_picture
from glaze_edge.files.colour import ColourSpace

MARK = Mark(
    version="0.1.0", intensity="medium", effort="low", style="monet", encoders=("a",), date=date(2026, 1, 2)
)
P3_TO_XYZ = [(0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)]
D50 = np.array([0.9642, 1.0, 0.8249])


def profile(kind: bytes, tags: dict[bytes, bytes], *, use: bytes = b"mntr", space: bytes = b"XYZ ") -> bytes:
    """An ICC 2.4 profile."""
    header = struct.pack(">I4xI4s4s4s12x4s24x", 0, 0x02400000, use, kind, space, b"acsp")
    illuminant = b"".join(struct.pack(">i", round(value * 65536)) for value in D50)
    header = (header + illuminant).ljust(128, b"\0")
    table, body = struct.pack(">I", len(tags)), b""
    for tag, data in tags.items():
        table += tag + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    made = header + table + body
    return struct.pack(">I", len(made)) + made[4:]


def xyz(values: tuple[float, ...]) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def gamma(value: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH2x", 1, round(value * 256))


DESCRIPTION = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(79)
WHITE = xyz(tuple(D50))


def display_p3() -> bytes:
    curves = dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), gamma(2.2))
    primaries = dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), map(xyz, P3_TO_XYZ), strict=True))
    return profile(b"RGB ", {b"desc": DESCRIPTION, b"wtpt": WHITE, **primaries, **curves})


def grey_gamma() -> bytes:
    return profile(b"GRAY", {b"desc": DESCRIPTION, b"wtpt": WHITE, b"kTRC": gamma(1.4)})


def lut(inputs: int, grid: int, table: np.ndarray) -> bytes:
    """An 8-bit table of a profile (lut8Type) with straight curves."""
    outputs = table.shape[-1]
    identity = [65536 if row == column else 0 for row in range(3) for column in range(3)]
    curve = bytes(range(256))
    head = b"mft1\0\0\0\0" + struct.pack(">BBBx9i", inputs, outputs, grid, *identity)
    samples = np.clip(np.rint(table), 0, 255).astype(np.uint8).tobytes()
    return head + curve * inputs + samples + curve * outputs


def press() -> bytes:
    """A CMYK press: inks multiply light, paper is white; on the way back half of grey is black ink."""
    steps = np.linspace(0, 1, 9)
    inks = np.array(list(itertools.product(steps, repeat=4)))
    light = (1 - 0.9 * inks[:, :3]) * (1 - 0.95 * inks[:, 3:])
    srgb = ImageCms.createProfile("sRGB")
    lab = ImageCms.createProfile("LAB")
    to_lab = ImageCms.buildTransform(srgb, lab, "RGB", "LAB")
    to_rgb = ImageCms.buildTransform(lab, srgb, "LAB", "RGB")
    pixels = Image.fromarray(np.rint(light * 255).astype(np.uint8)[None])
    seen = np.asarray(ImageCms.applyTransform(pixels, to_lab))[0].view(np.int8).astype(int)
    seen = np.stack([seen[:, 0] & 255, seen[:, 1] + 128, seen[:, 2] + 128], -1)
    places = np.rint(np.array(list(itertools.product(np.linspace(0, 255, 17), repeat=3)))).astype(int)
    places[:, 1:] -= 128
    asked = Image.fromarray((places & 255).astype(np.uint8)[None], "LAB")
    wanted = np.asarray(ImageCms.applyTransform(asked, to_rgb))[0] / 255
    black = (1 - wanted.max(-1, keepdims=True)) / 2
    separated = np.concatenate([(1 - wanted / (1 - 0.95 * black)) / 0.9, black], -1)
    return profile(
        b"CMYK",
        {
            b"desc": DESCRIPTION,
            b"wtpt": WHITE,
            b"A2B0": lut(4, 9, seen),
            b"B2A0": lut(3, 17, separated * 255),
        },
        use=b"prtr",
        space=b"Lab ",
    )


def picture_of(mode: str, seed: int = 0) -> Image.Image:
    """Soft colours away from black and white."""
    coarse = np.random.default_rng(seed).integers(60, 190, (5, 6, 3), np.uint8)
    smooth = Image.fromarray(coarse).resize((96, 80), Image.Resampling.BICUBIC)
    return smooth.convert(mode)


def converted(icc: bytes, mode: str, pixels: Image.Image) -> np.ndarray:
    given = ImageCms.ImageCmsProfile(BytesIO(icc))
    intent, flags = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
    transform = ImageCms.buildTransform(given, ImageCms.createProfile("sRGB"), mode, "RGB", intent, flags)
    return np.asarray(ImageCms.applyTransform(pixels, transform))


CASES = [
    ("RGB", display_p3, "png"),
    ("RGB", display_p3, "tif"),
    ("RGB", display_p3, "webp"),
    ("L", grey_gamma, "png"),
    ("CMYK", press, "tif"),
]


@pytest.mark.parametrize(("mode", "icc", "suffix"), CASES)
def test_a_profile_is_followed_there_and_back(
    tmp_path: Path, mode: str, icc: Callable[[], bytes], suffix: str
) -> None:
    source, out = tmp_path / f"in.{suffix}", tmp_path / f"out.{suffix}"
    pixels = picture_of(mode)
    options: dict[str, Any] = {"lossless": True} if suffix == "webp" else {}
    pixels.save(source, icc_profile=icc(), **options)
    picture = read_picture(source)
    np.testing.assert_array_equal(np.rint(picture.image * 255), converted(icc(), mode, pixels))
    assert np.abs(picture.image * 255 - np.asarray(pixels.convert("RGB"))).max() > 4, (
        "the profile does something"
    )

    write_picture(picture, picture.image, out, mark=MARK)
    unglazed = read_picture(out)
    np.testing.assert_array_equal(unglazed.samples, picture.samples)
    assert unglazed.metadata.icc == icc()

    change = np.array([0.06, 0.06, 0.06] if picture.grey else [0.06, -0.04, 0.05], np.float32)
    write_picture(picture, picture.image + change, out, mark=MARK, overwrite=True)
    error = read_picture(out).image - picture.image - change
    assert np.abs(error).mean() < (0.02 if mode == "CMYK" else 0.01)


@pytest.mark.parametrize("target", ["jpeg", "webp", "avif", "png"])
def test_cmyk_and_grey_profiles_become_srgb_where_they_must(tmp_path: Path, target: str) -> None:
    picture_of("CMYK").save(tmp_path / "in.tif", icc_profile=press())
    picture = read_picture(tmp_path / "in.tif")
    write_picture(picture, picture.image, tmp_path / "out", format=target, mark=MARK)
    again = read_picture(tmp_path / "out")
    assert again.mode == ("CMYK" if target == "jpeg" else "RGB")
    assert again.metadata.icc == (press() if target == "jpeg" else b"")
    assert np.abs(again.image - picture.image).mean() < 0.02


@pytest.mark.parametrize("icc", [b"", press()], ids=["plain", "press"])
def test_a_cmyk_jpeg_is_not_turned_round(tmp_path: Path, icc: bytes) -> None:
    picture_of("CMYK").save(tmp_path / "in.jpg", quality=95, icc_profile=icc)
    picture = read_picture(tmp_path / "in.jpg")
    write_picture(picture, picture.image, tmp_path / "out.jpg", mark=MARK)
    again = read_picture(tmp_path / "out.jpg")
    assert again.mode == picture.mode == "CMYK"
    assert np.abs(again.image - picture.image).mean() < 0.01
    if not icc:
        assert np.abs(picture.image * 255 - np.asarray(picture_of("RGB"))).mean() < 4


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_black_ink_gives_way_to_light(tmp_path: Path, depth: type) -> None:
    full = np.iinfo(depth).max
    inks: np.ndarray = np.zeros((80, 80, 4), depth)
    inks[..., 3] = full
    inks[40:, :, 3] = full // 2
    tifffile.imwrite(tmp_path / "in.tif", inks, photometric="separated", metadata=None)
    picture = read_picture(tmp_path / "in.tif")
    glazed = picture.image + np.array([0.1, 0.05, 0], np.float32)
    write_picture(picture, glazed, tmp_path / "out.tif", mark=MARK)
    assert np.abs(read_picture(tmp_path / "out.tif").image - glazed).max() < 0.006


@pytest.mark.parametrize("mode", ["RGB", "CMYK"])
def test_deep_samples_with_a_profile(tmp_path: Path, mode: str) -> None:
    icc = press() if mode == "CMYK" else display_p3()
    samples = np.asarray(picture_of(mode)).astype(np.uint16) * 257 + 11
    photometric = "separated" if mode == "CMYK" else "rgb"
    tifffile.imwrite(tmp_path / "in.tif", samples, photometric=photometric, iccprofile=icc, metadata=None)
    picture = read_picture(tmp_path / "in.tif")
    write_picture(picture, picture.image, tmp_path / "out.tif", mark=MARK)
    np.testing.assert_array_equal(read_picture(tmp_path / "out.tif").samples, samples)
    write_picture(picture, picture.image + np.float32(0.05), tmp_path / "more.tif", mark=MARK)
    assert np.abs(read_picture(tmp_path / "more.tif").image - picture.image - 0.05).mean() < 0.01


@pytest.mark.parametrize(
    ("mode", "icc"),
    [
        ("RGB", b"no profile"),
        ("RGB", display_p3()[:300]),
        ("RGB", press()),
        ("L", display_p3()),
        ("RGB", ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()),
    ],
    ids=["damaged", "cut", "cmyk-in-rgb", "rgb-in-grey", "srgb"],
)
def test_profiles_that_are_not_followed(mode: str, icc: bytes) -> None:
    pixels = np.atleast_3d(np.asarray(picture_of(mode)))
    np.testing.assert_array_equal(
        ColourSpace(mode, icc).to_srgb(pixels), ColourSpace(mode, b"").to_srgb(pixels)
    )
