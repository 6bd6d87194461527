"""The networks in use, and how fast they are."""

from dataclasses import replace

from glaze_edge.api import Session
from glaze_edge.app import words
from glaze_edge.app.pace import Pace
from glaze_edge.app.turns import Turns
from glaze_edge.settings import Settings
from glaze_models.errors import GlazeError


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

    @property
    def device(self) -> str | None:
        """The name of the device they are on; None before they were loaded."""
        session = self._session
        return session.device.name if session else None

    def session(self, settings: Settings) -> Session:
        """A session with `settings`.

        Raises:
            GlazeError: the networks cannot be loaded.
        """
        if self._session is None or self._session.settings.encoders != settings.encoders:
            self._session = self.pace = None  # before the next ones are loaded: both may not fit into memory
            try:
                session = Session(replace(settings, style="auto"))
                self.pace = Pace(session.verdict(), len(session.encoders))
            except GlazeError as error:
                self.problem = str(error)
                raise
            except Exception as error:
                self.problem = words.unexpected(error)["text"]
                raise
            self._session, self.problem = session, None
        return self._session.retuned(settings)
