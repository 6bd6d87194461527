"""What the page may ask, and the answers. Nothing of a request is ever used as a path or an address."""

import json
import tempfile
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from glaze_edge.app import images, messages
from glaze_edge.app.checkpoints import MOST_BYTES as MOST_CHECKPOINT_BYTES
from glaze_edge.app.queue import NoSuchPicture
from glaze_edge.app.queue_folder import Item
from glaze_edge.app.requests import json_of, number, receive, require_room, verb
from glaze_edge.app.state import MOST_BYTES
from glaze_edge.app.studio import Replaced, Studio
from glaze_edge.app.trial import Trial
from glaze_edge.files.paths import distinct
from glaze_models.errors import GlazeError

KINDS = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}
REPORT_CSP = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
Handler = Callable[[Studio, Request], Awaitable[Response]]


def make_app(studio: Studio, end: Callable[[], None]) -> Starlette:
    """The app, to be put behind a `Guard`; `end` ends the program."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        studio.open()
        yield
        await run_in_threadpool(studio.close)

    def route(path: str, handler: Handler, method: str = "GET") -> Route:
        async def endpoint(request: Request) -> Response:
            return await handler(studio, request)

        return Route(path, endpoint, methods=[method])

    async def end_it(studio: Studio, request: Request) -> Response:
        end()
        return JSONResponse({})

    async def glaze_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, GlazeError)
        return _error(400, messages.problem(error, studio.queue.folder.path, studio.checkpoints.folder))

    page = _page()

    async def static(studio: Studio, request: Request) -> Response:
        name = request.path_params.get("name", "index.html")
        if name not in page:
            raise HTTPException(404, f"There is no {name!r}.")
        return Response(page[name], media_type=KINDS[Path(name).suffix])

    return Starlette(
        routes=[
            route("/", static),
            route("/page/{name:path}", static),
            route("/state", _state),
            route("/events", _events),
            route("/pictures", _put_picture, "PUT"),
            route("/pictures/{id}", _remove_picture, "DELETE"),
            route("/pictures/{id}/thumb", _thumb),
            route("/pictures/{id}/styles/{style}", _restyled),
            route("/pictures/{id}/file", _file),
            route("/pictures/{id}/report", _report),
            route("/pictures/{id}/{what}", _view),
            route("/pictures/{id}/{verb}", _change_picture, "POST"),
            route("/tries/{id}/{what}", _trial_image),
            route("/tries/{id}/ai/{encoder}/{what}", _trial_view),
            route("/settings", _settings, "POST"),
            route("/run", _run, "POST"),
            route("/queue", _queue, "POST"),
            route("/zip", _zip),
            route("/encoders", _put_encoder, "PUT"),
            route("/encoders/{name}", _remove_encoder, "DELETE"),
            route("/choose", _choose, "POST"),
            route("/save-beside", _save_beside, "POST"),
            route("/quit", end_it, "POST"),
        ],
        lifespan=lifespan,
        exception_handlers={
            GlazeError: glaze_error,
            HTTPException: _http_error,
            NoSuchPicture: _no_picture,
            FileNotFoundError: _no_picture,
            Replaced: _replaced,
            ClientDisconnect: _gone,
            Exception: _unexpected,
        },
    )


# The state


async def _state(studio: Studio, request: Request) -> Response:
    return JSONResponse(studio.state())


async def _events(studio: Studio, request: Request) -> Response:
    async def lines() -> AsyncIterator[str]:
        async for news in studio.feed.listen(studio.state):
            if news is None:
                yield ":\n\n"
            else:
                yield f"event: {news[0]}\ndata: {json.dumps(news[1])}\n\n"

    return StreamingResponse(lines(), media_type="text/event-stream")


# Pictures


async def _put_picture(studio: Studio, request: Request) -> Response:
    require_room(request, MOST_BYTES)
    item = studio.admit(request.query_params.get("name", ""))
    try:
        await receive(request, studio.queue.folder.original(item), MOST_BYTES)
    except BaseException:
        studio.queue.folder.forget(item)
        raise
    await run_in_threadpool(studio.accept, item)
    return JSONResponse({"id": item.id}, 201)


async def _remove_picture(studio: Studio, request: Request) -> Response:
    await run_in_threadpool(studio.queue.remove, _item(studio, request))
    return JSONResponse({})


async def _thumb(studio: Studio, request: Request) -> Response:
    thumb = studio.queue.folder.thumb(_item(studio, request))
    return Response(await run_in_threadpool(thumb.read_bytes), media_type="image/webp")


async def _restyled(studio: Studio, request: Request) -> Response:
    image = await run_in_threadpool(studio.restyled, _item(studio, request), request.path_params["style"])
    return Response(image, media_type="image/webp")


async def _view(studio: Studio, request: Request) -> Response:
    what = request.path_params["what"]
    if what not in ("original", "glazed", "difference", "target"):
        raise HTTPException(404, f"There is no {what!r} of a picture.")
    return _png(await run_in_threadpool(studio.view, _item(studio, request), what))


async def _file(studio: Studio, request: Request) -> Response:
    item = _item(studio, request)
    if item.result is None:
        raise HTTPException(404, f"{item.name} is not glazed.")

    def saved() -> None:
        studio.queue.update(item, saved=True)

    return FileResponse(
        studio.queue.folder.result(item),
        media_type="application/octet-stream",
        filename=item.result["output"],
        background=BackgroundTask(saved),
    )


async def _report(studio: Studio, request: Request) -> Response:
    report = studio.queue.folder.report(_item(studio, request))
    text = await run_in_threadpool(report.read_bytes)
    return Response(text, media_type="text/html", headers={"Content-Security-Policy": REPORT_CSP})


async def _change_picture(studio: Studio, request: Request) -> Response:
    item, told = _item(studio, request), request.path_params["verb"]
    said = await json_of(request)
    match told:
        case "try":
            trial = await run_in_threadpool(studio.try_out, item, number(said, "x"), number(said, "y"))
            return JSONResponse(_trial(trial))
        case "move":
            await run_in_threadpool(studio.queue.move, item, number(said, "to"))
        case "cancel":
            await run_in_threadpool(studio.queue.cancel, item)
        case "again":
            await run_in_threadpool(studio.queue.again, item)
        case "audit":
            await run_in_threadpool(studio.queue.audit, item)
        case _:
            raise HTTPException(404, f"A picture cannot be told {told!r}.")
    return JSONResponse({})


# Trials


def _trial(trial: Trial) -> dict[str, Any]:
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


async def _trial_image(studio: Studio, request: Request) -> Response:
    trial, what = studio.trial(request.path_params["id"]), request.path_params["what"]
    if trial is None or what not in ("before", "after", "difference"):
        raise HTTPException(404, "There is no such picture of a trial (any more).")
    return _png(await run_in_threadpool(lambda: images.png(getattr(trial, what))))


async def _trial_view(studio: Studio, request: Request) -> Response:
    trial, what = studio.trial(request.path_params["id"]), request.path_params["what"]
    view = trial and trial.views.get(request.path_params["encoder"])
    if view is None or what not in ("original", "glazed", "target"):
        raise HTTPException(404, "There is no such view of a trial (any more).")
    return _png(await run_in_threadpool(lambda: images.png(getattr(view, what))))


# Settings, the run, the queue


async def _settings(studio: Studio, request: Request) -> Response:
    await run_in_threadpool(studio.change, await json_of(request))
    return JSONResponse({})


async def _run(studio: Studio, request: Request) -> Response:
    await run_in_threadpool(
        verb(
            await json_of(request),
            {
                "start": studio.start,
                "pause": studio.queue.pause,
                "resume": studio.start,
                "stop": studio.queue.stop,
            },
        )
    )
    return JSONResponse({})


async def _queue(studio: Studio, request: Request) -> Response:
    await run_in_threadpool(
        verb(
            await json_of(request),
            {
                "keep": studio.queue.keep,
                "discard": studio.discard,
                "clear": studio.clear,
            },
        )
    )
    return JSONResponse({})


# Results


async def _zip(studio: Studio, request: Request) -> Response:
    items = [item for item in studio.queue.items if item.result]
    if not items:
        raise HTTPException(404, "Nothing is glazed yet.")
    file = await run_in_threadpool(_pack, studio, items)

    def saved() -> None:
        file.unlink(missing_ok=True)
        for item in items:
            studio.queue.update(item, saved=True)

    return FileResponse(
        file, media_type="application/zip", filename="glazed-pictures.zip", background=BackgroundTask(saved)
    )


def _pack(studio: Studio, items: list[Item]) -> Path:
    with (
        tempfile.NamedTemporaryFile(dir=studio.queue.folder.path, suffix=".zip", delete=False) as file,
        zipfile.ZipFile(file, "w") as archive,
    ):
        results = [studio.queue.folder.result(item) for item in items]
        for result, name in zip(results, distinct([Path(result.name) for result in results]), strict=True):
            archive.write(result, name)
    return Path(file.name)


async def _choose(studio: Studio, request: Request) -> Response:
    said = await json_of(request)
    window = studio.window
    if window is None:
        raise HTTPException(404, "There is no window of our own.")
    paths = await run_in_threadpool(
        verb(said, {"pictures": window.choose_pictures, "folder": window.choose_folder}, "what")
    )
    await run_in_threadpool(studio.add_files, paths)
    return JSONResponse({})


async def _save_beside(studio: Studio, request: Request) -> Response:
    await json_of(request)
    written, skipped = await run_in_threadpool(studio.save_beside)
    rows = [{"name": name, **problem} for name, problem in skipped]
    return JSONResponse({"written": [str(path) for path in written], "skipped": rows})


# Encoders


async def _put_encoder(studio: Studio, request: Request) -> Response:
    whole = require_room(request, MOST_CHECKPOINT_BYTES)
    path = studio.checkpoints.begin(request.query_params.get("name", ""))
    try:
        await receive(request, path, MOST_CHECKPOINT_BYTES, lambda done: studio.checkpoints.tell(done, whole))
        name = await run_in_threadpool(studio.add_encoder, path)
    except BaseException as error:
        studio.checkpoints.end(error)
        raise
    studio.checkpoints.end()
    return JSONResponse({"name": name}, 201)


async def _remove_encoder(studio: Studio, request: Request) -> Response:
    await run_in_threadpool(studio.remove_encoder, request.path_params["name"])
    return JSONResponse({})


# Requests and errors


def _item(studio: Studio, request: Request) -> Item:
    return studio.queue.get(request.path_params["id"])


def _page() -> dict[str, bytes]:
    """The files of the page by their names: only these can be asked for."""
    found: dict[str, bytes] = {}
    folders = [("", files("glaze_edge.app") / "page")]
    while folders:
        prefix, folder = folders.pop()
        for entry in folder.iterdir():
            if entry.is_dir():
                folders.append((f"{prefix}{entry.name}/", entry))
            elif Path(entry.name).suffix in KINDS:
                found[prefix + entry.name] = entry.read_bytes()
    return found


def _png(content: bytes) -> Response:
    return Response(content, media_type="image/png")


def _error(status: int, problem: messages.Problem) -> Response:
    return JSONResponse({"error": problem}, status)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _error(error.status_code, messages.refusal(error.detail))


async def _no_picture(request: Request, error: Exception) -> Response:
    return _error(404, messages.refusal("There is no such picture (any more)."))


async def _replaced(request: Request, error: Exception) -> Response:
    return _error(409, messages.refusal("Another spot is tried.", "replaced"))


async def _gone(request: Request, error: Exception) -> Response:
    return _error(400, messages.refusal("The page went away."))


async def _unexpected(request: Request, error: Exception) -> Response:
    assert isinstance(error, Exception)
    return _error(500, messages.problem(error))
