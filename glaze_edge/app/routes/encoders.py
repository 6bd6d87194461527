"""Encoders from the artist's own checkpoints."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from glaze_edge.app.checkpoints import MOST_BYTES
from glaze_edge.app.controller import Controller
from glaze_edge.app.requests import receive, require_room
from glaze_edge.app.routes import Routes


async def _put(controller: Controller, request: Request) -> Response:
    whole = require_room(request, MOST_BYTES)
    with controller.admit_encoder(request.query_params.get("name", "")) as path:
        await receive(request, path, MOST_BYTES, lambda done: controller.received(done, whole))
        name = await run_in_threadpool(controller.add_encoder, path)
    return JSONResponse({"name": name}, 201)


async def _remove(controller: Controller, request: Request) -> Response:
    await run_in_threadpool(controller.remove_encoder, request.path_params["name"])
    return JSONResponse({})


ROUTES: Routes = [
    ("PUT", "/encoders", _put),
    ("DELETE", "/encoders/{name}", _remove),
]
