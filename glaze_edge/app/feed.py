"""News for the pages that are open: threads tell, pages hear."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, Literal

Kind = Literal["state", "progress"]

SHORTEST = 0.25
"""Seconds between two pieces of news."""
SIGN_OF_LIFE = 15.0
"""Seconds after which a page that heard nothing hears that the connection lives."""


class Feed:
    """Pages are told that something has changed, not what: whoever was slow gets the newest, and nothing piles up."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listeners: set[asyncio.Event] = set()
        self._states = 0
        self._closed = False

    def start(self) -> None:
        """Called in the event loop that serves the pages."""
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        """Ends every `listen`."""
        self._closed = True
        self._wake()

    def tell(self, kind: Kind) -> None:
        """The state, or only the progress in it, is another now. From any thread."""
        if kind == "state":
            self._states += 1
        self._wake()

    async def listen(
        self, news: Callable[[Kind], dict[str, Any]]
    ) -> AsyncIterator[tuple[Kind, dict[str, Any]] | None]:
        """The state, then whatever is new; None as a sign of life."""
        event = asyncio.Event()
        self._listeners.add(event)
        seen = -1
        try:
            while not self._closed:
                kind: Kind = "progress" if seen == self._states else "state"
                seen = self._states
                yield kind, news(kind)
                await asyncio.sleep(SHORTEST)
                while not self._closed and not await _heard(event):
                    yield None
                event.clear()
        finally:
            self._listeners.discard(event)

    def _wake(self) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens
                self._loop.call_soon_threadsafe(self._ring)

    def _ring(self) -> None:
        for event in self._listeners:
            event.set()


async def _heard(event: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(SIGN_OF_LIFE):
            await event.wait()
    except TimeoutError:
        return False
    return True
