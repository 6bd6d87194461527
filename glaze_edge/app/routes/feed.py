"""The state, and news of it as server-sent events."""

import json
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from glaze_edge.app.controller import Controller
from glaze_edge.app.routes import Routes


async def _state(controller: Controller, request: Request) -> Response:
    return JSONResponse(controller.state())


async def _events(controller: Controller, request: Request) -> Response:
    async def lines() -> AsyncIterator[str]:
        async for news in controller.news():
            if news is None:
                yield ":\n\n"
            else:
                yield f"event: {news[0]}\ndata: {json.dumps(news[1])}\n\n"

    return StreamingResponse(lines(), media_type="text/event-stream")


ROUTES: Routes = [
    ("GET", "/state", _state),
    ("GET", "/events", _events),
]
