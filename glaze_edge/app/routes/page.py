"""The page's own files: only these can be asked for."""

from functools import cache
from importlib.resources import files
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from glaze_edge.app.controller import Controller
from glaze_edge.app.routes import Routes

MEDIA_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}


async def _file(controller: Controller, request: Request) -> Response:
    name = request.path_params.get("name", "index.html")
    if name not in _page():
        raise HTTPException(404, f"There is no {name!r}.")
    return Response(_page()[name], media_type=MEDIA_TYPES[Path(name).suffix])


@cache
def _page() -> dict[str, bytes]:
    """The files by their names."""
    found: dict[str, bytes] = {}
    folders = [("", files("glaze_edge.app") / "page")]
    while folders:
        prefix, folder = folders.pop()
        for entry in folder.iterdir():
            if entry.is_dir():
                folders.append((f"{prefix}{entry.name}/", entry))
            elif Path(entry.name).suffix in MEDIA_TYPES:
                found[prefix + entry.name] = entry.read_bytes()
    return found


ROUTES: Routes = [
    ("GET", "/", _file),
    ("GET", "/page/{name:path}", _file),
]
