"""The app's own window, where pywebview is installed."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from glaze_edge.files.formats import FORMATS

SIZE = 1200, 860
"""Pixels."""
PATTERNS = ";".join(f"*{suffix}" for entry in FORMATS.values() for suffix in entry.suffixes)


class Choosers(Protocol):
    """The system's own dialogs, as far as the app needs them."""

    def choose_pictures(self) -> list[Path]:
        """The files that are chosen in the system's own dialog."""
        ...

    def choose_folder(self) -> list[Path]:
        """The pictures in the folder that is chosen so."""
        ...


class OwnWindow:
    """A window of the module `webview`, with the system's own choosers."""

    def __init__(self, webview: ModuleType) -> None:
        self._webview = webview
        self._window: Any = None

    def show(self, address: str, closed: Callable[[], None]) -> None:
        """Show the page at `address` until the window is closed; called in the main thread."""
        self._webview.settings["ALLOW_DOWNLOADS"] = True
        self._window = self._webview.create_window("glaze-edge", address, width=SIZE[0], height=SIZE[1])
        self._window.events.closed += closed
        self._webview.start()

    def close(self) -> None:
        """Close the window, from any thread."""
        if self._window is not None:
            self._window.destroy()

    def choose_pictures(self) -> list[Path]:
        """The files that are chosen in the system's own dialog."""
        chosen = self._window.create_file_dialog(
            self._webview.FileDialog.OPEN, allow_multiple=True, file_types=(f"Pictures ({PATTERNS})",)
        )
        return [Path(path) for path in chosen or ()]

    def choose_folder(self) -> list[Path]:
        """The pictures in the folder that is chosen so, and in those within it."""
        chosen = self._window.create_file_dialog(self._webview.FileDialog.FOLDER)
        return [path for folder in chosen or () for path in pictures_in(Path(folder))]


def pictures_in(folder: Path) -> list[Path]:
    """The files below `folder` that are named as pictures; hidden ones are left out."""
    suffixes = {suffix for entry in FORMATS.values() for suffix in entry.suffixes}
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in suffixes
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
