"""A lock with two priorities: the networks serve one thread at a time, and people who wait come first."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class PriorityLock:
    """The worker holds it in the background for as long as a picture takes, and gives way between two steps."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.RLock())
        self._held = False
        self._urgent = 0

    @contextmanager
    def background(self) -> Iterator[None]:
        """Hold it once nobody else does or waits urgently."""
        self._acquire()
        try:
            yield
        finally:
            self._release()

    @contextmanager
    def urgent(self) -> Iterator[None]:
        """Hold it as soon as whoever does ends or gives way."""
        with self._changed:
            self._urgent += 1
            try:
                self._changed.wait_for(lambda: not self._held)
            finally:
                self._urgent -= 1
            self._held = True
        try:
            yield
        finally:
            self._release()

    def give_way(self) -> None:
        """Called while it is held in the background: let those who wait urgently have it first."""
        with self._changed:
            if self._urgent:
                self._release()
                self._acquire()

    @contextmanager
    def released(self) -> Iterator[None]:
        """Within `background`: a time in which others may hold it."""
        self._release()
        try:
            yield
        finally:
            self._acquire()

    def _acquire(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._held and not self._urgent)
            self._held = True

    def _release(self) -> None:
        with self._changed:
            self._held = False
            self._changed.notify_all()
