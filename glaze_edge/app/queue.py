"""The queue: which picture is next, and what becomes of the one at work. All of it may be called from any thread."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from glaze_edge.app.queue_folder import Item, QueueFolder

log = logging.getLogger(__name__)

Run = Literal["idle", "running", "paused"]


class NoSuchPicture(Exception):
    """The queue holds no picture with this id (any more)."""


class Stopped(Exception):
    """What the worker is doing is not wanted any more."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What the worker is to do with a picture."""

    item: Item
    kind: Literal["glaze", "audit"]


class Queue:
    """The pictures in their order, and the run.

    Args:
        folder: where they are kept. Those that a crash left in it are in the queue from the start.
        changed: is called after every change.

    Attributes:
        problem: why the list on disk is out of date; None while it is not.
    """

    def __init__(self, folder: QueueFolder, changed: Callable[[], None]) -> None:
        self.folder = folder
        self._tell = changed
        self._news = threading.Condition(threading.RLock())
        self._items = folder.open()
        self.recovered = bool(self._items)
        self._run: Run = "idle"
        self._closed = False
        self.problem: str | None = None

    @property
    def items(self) -> list[Item]:
        """The pictures, in order."""
        with self._news:
            return list(self._items)

    @property
    def run(self) -> Run:
        """Whether pictures are glazed now."""
        return self._run

    def get(self, id: str) -> Item:  # noqa: A002
        """The picture with this id.

        Raises:
            NoSuchPicture: there is none.
        """
        for item in self.items:
            if item.id == id:
                return item
        raise NoSuchPicture(id)

    def add(self, item: Item) -> None:
        """Append a picture, whose file is in the folder."""
        with self._change():
            self._items.append(item)

    def update(self, item: Item, **fields: Any) -> None:
        """Set fields of a picture."""
        with self._change():
            _set(item, fields)

    def remove(self, item: Item) -> None:
        """Take a picture out; what is at work on it stops."""
        with self._change():
            self._remove(item)

    def clear(self, keep: Callable[[Item], bool]) -> None:
        """Take out all pictures but those to `keep`."""
        with self._change():
            for item in self.items:
                if not keep(item):
                    self._remove(item)

    def move(self, item: Item, to: int) -> None:
        """Give a picture the place number `to`, from 0."""
        with self._change():
            self._items.remove(item)
            self._items.insert(max(0, to), item)

    def cancel(self, item: Item) -> None:
        """A picture that waits or is at work is not to be glazed."""
        if item.state in ("waiting", "working"):
            self.update(item, state="cancelled")

    def again(self, item: Item) -> None:
        """A picture that was checked and is not at work is to be glazed, again."""
        if item.state in ("done", "failed", "cancelled") and item.embedding:
            self.update(item, state="waiting", error=None)

    def audit(self, item: Item) -> None:
        """A result is to be audited."""
        if item.state == "done" and item.audit in ("none", "failed"):
            self.update(item, audit="waiting")

    def start(self) -> None:
        """Glaze all that wait, or go on after a pause."""
        with self._change():
            self._run = "running"

    def pause(self) -> None:
        """Hold the picture at work where it is."""
        with self._change():
            if self._run == "running":
                self._run = "paused"

    def stop(self) -> None:
        """End the run; the picture at work waits again."""
        with self._change():
            self._run = "idle"
            for item in self._items:
                if item.state == "working":
                    item.state = "waiting"

    def keep(self) -> None:
        """The pictures that a crash left are wanted."""
        with self._change():
            self.recovered = False

    def close(self) -> None:
        """Nothing more is wanted: `take` gives None, and what is at work stops."""
        with self._news:
            self._closed = True
            self._news.notify_all()

    def take(self) -> Job | None:
        """The next thing to do, once there is something; None when the queue is closed.

        Audits come first: somebody waits for them.
        """
        with self._news:
            while not self._closed:
                for item in self._items:
                    if item.audit == "waiting" and item.state == "done":
                        self.update(item, audit="working", audit_error=None)
                        return Job(item=item, kind="audit")
                if self._run == "running":
                    for item in self._items:
                        if item.state == "waiting":
                            self.update(item, state="working", error=None)
                            return Job(item=item, kind="glaze")
                    if not any(item.state == "checking" for item in self._items):
                        with self._change():
                            self._run = "idle"
                self._news.wait()
            return None

    def finish(self, job: Job, **fields: Any) -> None:
        """The worker is done with a job; `fields` are the picture's, unless it was stopped meanwhile."""
        with self._change():
            if job.item not in self._items:
                self.folder.forget(job.item)
            elif self._wanted(job):
                _set(job.item, fields)

    @property
    def held(self) -> bool:
        """The worker is to wait."""
        return self._run == "paused" and not self._closed

    def wait_while_held(self, job: Job) -> None:
        """Returns when the pause, or the wish for `job`, has ended."""
        with self._news:
            self._news.wait_for(lambda: not self.held or not self._wanted(job))

    def require_wanted(self, job: Job) -> None:
        """Called between two steps of a job.

        Raises:
            Stopped: it is not wanted any more.
        """
        with self._news:
            if self._closed or not self._wanted(job):
                raise Stopped

    def _remove(self, item: Item) -> None:
        self._items.remove(item)
        if item.state != "working" and item.audit != "working":
            self.folder.forget(item)

    def _wanted(self, job: Job) -> bool:
        state = job.item.state if job.kind == "glaze" else job.item.audit
        return state == "working" and job.item in self._items

    @contextmanager
    def _change(self) -> Iterator[None]:
        try:
            with self._news:
                try:
                    yield
                    self._save()
                finally:
                    self._news.notify_all()
        finally:
            self._tell()

    def _save(self) -> None:
        """The change stands even if the list cannot be saved: only a crash would undo it, and the page says so."""
        if self._closed:
            return
        try:
            self.folder.save(self._items)
        except Exception as error:
            if self.problem is None:
                log.exception("saving the queue")
            self.problem = (isinstance(error, OSError) and error.strerror) or str(error)
        else:
            self.problem = None


def _set(item: Item, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        setattr(item, name, value)
