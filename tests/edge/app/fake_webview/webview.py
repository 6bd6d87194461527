"""pywebview, as far as the app uses it: a "window" in which somebody does what DRIVE says, then closes it."""

import json
import os
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from time import sleep
from typing import Any

from glaze_edge.app.instance import ask

settings: dict[str, Any] = {}
_windows: list["Window"] = []


class FileDialog(Enum):
    """The kinds of dialog."""

    OPEN = 10
    FOLDER = 20


class Events:
    """What a window tells."""

    def __init__(self) -> None:
        self.closed = Listeners()


class Listeners:
    """`+=` adds one."""

    def __init__(self) -> None:
        self.every: list[Callable[[], None]] = []

    def __iadd__(self, listener: Callable[[], None]) -> "Listeners":
        self.every.append(listener)
        return self


class Window:
    """A window that shows a page."""

    def __init__(self, url: str) -> None:
        self.url, self.events = url, Events()

    def create_file_dialog(self, kind: FileDialog, **options: Any) -> tuple[str, ...]:
        """What DRIVE chooses."""
        return tuple(json.loads(os.environ["DRIVE"])[kind.name])

    def destroy(self) -> None:
        """Close it."""


def create_window(title: str, url: str, **options: Any) -> Window:
    """A window."""
    _windows.append(Window(url))
    return _windows[-1]


def start() -> None:
    """Show it until it is closed: choose pictures and a folder, glaze, save beside the originals."""
    assert settings["ALLOW_DOWNLOADS"]
    (window,) = _windows
    said = {"first": _ask(window.url, "GET", "state")}
    for what in ("pictures", "folder"):
        _ask(window.url, "POST", "choose", {"what": what})
    _ask(window.url, "POST", "settings", {"effort": "quick"})
    while any(p["state"] == "checking" for p in _ask(window.url, "GET", "state")["pictures"]):
        sleep(0.05)
    _ask(window.url, "POST", "run", {"do": "start"})
    while _ask(window.url, "GET", "state")["run"] != "idle":
        sleep(0.05)
    said["saved"] = _ask(window.url, "POST", "save-beside", {})
    said["again"] = _ask(window.url, "POST", "save-beside", {})
    said["last"] = _ask(window.url, "GET", "state")
    Path(os.environ["SAID"]).write_text(json.dumps(said))
    for listener in window.events.closed.every:
        listener()


def _ask(address: str, method: str, path: str, said: dict[str, Any] | None = None) -> Any:
    body = None if said is None else json.dumps(said).encode()
    return json.loads(ask(address, method, path, body, "application/json")[1])
