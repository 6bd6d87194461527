"""One picture: given, looked at, moved, glazed again, saved."""

from collections.abc import Callable
from functools import partial

from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from glaze_edge.app.controller import Controller
from glaze_edge.app.intake import MOST_BYTES
from glaze_edge.app.requests import json_of, number, receive, require_room
from glaze_edge.app.routes import Routes
from glaze_edge.app.views import WHATS

REPORT_CSP = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"


async def _put(controller: Controller, request: Request) -> Response:
    require_room(request, MOST_BYTES)
    with controller.admit(request.query_params.get("name", "")) as (item, path):
        await receive(request, path, MOST_BYTES)
    await run_in_threadpool(controller.accept, item)
    return JSONResponse({"id": item.id}, 201)


async def _remove(controller: Controller, request: Request) -> Response:
    await run_in_threadpool(controller.remove, controller.picture(request.path_params["id"]))
    return JSONResponse({})


async def _change(controller: Controller, request: Request) -> Response:
    item, told = controller.picture(request.path_params["id"]), request.path_params["verb"]
    said = await json_of(request)
    verbs: dict[str, Callable[[], None]] = {
        "move": lambda: controller.move(item, number(said, "to")),
        "cancel": partial(controller.cancel, item),
        "again": partial(controller.again, item),
        "audit": partial(controller.audit, item),
    }
    if told not in verbs:
        raise HTTPException(404, f"A picture cannot be told {told!r}.")
    await run_in_threadpool(verbs[told])
    return JSONResponse({})


async def _thumb(controller: Controller, request: Request) -> Response:
    item = controller.picture(request.path_params["id"])
    return Response(await run_in_threadpool(controller.thumb, item), media_type="image/webp")


async def _restyled(controller: Controller, request: Request) -> Response:
    item = controller.picture(request.path_params["id"])
    image = await run_in_threadpool(controller.restyled, item, request.path_params["style"])
    return Response(image, media_type="image/webp")


async def _view(controller: Controller, request: Request) -> Response:
    what = request.path_params["what"]
    if what not in WHATS:
        raise HTTPException(404, f"There is no {what!r} of a picture.")
    item = controller.picture(request.path_params["id"])
    return Response(await run_in_threadpool(controller.view, item, what), media_type="image/png")


async def _file(controller: Controller, request: Request) -> Response:
    item = controller.picture(request.path_params["id"])
    file = controller.result(item)
    return FileResponse(
        file,
        media_type="application/octet-stream",
        filename=file.name,
        background=BackgroundTask(controller.saved, [item]),
    )


async def _report(controller: Controller, request: Request) -> Response:
    item = controller.picture(request.path_params["id"])
    text = await run_in_threadpool(controller.report, item)
    return Response(text, media_type="text/html", headers={"Content-Security-Policy": REPORT_CSP})


ROUTES: Routes = [
    ("PUT", "/pictures", _put),
    ("DELETE", "/pictures/{id}", _remove),
    ("GET", "/pictures/{id}/thumb", _thumb),
    ("GET", "/pictures/{id}/styles/{style}", _restyled),
    ("GET", "/pictures/{id}/file", _file),
    ("GET", "/pictures/{id}/report", _report),
    ("GET", "/pictures/{id}/{what}", _view),
    ("POST", "/pictures/{id}/{verb}", _change),
]
