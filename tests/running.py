"""The app, really running: the command in a process of its own, asked over its own address."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import numpy as np
from PIL import Image

PATIENCE = 120.0
"""Seconds."""


class App:
    """A running app, as a page would ask it."""

    def __init__(self, process: subprocess.Popen[str], address: str) -> None:
        self.process, self.address = process, address
        url = urlsplit(address)
        self.host, self.token = url.netloc, url.path.strip("/")
        assert url.port is not None
        self.port = url.port

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str | None
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the answer; a header given as None is left out."""
        every = {"Origin": f"http://{self.host}"} | {k.replace("_", "-"): v for k, v in headers.items()}
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            whole = path if path.startswith("/") else f"/{self.token}/{path}"
            connection.request(method, whole, body, {k: v for k, v in every.items() if v is not None})
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def post(self, path: str, **said: Any) -> tuple[int, Any]:
        """Status and JSON of the answer to JSON."""
        status, _, body = self.ask("POST", path, json.dumps(said).encode(), Content_Type="application/json")
        return status, json.loads(body)

    def state(self) -> dict[str, Any]:
        """What the page shows."""
        state: dict[str, Any] = json.loads(self.ask("GET", "state")[2])
        return state

    def put(self, name: str, content: bytes) -> dict[str, Any]:
        """The state of a picture that was given, once it was checked."""
        status, _, body = self.ask("PUT", f"pictures?name={quote(name)}", content)
        assert status == 201, body
        id = json.loads(body)["id"]  # noqa: A001
        self.wait(lambda state: _of(state, id)["state"] != "checking")
        return _of(self.state(), id)

    def wait(self, ready: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The state once it is `ready`."""
        end = time.monotonic() + PATIENCE
        while not ready(state := self.state()):
            assert time.monotonic() < end, state
            time.sleep(0.05)
        return state

    def kill(self) -> None:
        """As a power cut would."""
        self.process.kill()
        self.process.wait()


def _of(state: dict[str, Any], id: str) -> dict[str, Any]:  # noqa: A002
    return next(picture for picture in state["pictures"] if picture["id"] == id)


def start(data: Path, *arguments: str) -> App:
    """Start the app with its data in `data`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "glaze_edge", "app", "--no-open", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"GLAZE_EDGE_DATA": str(data)},
    )
    assert process.stdout is not None
    with process.stdout as out:
        return App(process, out.readline().strip())


@contextmanager
def running(data: Path, *arguments: str) -> Iterator[App]:
    """A running app, which ends as by Ctrl-C."""
    app = start(data, *arguments)
    try:
        yield app
    finally:
        if app.process.poll() is None:
            app.process.send_signal(signal.SIGINT)
            app.process.wait(30)


def drawing(size: tuple[int, int] = (96, 80), seed: int = 0, kind: str = "PNG") -> bytes:
    """A file with a picture of soft blots."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (5, 6, 3), np.uint8))
    file = BytesIO()
    small.resize(size, Image.Resampling.BICUBIC).save(file, kind)
    return file.getvalue()
