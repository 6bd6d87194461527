"""A spot of a picture, glazed within seconds."""

from typing import Any

from PIL import Image as PillowImage
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from glaze_edge.app import images, messages
from glaze_edge.app.controller import Controller
from glaze_edge.app.requests import json_of, number
from glaze_edge.app.routes import Routes
from glaze_edge.app.trial import Trial


async def _try(controller: Controller, request: Request) -> Response:
    item = controller.picture(request.path_params["id"])
    said = await json_of(request)
    trial = await run_in_threadpool(controller.try_out, item, number(said, "x"), number(said, "y"))
    return JSONResponse(_data(trial))


def _data(trial: Trial) -> dict[str, Any]:
    return {
        "id": trial.id,
        "left": trial.left,
        "top": trial.top,
        "width": trial.before.width,
        "height": trial.before.height,
        "seconds": round(trial.seconds, 1),
        "style": trial.style,
        "encoders": messages.encoders(trial.figures.encoders),
        "visibility": trial.figures.visibility,
        "seen": messages.seen(trial.figures.visibility),
        "advice": trial.figures.advice,
        "views": list(trial.views),
    }


async def _image(controller: Controller, request: Request) -> Response:
    trial, what = controller.trial(request.path_params["id"]), request.path_params["what"]
    if trial is None or what not in ("before", "after", "difference"):
        raise HTTPException(404, "There is no such picture of a trial (any more).")
    return await _png(getattr(trial, what))


async def _view(controller: Controller, request: Request) -> Response:
    trial, what = controller.trial(request.path_params["id"]), request.path_params["what"]
    view = trial and trial.views.get(request.path_params["encoder"])
    if view is None or what not in ("original", "glazed", "target"):
        raise HTTPException(404, "There is no such view of a trial (any more).")
    return await _png(getattr(view, what))


async def _png(image: PillowImage.Image) -> Response:
    return Response(await run_in_threadpool(images.png, image), media_type="image/png")


ROUTES: Routes = [
    ("POST", "/pictures/{id}/try", _try),
    ("GET", "/tries/{id}/{what}", _image),
    ("GET", "/tries/{id}/ai/{encoder}/{what}", _view),
]
