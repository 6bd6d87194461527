"""Whatever cannot be read or written is one line and an exit code, never a traceback."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from command import run
from PIL import Image

from glaze_edge import Settings, generators
from glaze_edge.commands import choices

LONG = 300 * "x"
"""More than a name may have on any system."""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    coarse = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    Image.fromarray(coarse).resize((96, 64), Image.Resampling.BICUBIC).save(tmp_path / "a.png")
    return tmp_path / "a.png"


@pytest.fixture
def other(source: Path) -> Path:
    with Image.open(source) as image:
        image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(source.with_name("b.png"))
    return source.with_name("b.png")


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line of the error."""
    told_first = {"", *choices.lines(generators.choices(Settings()))}
    lines = [line for line in capsys.readouterr().err.splitlines() if line not in told_first]
    assert len(lines) == 1, lines
    assert lines[0].startswith("Error: ")
    return lines[0]


def quick(*arguments: object) -> int:
    return run("glaze", "--effort", "quick", "--device", "cpu", *arguments)


def test_many_pictures_below_a_file(source: Path, other: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert quick(source, other, "-o", source / "folder") == 2
    assert "a.png/folder cannot be made" in said(capsys).replace(os.sep, "/")


def test_many_pictures_in_a_folder_of_a_long_name(
    source: Path, other: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert quick(source, other, "-o", source.with_name(LONG)) == 2
    assert "cannot be made" in said(capsys)


@pytest.mark.parametrize(
    "place", ["a.png/b.png", f"{LONG}.png", LONG], ids=["below a file", "long", "folder"]
)
def test_one_picture_where_nothing_can_be(
    source: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    assert quick(source, "-o", source.with_name("a.png").parent / place) == 1
    assert "cannot be written" in said(capsys)


def test_a_result_whose_name_would_be_too_long(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    long = source.rename(source.with_name(f"{250 * 'x'}.png"))
    assert quick(long) == 1
    assert "cannot be written: the name is too long" in said(capsys)


def test_a_target_whose_name_is_too_long(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert quick(source, "--save-target", source.with_name(f"{LONG}.png")) == 1
    assert "cannot be written" in said(capsys)
    assert not source.with_name("a-glazed.png").exists()


@pytest.mark.parametrize("command", ["show", "styles"])
def test_a_sheet_whose_name_is_too_long(
    source: Path, other: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    pictures = [source, other] if command == "show" else [source]
    assert run(command, *pictures, "-o", source.with_name(f"{LONG}.png")) == 1
    assert "cannot be written" in said(capsys)


def test_a_style_that_is_too_long_for_a_file(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert quick(source, "--style", LONG) == 2
    assert LONG in said(capsys)


def test_pictures_whose_names_are_too_long(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    long = source.with_name(f"{LONG}.png")
    for command in (["glaze", long], ["styles", long], ["show", source, long], ["audit", source, long]):
        assert run(*command) == 1
        assert LONG in said(capsys)
    assert run("app", "--no-open", long) == 2
    assert LONG in said(capsys)


def test_a_checkpoint_whose_name_is_too_long(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("models", "add", "--from", source.with_name(f"{LONG}.safetensors")) == 2
    assert LONG in said(capsys)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("glaze", "a.png", "--encoder", LONG), 2),
        (("glaze", "a.png", "--style-engine", LONG), 2),
        (("glaze", "a.png", "--lpips", 0.05, "--lpips-backbone", LONG), 2),
        (("models", "add", LONG, "--download"), 2),
        (("models", "info", LONG), 2),
        (("models", "remove", LONG), 2),
        (("models", "verify", LONG), 2),
    ],
    ids=lambda value: " ".join(map(str, value)).replace(LONG, "long") if isinstance(value, tuple) else None,
)
def test_a_name_that_is_too_long(
    source: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[object, ...],
    code: int,
) -> None:
    monkeypatch.chdir(source.parent)
    assert run(*command) == code
    assert LONG in said(capsys)


@pytest.mark.skipif(os.name == "nt", reason="links need a permission on Windows")
def test_a_link_to_itself(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loop = source.with_name("loop.png")
    loop.symlink_to(loop)
    assert quick(loop) == 1
    assert "loop.png cannot be read" in said(capsys)
    assert quick(source, "-o", loop) == 1
    assert "loop.png cannot be written" in said(capsys)


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full, but not for glazed pictures, which are saved with their settings."""
    sync = os.fsync

    def fail(file: int) -> None:
        if kept[-1] == "sheet":
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(file)

    kept: list[str] = []
    write = Image.Image.save

    def save(self: Image.Image, file: object, *arguments: object, **options: object) -> None:
        kept.append("sheet" if self.mode == "RGB" and not options else "picture")
        write(self, file, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Image.Image, "save", save)
    monkeypatch.setattr("glaze_edge.files.atomic.os.fsync", fail)


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize("command", ["glaze", "show", "styles"])
def test_a_full_disk(source: Path, other: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    if command == "glaze":
        assert quick(source, "--save-target", source.with_name("target.png")) == 1
    else:
        assert run(command, *([source, other] if command == "show" else [source])) == 1
    assert "was not written: the disk is full. Free some space." in said(capsys)
    assert not list(source.parent.glob("*target*")) + list(source.parent.glob("*-s*"))
    assert not list(source.parent.glob(".*"))
