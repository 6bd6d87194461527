"""The networks in use, and how fast they are."""

from dataclasses import replace
from weakref import WeakSet

from glaze_edge.api import Session
from glaze_edge.app import words
from glaze_edge.app.pace import Pace
from glaze_edge.app.turns import Turns
from glaze_edge.settings import Settings
from glaze_models.errors import GlazeError
from glaze_runtime.weights.catalogue import find_encoder


class Networks:
    """The networks for the encoders that were asked for last. `session` is called within a turn.

    Attributes:
        turns: whose turn it is to use them.
        pace: how fast they are; None before they were loaded.
        problem: why they cannot be loaded; None where they can.
    """

    def __init__(self) -> None:
        self.turns = Turns()
        self.pace: Pace | None = None
        self.problem: str | None = None
        self._session: Session | None = None
        self._given: WeakSet[Session] = WeakSet()

    @property
    def device(self) -> str | None:
        """The name of the device they are on; None before they were loaded."""
        session = self._session
        return session.device.name if session else None

    def session(self, settings: Settings) -> Session:
        """A session with `settings`, which name their encoders.

        Raises:
            GlazeError: the networks cannot be loaded.
        """
        try:
            cards = [find_encoder(name) for name in settings.encoders]
            if self._session is None or [each.card for each in self._session.encoders] != cards:
                self._release()  # before the next ones are loaded: both may not fit into memory
                self._session = self.pace = None
                session = Session(replace(settings, style="auto"))
                self.pace = Pace(session.verdict(), len(session.encoders))
                self._session = session
        except GlazeError as error:
            self.problem = str(error)
            raise
        except Exception as error:
            self.problem = words.unexpected(error)["text"]
            raise
        self.problem = None
        session = self._session.retuned(settings)
        self._given.add(session)
        return session

    def resume(self, session: Session, pace: Pace | None) -> None:
        """Whoever gave way goes on with its own `session`; the networks that took the place of its own are let go of."""
        if self._session is None or self._session.encoders is not session.encoders:
            self._release()
            self._session, self.pace = session, pace

    def _release(self) -> None:
        for session in (*self._given, *filter(None, [self._session])):
            session.release()
