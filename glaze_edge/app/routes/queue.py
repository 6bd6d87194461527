"""The run, the settings, and the queue as a whole."""

from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from glaze_edge.app.controller import Controller
from glaze_edge.app.requests import json_of, verb
from glaze_edge.app.routes import Routes


async def _settings(controller: Controller, request: Request) -> Response:
    await run_in_threadpool(controller.change, await json_of(request))
    return JSONResponse({})


async def _run(controller: Controller, request: Request) -> Response:
    verbs = {
        "start": controller.start,
        "pause": controller.pause,
        "resume": controller.start,
        "stop": controller.stop,
    }
    await run_in_threadpool(verb(await json_of(request), verbs))
    return JSONResponse({})


async def _queue(controller: Controller, request: Request) -> Response:
    verbs = {"keep": controller.keep, "discard": controller.discard, "clear": controller.clear}
    await run_in_threadpool(verb(await json_of(request), verbs))
    return JSONResponse({})


async def _choose(controller: Controller, request: Request) -> Response:
    said, choosers = await json_of(request), controller.choosers()
    if not choosers:
        raise HTTPException(404, "There is no window of our own.")
    paths = await run_in_threadpool(verb(said, choosers, "what"))
    await run_in_threadpool(controller.add_files, paths)
    return JSONResponse({})


async def _zip(controller: Controller, request: Request) -> Response:
    items = controller.glazed()
    if not items:
        raise HTTPException(404, "Nothing is glazed yet.")
    file = await run_in_threadpool(controller.pack, items)

    def sent() -> None:
        file.unlink(missing_ok=True)
        controller.saved(items)

    return FileResponse(
        file, media_type="application/zip", filename="glazed-pictures.zip", background=BackgroundTask(sent)
    )


async def _save_beside(controller: Controller, request: Request) -> Response:
    await json_of(request)
    written, skipped = await run_in_threadpool(controller.save_beside)
    rows = [{"name": name, **problem} for name, problem in skipped]
    return JSONResponse({"written": [str(path) for path in written], "skipped": rows})


ROUTES: Routes = [
    ("POST", "/settings", _settings),
    ("POST", "/run", _run),
    ("POST", "/queue", _queue),
    ("POST", "/choose", _choose),
    ("GET", "/zip", _zip),
    ("POST", "/save-beside", _save_beside),
]
