"""Downloading a weights file: over https, resumed where it broke off, held to its sha256."""

import errno
import hashlib
import os
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, OpenerDirector, Request, build_opener

import certifi

from glaze_models import Source
from glaze_models.errors import ModelError, Remedy, WeightsError

TRIES = 4
"""How often a connection is made before the download is given up; what came is kept."""
PAUSE = 1.0
"""Seconds between two connections."""
TIMEOUT = 30.0
"""Seconds without a byte."""
_CHUNK = 1 << 18


def download(
    source: Source, part: Path, on_bytes: Callable[[int, int], None] = lambda done, whole: None
) -> None:
    """Fetch `source` into the file `part`; what is there already is not fetched again.

    Args:
        source: what to fetch; its sha256 is checked where it is known.
        part: the file, complete at the end; beside it, `part` + ".etag" remembers which version it is of.
        on_bytes: told how many bytes there are, and how many there will be (0 if the server does not say).

    Raises:
        ModelError: the address cannot be reached, refuses, or breaks off again and again. What came is kept for the
            next call.
        WeightsError: what came has another sha256; it is removed.
    """
    part.parent.mkdir(parents=True, exist_ok=True)
    for attempt in range(1, TRIES + 1):
        try:
            _fetch(source.url, part, on_bytes)
            break
        except HTTPError as error:
            error.close()
            if error.code < 500 or attempt == TRIES:
                raise ModelError(_refused(source.url, error.code), Remedy("add-weights")) from error
        except (OSError, HTTPException) as error:
            if attempt == TRIES:
                raise ModelError(
                    f"{source.url} cannot be reached: {error}. Run this again to go on from there. "
                    "Without a network, get that file on another computer, then add it from there.",
                    Remedy("add-weights"),
                ) from error
        time.sleep(PAUSE)
    with part.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if source.sha256 not in (None, sha256):
        forget(part)
        raise WeightsError(
            f"What {source.url} gave is not the file on record: its sha256 is {sha256}. "
            "It was removed. Get the file from its publisher, then add it from there.",
            Remedy("add-weights"),
        )


def forget(part: Path) -> None:
    """Remove a download, finished or not."""
    part.unlink(missing_ok=True)
    _etag(part).unlink(missing_ok=True)


def _fetch(url: str, part: Path, on_bytes: Callable[[int, int], None]) -> None:
    """One connection; the rest of `part`, if the server still has that version, or all of it."""
    _require_safe(url)
    have = part.stat().st_size if part.exists() and _etag(part).exists() else 0
    request = Request(url, headers={"Accept-Encoding": "identity", "User-Agent": "glaze-edge"})
    if have:
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", _etag(part).read_text(encoding="utf-8"))
    try:
        response = _opener().open(request, timeout=TIMEOUT)
    except HTTPError as error:
        if error.code == 416 and error.headers.get("Content-Range") == f"bytes */{have}":
            error.close()
            return
        raise
    with response:
        if response.status != 206:
            have = 0
            _remember(part, response.headers)
        whole = have + int(response.headers.get("Content-Length") or 0)
        with _keeping(part):
            file = part.open("ab" if have else "wb", buffering=0)
        with file:
            while chunk := response.read(_CHUNK):
                with _keeping(part):
                    if file.write(chunk) != len(chunk):
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                have += len(chunk)
                on_bytes(have, whole)
    if have < whole:
        raise ConnectionError(f"it broke off after {have} of {whole} bytes")


def _remember(part: Path, headers: HTTPMessage) -> None:
    """Which version `part` is of; a server that does not say cannot be resumed from."""
    _etag(part).unlink(missing_ok=True)
    if etag := headers.get("ETag"):
        _etag(part).write_text(etag, encoding="utf-8")


def _etag(part: Path) -> Path:
    return part.with_name(part.name + ".etag")


@contextmanager
def _keeping(part: Path) -> Iterator[None]:
    """An error of the disk is none of the network's."""
    try:
        yield
    except OSError as error:
        raise ModelError(
            f"The download {part} cannot be written: {error.strerror}. "
            "Make room, or name another folder in GLAZE_EDGE_DATA."
        ) from error


class _SafeRedirects(HTTPRedirectHandler):
    """Follows a redirection to a safe address only."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        _require_safe(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> OpenerDirector:
    # A Python from python.org on macOS knows no certificates of its own, and a company's are not certifi's.
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return build_opener(HTTPSHandler(context=context), _SafeRedirects())


def _require_safe(url: str) -> None:
    """Https, or this machine itself."""
    parts = urlsplit(url)
    if parts.scheme != "https" and (parts.scheme, parts.hostname) != ("http", "127.0.0.1"):
        raise ModelError(
            f"{url} is no https address, so it is not fetched. Get the file yourself, then add it from there.",
            Remedy("add-weights"),
        )


def _refused(url: str, code: int) -> str:
    if code in (401, 403):
        return (
            f"{url} is only given to people with an account who accepted its licence ({code}). "
            "Get the file in a browser, then add it from there."
        )
    return f"{url} is not given out: the server says {code}. Get the file elsewhere, then add it from there."
