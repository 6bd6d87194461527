"""Turns: the networks serve one at a time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """The worker has a turn for as long as a picture takes, and gives way between two steps to people who wait for an answer."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.RLock())
        self._busy = False
        self._waiting = 0

    @contextmanager
    def patient(self) -> Iterator[None]:
        """A turn once nobody else has one or waits for one."""
        self._begin()
        try:
            yield
        finally:
            self._end()

    @contextmanager
    def prompt(self) -> Iterator[None]:
        """A turn as soon as whoever has one ends it or gives way."""
        with self._changed:
            self._waiting += 1
            try:
                self._changed.wait_for(lambda: not self._busy)
            finally:
                self._waiting -= 1
            self._busy = True
        try:
            yield
        finally:
            self._end()

    def give_way(self) -> None:
        """Called within a patient turn: those who wait have theirs now."""
        with self._changed:
            if self._waiting:
                self._end()
                self._begin()

    @contextmanager
    def rest(self) -> Iterator[None]:
        """Within a patient turn: a time in which others may have theirs."""
        self._end()
        try:
            yield
        finally:
            self._begin()

    def _begin(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._busy and not self._waiting)
            self._busy = True

    def _end(self) -> None:
        with self._changed:
            self._busy = False
            self._changed.notify_all()
