"""The server: what the page may ask, put together. Nothing of a request is ever used as a path or an address."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from glaze_edge.app.controller import Controller
from glaze_edge.app.routes import Handler, encoders, errors, feed, page, pictures, queue, trials

ROUTES = [
    *page.ROUTES,
    *feed.ROUTES,
    *trials.ROUTES,
    *pictures.ROUTES,
    *queue.ROUTES,
    *encoders.ROUTES,
]
"""The first one that fits answers: a try is no other change of a picture."""


def make_app(controller: Controller, end: Callable[[], None]) -> Starlette:
    """The app, to be put behind a `Guard`; `end` ends the program."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        controller.open()
        yield
        await run_in_threadpool(controller.close)

    def route(method: str, path: str, handler: Handler) -> Route:
        async def endpoint(request: Request) -> Response:
            return await handler(controller, request)

        return Route(path, endpoint, methods=[method])

    async def end_it(controller: Controller, request: Request) -> Response:
        end()
        return JSONResponse({})

    return Starlette(
        routes=[route(*each) for each in [*ROUTES, ("POST", "/quit", end_it)]],
        lifespan=lifespan,
        exception_handlers=errors.handlers(controller),
    )
