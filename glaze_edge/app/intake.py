"""Taking pictures in: each is copied, then looked at, before it waits in the queue."""

import logging
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from glaze_edge.app import images, messages
from glaze_edge.app.queue import Queue
from glaze_edge.app.queue_folder import Item, safe_name
from glaze_edge.files import read_picture
from glaze_edge.files.atomic import reason
from glaze_edge.target_style import opaque
from glaze_models.errors import AlreadyGlazed, OptionError, OutputError, PictureError, UnreadablePicture
from glaze_runtime.stylise import LiteStylist

log = logging.getLogger(__name__)

MOST_BYTES = 512 * 2**20
"""Of the file of a picture."""
MOST_PICTURES = 500


class Intake:
    """The way of pictures into `queue`. Those that a crash left unchecked are checked from the start."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._checks = ThreadPoolExecutor(1, "checks")
        for item in queue.items:
            if item.state == "checking":
                self._check_soon(item)

    def close(self) -> None:
        """Check nothing more."""
        self._checks.shutdown(cancel_futures=True)

    @contextmanager
    def admit(self, name: str) -> Iterator[tuple[Item, Path]]:
        """Room for a picture and its file, to be written within the block; `accept` then puts it into the queue.

        Raises:
            OptionError: the queue is full.
            OutputError: there is no room for it.
        """
        item = self._admitted(name)
        try:
            yield item, self._queue.folder.original(item)
        except BaseException:
            self._queue.folder.forget(item)
            raise

    def accept(self, item: Item) -> None:
        """The file of an admitted picture is there: put it into the queue, and look whether it may be glazed."""
        item.bytes = self._queue.folder.original(item).stat().st_size
        self._queue.add(item)
        self._check_soon(item)

    def add_files(self, paths: Sequence[Path]) -> None:
        """Copy files of this computer into the queue: never called with what a page has said.

        Raises:
            OptionError: the queue is full.
            OutputError: there is no room for one.
        """
        for path in paths:
            item = self._admitted(path.name)
            item.origin = str(path)
            try:
                shutil.copyfile(path, self._queue.folder.original(item))
            except OSError as error:
                unreadable = UnreadablePicture(f"{path.name} cannot be read: {error.strerror}.")
                self._queue.add(item)
                self._queue.update(item, state="failed", error=messages.problem(unreadable))
            else:
                self.accept(item)

    def _admitted(self, name: str) -> Item:
        if len(self._queue.items) >= MOST_PICTURES:
            raise OptionError(f"The queue holds {MOST_PICTURES} pictures, and no more. Glaze these first.")
        item = Item(name=safe_name(name))
        try:
            self._queue.folder.admit(item)
        except OSError as error:
            raise OutputError(f"{item.name} was not taken in: {reason(error)}.") from error
        return item

    def _check_soon(self, item: Item) -> None:
        self._checks.submit(self._check, item)

    def _check(self, item: Item) -> None:
        try:
            self._look_at(item)
        except FileNotFoundError:
            log.info("%s was removed while it was checked", item.name)
        except Exception as error:
            if not isinstance(error, PictureError):
                log.exception("check of %s", item.name)
            problem = messages.problem(error, self._queue.folder.path)
            self._queue.update(item, state="failed", error=problem)

    def _look_at(self, item: Item) -> None:
        folder = self._queue.folder
        path = folder.original(item)
        picture = read_picture(path)
        folder.thumb(item).write_bytes(images.thumb(picture))
        height, width = picture.image.shape[:2]
        if picture.glazed:
            self._queue.update(item, width=width, height=height)
            raise AlreadyGlazed(f"{path} is glazed already. Add the original instead.")
        self._queue.update(
            item,
            width=width,
            height=height,
            embedding=[float(n) for n in LiteStylist().embed(opaque(picture))],
            state="waiting",
        )
