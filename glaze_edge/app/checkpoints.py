"""Encoders from the artist's own checkpoints: received, read, added."""

import logging
import shutil
import threading
from asyncio import CancelledError
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from glaze_edge import __version__
from glaze_edge.app import messages
from glaze_edge.app.feed import Feed
from glaze_edge.app.queue_folder import safe_name
from glaze_models.errors import AppError, GlazeError, OptionError
from glaze_runtime.weights import store
from glaze_runtime.weights.catalogue import added, installed
from glaze_runtime.weights.recognise import is_decoder
from glaze_runtime.weights.sources import open_checkpoint
from glaze_runtime.weights.store import add_decoder

log = logging.getLogger(__name__)

MOST_BYTES = 64 * 2**30
"""Of a checkpoint."""


class Checkpoints:
    """Adds one checkpoint at a time; `folder` holds its file meanwhile."""

    def __init__(self, folder: Path, feed: Feed) -> None:
        self.folder, self._feed = folder, feed
        self._busy = threading.Lock()
        self._state: dict[str, Any] | None = None
        self.clean()

    def state(self) -> dict[str, Any] | None:
        """The checkpoint that is or was last added, as the page shows it."""
        return self._state

    def added(self) -> list[dict[str, Any]]:
        """The encoders that were added, as the page shows them; of a damaged one only the name is known."""
        cards = added()
        return [
            {
                "name": name,
                "stands_for": cards[name].stands_for if name in cards else (),
                "stand_in": name in cards and cards[name].stand_in,
            }
            for name in installed()
        ]

    @contextmanager
    def admit(self, name: str) -> Iterator[Path]:
        """A place for the file of a checkpoint, which is written and added within the block and then removed.

        Raises:
            OptionError: another one is being added.
            AppError: there is no place for it.
        """
        path = self._begin(name)
        try:
            yield path
        except BaseException as error:
            self._end(error)
            raise
        self._end()

    def remove(self, name: str) -> None:
        """Remove the added encoder `name`.

        Raises:
            OptionError: it was not added.
            ModelError: it cannot be removed.
        """
        store.remove(name)

    def tell(self, done: int, whole: int) -> None:
        """So many bytes of `whole` are there, or were read."""
        assert self._state is not None
        self._state["share"] = done / whole if whole else 0.0
        self._feed.tell("progress")

    def add(self, path: Path) -> str:
        """Add the encoder, or the decoder, in the file at `path`; gives its name.

        Raises:
            GlazeError: the file holds none, is damaged, or its name is taken.
        """
        assert self._state is not None
        self._state |= {"stage": "reading", "share": 0.0}
        self._feed.tell("state")
        checkpoint = open_checkpoint(path)
        if is_decoder(checkpoint):
            manifest = add_decoder(checkpoint)
        else:
            manifest, _ = store.add(checkpoint, version=__version__, on_bytes=self.tell)
        self._state["added"] = manifest.name
        return manifest.name

    def _begin(self, name: str) -> Path:
        if not self._busy.acquire(blocking=False):
            raise OptionError("A checkpoint is being added. Wait for it, then add the next one.")
        self._state = {
            "name": safe_name(name),
            "share": 0.0,
            "stage": "sending",
            "error": None,
            "added": None,
        }
        self._feed.tell("state")
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            problem = AppError(f"{safe_name(name)} was not taken in: {error.strerror}. Check the disk.")
            self._end(problem)
            raise problem from error
        return self.folder / safe_name(name)

    def _end(self, problem: BaseException | None = None) -> None:
        assert self._state is not None
        if isinstance(problem, HTTPException):
            self._state["error"] = messages.refusal(problem.detail)
        elif isinstance(problem, ClientDisconnect | CancelledError):
            self._state = None
        elif isinstance(problem, Exception):
            if not isinstance(problem, GlazeError):
                log.error("adding %s", self._state["name"], exc_info=problem)
            self._state["error"] = messages.problem(problem, self.folder)
        self.clean()
        self._busy.release()
        self._feed.tell("state")

    def clean(self) -> None:
        """Remove what is left of files."""
        shutil.rmtree(self.folder, ignore_errors=True)
