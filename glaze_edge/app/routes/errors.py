"""What is answered when something goes wrong: a status, and the problem as data."""

from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from glaze_edge.app.controller import Controller
from glaze_edge.app.messages import Problem, refusal
from glaze_edge.app.queue import NoSuchPicture
from glaze_edge.app.trials import Replaced
from glaze_models.errors import GlazeError

Handler = Callable[[Request, Exception], Awaitable[Response]]

NO_PICTURE = 404, refusal("There is no such picture (any more).")
REFUSALS: dict[type[Exception], tuple[int, Problem]] = {
    NoSuchPicture: NO_PICTURE,
    FileNotFoundError: NO_PICTURE,
    Replaced: (409, refusal("Another spot is tried.", "replaced")),
    ClientDisconnect: (400, refusal("The page went away.")),
}


def handlers(controller: Controller) -> dict[type[Exception], Handler]:
    """The answer to each kind of error."""

    async def refused(request: Request, error: Exception) -> Response:
        return _answer(*next(REFUSALS[kind] for kind in type(error).__mro__ if kind in REFUSALS))

    async def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return _answer(error.status_code, refusal(error.detail))

    async def glaze_error(request: Request, error: Exception) -> Response:
        return _answer(400, controller.problem(error))

    async def unforeseen(request: Request, error: Exception) -> Response:
        return _answer(500, controller.problem(error))

    return {
        **dict.fromkeys(REFUSALS, refused),
        HTTPException: http_error,
        GlazeError: glaze_error,
        Exception: unforeseen,
    }


def _answer(status: int, problem: Problem) -> Response:
    return JSONResponse({"error": problem}, status)
