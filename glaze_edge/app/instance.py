"""One running app a person: a second start finds the first."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import quote, urlsplit

from filelock import FileLock, Timeout

from glaze_edge.files.atomic import reason
from glaze_models.errors import AppError, GlazeError, UnreadablePicture

PATIENCE = 10.0
"""Seconds that the other one may take to start."""


class Instance:
    """The app that runs, or is to run, with the data in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._address = folder / "address.json"
        self._lock = FileLock(folder / "lock")

    @contextmanager
    def only(self) -> Iterator[bool]:
        """Whether this one is the only one; it is until the end of the block."""
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            yield False
            return
        except OSError as error:
            raise AppError(f"{self._lock.lock_file} cannot be written: {reason(error)}.") from error
        try:
            self._address.unlink(missing_ok=True)
            yield True
        finally:
            self._address.unlink(missing_ok=True)
            self._lock.release()

    def tell(self, address: str) -> None:
        """Let a second start know the address."""
        with os.fdopen(os.open(self._address, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(address, file)

    def find(self) -> str:
        """The address of the other one, which answers.

        Raises:
            AppError: it does not.
        """
        end = monotonic() + PATIENCE
        while monotonic() < end:
            try:
                address = str(json.loads(self._address.read_text()))
                if ask(address, "GET", "state")[0] == 200:
                    return address
            except (OSError, ValueError, HTTPException):
                pass
            sleep(0.1)
        raise AppError("glaze-edge is running already, but does not answer. End it, then start it again.")


def ask(
    address: str, method: str, path: str, body: bytes | None = None, kind: str = "application/octet-stream"
) -> tuple[int, bytes]:
    """Status and body of the answer of the app at `address`, where the body asked with is of a media type `kind`.

    Raises:
        OSError, HTTPException: it does not answer.
    """
    url = urlsplit(address)
    connection = HTTPConnection(url.netloc, timeout=30)
    try:
        headers = {"Origin": f"http://{url.netloc}", "Content-Type": kind}
        connection.request(method, url.path + path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def hand_over(address: str, pictures: list[Path]) -> None:
    """Give pictures to the app at `address`; one that it cannot have does not keep the rest from it.

    Raises:
        UnreadablePicture: a picture cannot be read.
        AppError: the app does not take one, or has ended.
    """
    problems: list[GlazeError] = []
    for picture in pictures:
        try:
            _give(address, picture)
        except (UnreadablePicture, AppError) as error:
            problems.append(error)
    if problems:
        raise type(problems[0])("\n".join(map(str, problems)))


def _give(address: str, picture: Path) -> None:
    try:
        content = picture.read_bytes()
    except OSError as error:
        raise UnreadablePicture(f"{picture} cannot be read: {error.strerror}.") from error
    try:
        status, answer = ask(address, "PUT", f"pictures?name={quote(picture.name)}", content)
    except (OSError, HTTPException) as error:
        raise AppError(
            f"{picture} was not taken: the running app does not answer. Start it again."
        ) from error
    if status != 201:
        raise AppError(f"{picture} was not taken: {json.loads(answer)['error']['text']}")
