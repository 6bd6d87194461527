"""The networks in use, and how fast they are."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from weakref import WeakSet

from glaze_edge.api import Session
from glaze_edge.app import messages
from glaze_edge.app.priority_lock import PriorityLock
from glaze_edge.app.throughput import Throughput
from glaze_edge.settings import Settings
from glaze_models.errors import GlazeError
from glaze_runtime.weights.catalogue import find_encoder

log = logging.getLogger(__name__)


class Networks:
    """The networks for the encoders that were asked for last. `session` is called while `lock` is held.

    Attributes:
        lock: held by the one thread that uses them.
        throughput: how fast they are; None before they were loaded.
        problem: why they cannot be loaded; None where they can.
    """

    def __init__(self) -> None:
        self.lock = PriorityLock()
        self.throughput: Throughput | None = None
        self.problem: messages.Problem | None = None
        self._session: Session | None = None
        self._given: WeakSet[Session] = WeakSet()

    @property
    def device(self) -> str | None:
        """The name of the device they are on; None before they were loaded."""
        session = self._session
        return session.device.name if session else None

    def load(self, settings: Callable[[], Settings]) -> None:
        """Load the networks that are needed first, so that nobody waits for them later; `problem` says why not."""
        with suppress(Exception):
            with self._problem_kept():
                wanted = settings()
            self.session(wanted)

    def session(self, settings: Settings) -> Session:
        """A session with `settings`, which name their encoders.

        Raises:
            GlazeError: the networks cannot be loaded.
        """
        with self._problem_kept():
            cards = [find_encoder(name) for name in settings.encoders]
            if self._session is None or [each.card for each in self._session.encoders] != cards:
                self._release()  # before the next ones are loaded: both may not fit into memory
                self._session = self.throughput = None
                session = Session(replace(settings, style="auto"))
                self.throughput = Throughput(session.verdict(), len(session.encoders))
                self._session = session
        session = self._session.retuned(settings)
        self._given.add(session)
        return session

    def resume(self, session: Session, throughput: Throughput | None) -> None:
        """Whoever gave way goes on with its own `session`; networks that took the place of its own are let go of."""
        if self._session is None or self._session.encoders is not session.encoders:
            self._release()
            self._session, self.throughput = session, throughput

    def _release(self) -> None:
        for session in (*self._given, *filter(None, [self._session])):
            session.release()

    @contextmanager
    def _problem_kept(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if not isinstance(error, GlazeError):
                log.exception("loading the networks")
            self.problem = messages.problem(error)
            raise
        self.problem = None
