"""The trials that the page asks for: one at a time, the newest first, the last few kept."""

from collections.abc import Callable
from pathlib import Path

from glaze_edge.app.networks import Networks
from glaze_edge.app.trial import Trial, try_out
from glaze_edge.files import read_picture
from glaze_edge.settings import Settings

KEPT = 3


class Replaced(Exception):
    """A newer trial has taken the place of this one."""


class Trials:
    """Tries settings on spots of pictures.

    Args:
        networks: what they are tried with.
        settings: gives those of now.
        on_progress: is called after each step.

    Attributes:
        share: of the trial at work that is done; None while there is none.
    """

    def __init__(
        self, networks: Networks, settings: Callable[[], Settings], on_progress: Callable[[], None]
    ) -> None:
        self._networks, self._settings, self._on_progress = networks, settings, on_progress
        self.share: float | None = None
        self._newest: object = None
        self._kept: dict[str, Trial] = {}

    def try_out(self, path: Path, x: int, y: int) -> Trial:
        """Glaze a spot of the picture in a file with the settings of now, quickly.

        Raises:
            Replaced: another trial was begun meanwhile.
            GlazeError: the picture cannot be read, or the networks cannot be loaded.
        """
        self._newest = this = object()

        def tell(share: float) -> None:
            if self._newest is not this:
                raise Replaced
            self.share = share
            self._on_progress()

        picture = read_picture(path)
        with self._networks.lock.urgent():
            tell(0)
            try:
                session = self._networks.session(self._settings())
                trial = try_out(session, picture, x, y, tell)
            finally:
                self.share = None
        self._kept[trial.id] = trial
        for old in list(self._kept)[:-KEPT]:
            del self._kept[old]
        return trial

    def find(self, id: str) -> Trial | None:  # noqa: A002
        """One of the last trials; None if it is none of them."""
        return self._kept.get(id)

    def close(self) -> None:
        """End the one at work."""
        self._newest = None
