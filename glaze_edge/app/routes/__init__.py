"""What the page may ask, by subject; each answers through the controller alone.

pictures  one picture: given, looked at, moved, glazed again, saved
trials    a spot of a picture, glazed within seconds
queue     the run, the settings, and the queue as a whole
encoders  encoders from checkpoints
feed      the state, and news of it
page      the page's own files
errors    what is answered when something goes wrong
"""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from glaze_edge.app.controller import Controller

Handler = Callable[[Controller, Request], Awaitable[Response]]
Routes = list[tuple[str, str, Handler]]
"""(method, path, what answers)."""
