"""Where results go, and that a file is written whole or not at all."""

import errno
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glaze_edge.files import (
    Mark,
    Picture,
    check_destination,
    output_path,
    output_paths,
    read_picture,
    write_picture,
)
from glaze_edge.files.formats import FORMATS
from glaze_models.errors import OptionError, OutputError

MARK = Mark(
    version="0.1.0", intensity="medium", effort="low", style="monet", encoders=("a",), date=date(2026, 1, 2)
)
NOISE = np.random.default_rng(0).integers(0, 256, (80, 90, 3), np.uint8)


@pytest.fixture
def picture(tmp_path: Path) -> Picture:
    Image.fromarray(NOISE).save(tmp_path / "in.png")
    return read_picture(tmp_path / "in.png")


def failing(error: BaseException) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize("place", ["os.fsync", "pathlib.Path.replace"])
@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "disk is full"),
        (OSError(errno.EACCES, "Permission denied"), "not permitted"),
        (OSError(errno.EIO, "Input/output error"), "Check the disk"),
    ],
    ids=["full", "denied", "broken"],
)
def test_a_failed_write_leaves_all_as_it_was(
    tmp_path: Path, picture: Picture, monkeypatch: pytest.MonkeyPatch, place: str, error: OSError, words: str
) -> None:
    out = tmp_path / "out.png"
    out.write_bytes(b"before")
    monkeypatch.setattr(place, failing(error))
    with pytest.raises(OutputError, match=words):
        write_picture(picture, picture.image, out, mark=MARK, overwrite=True)
    assert out.read_bytes() == b"before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.png", "out.png"]


