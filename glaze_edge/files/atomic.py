"""Writing a file whole or not at all."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from glaze_models.errors import OutputError

_WHAT_TO_DO = {
    errno.ENOSPC: "the disk is full. Free some space",
    errno.EDQUOT: "your share of the disk is used up. Free some space",
    errno.EACCES: "that is not permitted. Choose another folder",
    errno.EPERM: "that is not permitted. Choose another folder",
    errno.EROFS: "the disk is read-only. Choose another folder",
    errno.ENOENT: "the folder is gone. Make it again",
    errno.ENOTDIR: "a part of its path is a file. Choose another folder",
    errno.EEXIST: "a file has that name. Choose another one",
    errno.ENAMETOOLONG: "the name is too long. Choose a shorter one",
    errno.EFBIG: "the disk takes no file that large. Choose another format or disk",
}


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write (and read back), which takes the place of `path` at the end of the block.

    Whatever is raised before that, the place stays as it was and nothing is left beside it.
    """
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with part.open("x+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextmanager
def writing(path: Path) -> Iterator[IO[bytes]]:
    """As `replacing`, for a file that a person has asked for.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        with replacing(path) as file:
            yield file
    except OSError as error:
        raise OutputError(f"{path} was not written: {reason(error)}.") from error


def reason(error: OSError) -> str:
    """Why nothing can be written, and what to do about it; a full stop ends it."""
    return _WHAT_TO_DO.get(error.errno or 0, f"{error.strerror or error}. Check the disk")
