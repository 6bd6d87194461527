"""Downloads: from a server on this machine that breaks off, refuses, redirects, or gives something else."""

import errno
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glaze_models import Source
from glaze_models.errors import ModelError, WeightsError
from glaze_runtime.weights import download as module
from glaze_runtime.weights.download import download

CONTENT = np.random.default_rng(0).bytes(1_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Gives `content` at /file, `breaks` times only a part of it; keeps what was asked for in `ranges`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = CONTENT
        self.etag: str | None = '"one"'
        self.breaks = 0
        self.statuses: list[int] = []
        self.ranges: list[str | None] = []

    def url(self, path: str = "file") -> str:
        return f"http://127.0.0.1:{self.server_port}/{path}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server = self.server
        wanted = self.headers.get("Range")
        server.ranges.append(wanted)
        if self.path.startswith("/to="):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to="))
            self.end_headers()
            return
        if server.statuses:
            self.send_error(server.statuses.pop(0))
            return
        start = 0
        if wanted and self.headers.get("If-Range") == server.etag:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if start and start >= len(server.content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(server.content)}")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if server.etag:
            self.send_header("ETag", server.etag)
        rest = server.content[start:]
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        if server.breaks:
            server.breaks -= 1
            rest = rest[:300_000]
        self.wfile.write(rest)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(module, "PAUSE", 0.0)
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "downloads" / "vae.safetensors"


def test_all_of_it(server: Server, part: Path) -> None:
    told: list[tuple[int, int]] = []
    download(Source(url=server.url(), sha256=SHA256), part, lambda done, whole: told.append((done, whole)))
    assert part.read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert server.ranges == [None]


def test_goes_on_where_it_broke_off(server: Server, part: Path) -> None:
    server.breaks = 2
    download(Source(url=server.url()), part)
    assert part.read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=300000-", "bytes=600000-"]


def test_goes_on_in_another_run(server: Server, part: Path) -> None:
    server.breaks = module.TRIES
    server.content = CONTENT * 2
    with pytest.raises(ModelError, match=r"cannot be reached: .* Run this again .* then add it from there"):
        download(Source(url=server.url()), part)
    assert part.stat().st_size == 1_200_000
    download(Source(url=server.url()), part)
    assert part.read_bytes() == CONTENT * 2
    assert server.ranges[-1] == "bytes=1200000-"
    download(Source(url=server.url()), part)
    assert part.read_bytes() == CONTENT * 2


def test_begins_anew_where_the_file_changed(server: Server, part: Path) -> None:
    server.breaks = module.TRIES
    server.content = CONTENT * 2
    with pytest.raises(ModelError):
        download(Source(url=server.url()), part)
    server.content, server.etag = CONTENT[::-1], '"two"'
    download(Source(url=server.url()), part)
    assert part.read_bytes() == CONTENT[::-1]


def test_begins_anew_where_versions_have_no_names(server: Server, part: Path) -> None:
    server.etag = None
    server.breaks = 1
    download(Source(url=server.url()), part)
    assert part.read_bytes() == CONTENT
    assert server.ranges == [None, None]


def test_another_file_than_on_record(server: Server, part: Path) -> None:
    with pytest.raises(
        WeightsError, match=rf"is not the file on record: its sha256 is {SHA256}. It was removed"
    ):
        download(Source(url=server.url(), sha256="0" * 64), part)
    assert list(part.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (401, r"people with an account who accepted its licence \(401\). Get the file in a browser"),
        (403, r"people with an account"),
        (404, r"the server says 404. Get the file elsewhere, then add it from there"),
    ],
)
def test_refused(server: Server, part: Path, status: int, says: str) -> None:
    server.statuses = [status]
    with pytest.raises(ModelError, match=says):
        download(Source(url=server.url()), part)
    assert len(server.ranges) == 1


def test_a_server_in_trouble_is_asked_again(server: Server, part: Path) -> None:
    server.statuses = [503, 500]
    download(Source(url=server.url()), part)
    assert part.read_bytes() == CONTENT
    server.statuses = [503] * module.TRIES
    with pytest.raises(ModelError, match="the server says 503"):
        download(Source(url=server.url("other")), part.with_name("other"))


def test_redirections(server: Server, part: Path) -> None:
    download(Source(url=server.url(f"to={server.url()}")), part)
    assert part.read_bytes() == CONTENT
    for unsafe in ("http://example.org/file", "ftp://example.org/file"):
        with pytest.raises(ModelError, match=f"{unsafe} is no https address"):
            download(Source(url=server.url(f"to={unsafe}")), part.with_name("other"))


@pytest.mark.parametrize("url", ["http://example.org/a", "file:///etc/hostname", "ftp://example.org/a"])
def test_unsafe_addresses(part: Path, url: str) -> None:
    with pytest.raises(ModelError, match=r"is no https address, so it is not fetched"):
        download(Source(url=url), part)


def test_offline(server: Server, part: Path) -> None:
    url = server.url()
    server.server_close()
    with pytest.raises(
        ModelError,
        match=r"cannot be reached.* Without a network, get that file on another computer, then add it from there",
    ):
        download(Source(url=url), part)


def test_a_full_disk(server: Server, part: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_file = Path.open

    class Full:
        def __init__(self, file: Any) -> None:
            self.file = file

        def __enter__(self) -> "Full":
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()

        def write(self, data: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    def full(path: Path, mode: str = "r", **options: Any) -> object:
        file = open_file(path, mode, **options)
        return Full(file) if mode == "wb" else file

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(ModelError, match=r"cannot be written: No space left on device. Make room"):
        download(Source(url=server.url()), part)
    assert len(server.ranges) == 1