@pytest.mark.parametrize("suffix", [entry.suffixes[0] for entry in FORMATS.values()])
@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "full"), ValueError("odd")], ids=repr
)
def test_a_failed_encoder_leaves_nothing(
    tmp_path: Path, picture: Picture, monkeypatch: pytest.MonkeyPatch, suffix: str, error: BaseException
) -> None:
    place = "tifffile.imwrite" if suffix == ".tif" else "PIL.Image.Image.save"
    monkeypatch.setattr(place, failing(error))
    name = next(entry.name for entry in FORMATS.values() if suffix in entry.suffixes)
    with pytest.raises(KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else OutputError):
        write_picture(picture, picture.image, tmp_path / f"out{suffix}", format=name.lower(), mark=MARK)
    assert [path.name for path in tmp_path.iterdir()] == ["in.png"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_never_over_the_picture_itself(tmp_path: Path, picture: Picture, overwrite: bool) -> None:
    same = [
        tmp_path / "in.png",
        tmp_path / "sub" / ".." / "in.png",
        tmp_path / "soft.png",
        tmp_path / "hard.png",
    ]
    (tmp_path / "sub").mkdir()
    same[2].symlink_to(same[0])
    same[3].hardlink_to(same[0])
    before = same[0].read_bytes()
    for path in same:
        with pytest.raises(OutputError, match="never overwritten"):
            write_picture(picture, picture.image, path, mark=MARK, overwrite=overwrite)
    assert same[0].read_bytes() == before


def test_places_that_cannot_be_written(tmp_path: Path, picture: Picture) -> None:
    (tmp_path / "old.png").write_bytes(b"before")
    for path, words in [
        (tmp_path, "is a folder"),
        (tmp_path / "none" / "out.png", "does not exist"),
        (tmp_path / "in.png" / "out.png", "does not exist"),
        (tmp_path / "old.png", "exists already"),
    ]:
        with pytest.raises(OutputError, match=words):
            check_destination(picture.path, path)
    check_destination(picture.path, tmp_path / "old.png", overwrite=True)
    write_picture(picture, picture.image, tmp_path / "old.png", mark=MARK, overwrite=True)
    assert read_picture(tmp_path / "old.png").glazed == MARK


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_folder(tmp_path: Path, picture: Picture) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    with pytest.raises(OutputError, match="may not be written"):
        check_destination(picture.path, folder / "out.png")


def test_a_picture_of_another_shape_is_a_mistake(tmp_path: Path, picture: Picture) -> None:
    with pytest.raises(ValueError, match="glazed is"):
        write_picture(picture, picture.image[:10], tmp_path / "out.png", mark=MARK)


def test_the_new_file_has_the_usual_permissions(tmp_path: Path, picture: Picture) -> None:
    write_picture(picture, picture.image, tmp_path / "out.png", mark=MARK)
    assert (tmp_path / "out.png").stat().st_mode == (tmp_path / "in.png").stat().st_mode


def test_same_input_same_bytes(tmp_path: Path, picture: Picture) -> None:
    for entry in FORMATS.values():
        for name in ("one", "two"):
            write_picture(
                picture, picture.image, tmp_path / name, format=entry.name.lower(), mark=MARK, overwrite=True
            )
        assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize(
    ("name", "output", "format", "many", "expected"),
    [
        ("in.png", None, "keep", False, "in-glazed.png"),
        ("misnamed.jpg", None, "keep", False, "misnamed-glazed.png"),
        ("IN.PNG", None, "keep", False, "IN-glazed.PNG"),
        ("in.png", None, "jpeg", False, "in-glazed.jpg"),
        ("in.png", "folder", "keep", False, "folder/in-glazed.png"),
        ("in.png", "new", "keep", False, "new/in-glazed.png"),
        ("in.png", "new.d", "keep", True, "new.d/in-glazed.png"),
        ("in.png", "out.png", "keep", False, "out.png"),
        ("in.png", "out.jpeg", "jpeg", False, "out.jpeg"),
        ("missing.png", None, "keep", False, "missing-glazed.png"),
        ("still.gif", None, "keep", False, "still-glazed.png"),
    ],
)
def test_output_path(
    tmp_path: Path,
    name: str,
    output: str | None,
    format: str,  # noqa: A002
    many: bool,
    expected: str,
) -> None:
    (tmp_path / "folder").mkdir()
    for png in ("in.png", "misnamed.jpg", "IN.PNG"):
        Image.fromarray(NOISE).save(tmp_path / png, "PNG")
    Image.fromarray(NOISE).quantize(8).save(tmp_path / "still.gif")
    wanted = tmp_path / output if output else None
    assert output_path(tmp_path / name, wanted, format, many=many) == tmp_path / expected


def test_output_path_refuses(tmp_path: Path, picture: Picture) -> None:
    with pytest.raises(OptionError, match="would hold a PNG"):
        output_path(picture.path, tmp_path / "out.jpg")
    with pytest.raises(OptionError, match="no format"):
        output_path(picture.path, None, "bmp")
    with pytest.raises(OptionError, match="is a file"):
        output_paths([picture.path], picture.path)


def test_names_that_collide_get_numbers(tmp_path: Path) -> None:
    sources = []
    for folder, name in [("a", "x.png"), ("b", "x.png"), ("b", "X.png"), ("out", "x-glazed-2.png")]:
        (tmp_path / folder).mkdir(exist_ok=True)
        sources.append(tmp_path / folder / name)
        Image.fromarray(NOISE).save(sources[-1])
    names = [path.name for path in output_paths(sources, tmp_path / "out")]
    assert names == ["x-glazed.png", "x-glazed-3.png", "X-glazed-4.png", "x-glazed-2-glazed.png"]


@pytest.mark.parametrize("target", [entry.name.lower() for entry in FORMATS.values()])
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "CMYK", "I;16"])
def test_conversion(tmp_path: Path, mode: str, target: str) -> None:
    smooth = Image.fromarray(np.linspace(0, 255, 90 * 80).astype(np.uint8).reshape(80, 90))
    if mode == "I;16":
        smooth = Image.fromarray(np.asarray(smooth).astype(np.uint16) * 257)
    smooth.convert(mode).save(tmp_path / "in.tif")
    picture = read_picture(tmp_path / "in.tif")
    glazed = np.clip(picture.image + np.float32(0.05), 0, 1)
    write_picture(picture, glazed, tmp_path / "out", format=target, mark=MARK)
    again = read_picture(tmp_path / "out")
    assert (again.format, again.glazed) == (target.upper(), MARK)
    assert np.abs(again.image - glazed).max() < 0.04


def test_transparency_and_length_that_a_format_cannot_hold(tmp_path: Path) -> None:
    Image.new("RGBA", (80, 80), (1, 2, 3, 4)).save(tmp_path / "clear.png")
    clear = read_picture(tmp_path / "clear.png")
    with pytest.raises(OptionError, match="transparent"):
        write_picture(clear, clear.image, tmp_path / "out.jpg", format="jpeg", mark=MARK)
    Image.new("L", (16500, 64)).save(tmp_path / "long.png")
    long = read_picture(tmp_path / "long.png")
    with pytest.raises(OptionError, match="too long for WEBP"):
        write_picture(long, long.image, tmp_path / "out.webp", format="webp", mark=MARK)
