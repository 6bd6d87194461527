"""Where results go, and whether they may."""

import errno
import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from glaze_edge.files.atomic import reason
from glaze_edge.files.formats import FORMATS, WRITTEN_AS, sniff
from glaze_models.errors import OptionError, OutputError

KEEP = "keep"
"""The format choice that keeps the picture's own."""

FORMAT_CHOICES = (KEEP, *(name.lower() for name in FORMATS))
"""What `format` arguments take."""


def format_named(choice: str) -> str:
    """The name in `FORMATS` for a choice such as "png".

    Raises:
        OptionError: there is no such format.
    """
    if choice.upper() not in FORMATS:
        raise OptionError(f"{choice!r} is no format. Choose one of {', '.join(FORMAT_CHOICES)}.")
    return choice.upper()


def output_path(
    source: Path,
    output: Path | None,
    format: str = KEEP,  # noqa: A002
    *,
    many: bool = False,
) -> Path:
    """Where the glazed `source` goes.

    Without `output`: beside the source, as NAME-glazed.EXT. An `output` that is a folder, has no suffix, or
    stands for many pictures: in that folder, by the same name. Else `output` itself. EXT is the source's own
    if that fits the format of what is written, judged by the content of the source.

    Raises:
        OptionError: `format` is unknown, or `output` is named as another format.
    """
    written_as = _written_as(source, format)
    suffixes = FORMATS[written_as].suffixes if written_as else (source.suffix,)
    if output is not None and not (many or found(output) == "folder" or not output.suffix):
        if output.suffix.lower() not in suffixes:
            raise OptionError(
                f"{output} would hold a {written_as} picture. "
                f"Name it {output.stem}{suffixes[0]}, or choose a format."
            )
        return output
    suffix = source.suffix if source.suffix.lower() in suffixes else suffixes[0]
    return (source.parent if output is None else output) / f"{source.stem}-glazed{suffix}"


def output_paths(
    sources: Sequence[Path],
    output: Path | None,
    format: str = KEEP,  # noqa: A002
) -> list[Path]:
    """`output_path` of each of many, all different from one another and from the sources.

    A name that is taken gets a number, also where only the case differs, as on Windows and macOS.

    Raises:
        OptionError: `format` is unknown, or `output` is a file.
    """
    if output is not None and found(output) == "file":
        raise OptionError(f"{output} is a file, and there are many pictures. Name a folder.")
    return distinct([output_path(source, output, format, many=True) for source in sources], besides=sources)


def report_paths(results: Sequence[Path]) -> list[Path]:
    """Where the audit of each result goes: NAME-audit.html beside it, numbered where that is taken by another of
    `results`."""
    return distinct([result.with_name(f"{result.stem}-audit.html") for result in results])


def distinct(wanted: Sequence[Path], besides: Iterable[Path] = ()) -> list[Path]:
    """`wanted`, with a number where one is taken by an earlier one or by `besides`, also where only the case
    differs."""
    taken = {_key(path) for path in besides}
    paths = []
    for each in wanted:
        path = next(path for path in _numbered(each) if _key(path) not in taken)
        taken.add(_key(path))
        paths.append(path)
    return paths


def check_destination(source: Path, path: Path, *, overwrite: bool = False) -> None:
    """Whether a result may be written to `path`; worth asking before the work as well as after it.

    Raises:
        OutputError: it is the source itself (through whatever links), a folder, in a folder that is missing
            or may not be written to, or it exists and `overwrite` is False.
    """
    try:
        path.stat()
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR):
            raise OutputError(f"{path} cannot be written: {reason(error)}.") from error
    if path.is_dir():
        raise OutputError(f"{path} is a folder. Name a file in it.")
    if not path.parent.is_dir():
        raise OutputError(f"{path} cannot be written: its folder does not exist. Make it first.")
    if same_file(source, path):
        raise OutputError(f"{path} is the picture itself, which is never overwritten. Choose another name.")
    if path.exists() and not overwrite:
        raise OutputError(f"{path} exists already. Choose another name, or allow overwriting.")
    if not os.access(path.parent, os.W_OK):
        raise OutputError(f"{path.parent} may not be written to. Choose another folder.")


def _written_as(source: Path, choice: str) -> str | None:
    if choice != KEEP:
        return format_named(choice)
    name = sniff(source)
    return WRITTEN_AS[name] if name else None


def _numbered(path: Path) -> Iterable[Path]:
    yield path
    number = 2
    while True:
        yield path.with_stem(f"{path.stem}-{number}")
        number += 1


def _key(path: Path) -> str:
    return os.path.realpath(path).casefold()


def found(path: Path) -> Literal["file", "folder"] | None:
    """What is at `path`; None where that cannot be told either, as with a name that is too long, where `Path.exists`
    may raise."""
    try:
        return "folder" if stat.S_ISDIR(path.stat().st_mode) else "file"
    except (OSError, ValueError):
        return None


def same_file(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file, through whatever links; False where either leads nowhere."""
    if os.path.realpath(one) == os.path.realpath(other):
        return True
    try:
        return one.samefile(other)
    except OSError:
        return False
