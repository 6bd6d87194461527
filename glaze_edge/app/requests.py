"""What a request holds, or why it is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request

MOST_JSON = 2**16
"""Bytes."""


async def json_of(request: Request) -> dict[str, Any]:
    """The object that a request holds as JSON.

    Raises:
        HTTPException: it holds none, or too much.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415, "Send JSON.")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_JSON:
            raise HTTPException(413, "That is too much.")
    try:
        said = json.loads(body)
    except ValueError:
        raise HTTPException(400, "That is no JSON.") from None
    if not isinstance(said, dict):
        raise HTTPException(400, "That is no JSON object.")
    return said


def number(said: dict[str, Any], name: str) -> int:
    """The number called `name`, rounded.

    Raises:
        HTTPException: there is none, or it is absurd.
    """
    value = said.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e9:
        raise HTTPException(400, f"{name} must be a number.")
    return round(value)


def verb(said: dict[str, Any], verbs: dict[str, Callable[[], Any]], name: str = "do") -> Callable[[], Any]:
    """What is to be called for the word that `name` gives.

    Raises:
        HTTPException: it is none of `verbs`.
    """
    verb = said.get(name)
    if not isinstance(verb, str) or verb not in verbs:
        raise HTTPException(400, f"{name} must be one of {', '.join(verbs)}.")
    return verbs[verb]


def require_room(request: Request, most: int) -> int:
    """The bytes that are announced.

    Raises:
        HTTPException: they are more than `most`.
    """
    announced = request.headers.get("content-length", "0")
    if not announced.isdecimal() or int(announced) > most:
        raise HTTPException(413, f"That is more than {most // 2**20} MB.")
    return int(announced)


async def receive(
    request: Request, path: Path, most: int, on_bytes: Callable[[int], None] = lambda done: None
) -> None:
    """Write the body to `path`, which is new; no more than `most` bytes, whatever was announced.

    Raises:
        HTTPException: it has more.
    """
    done = 0
    with path.open("xb") as file:
        async for chunk in request.stream():
            done += len(chunk)
            if done > most:
                raise HTTPException(413, f"That is more than {most // 2**20} MB.")
            await run_in_threadpool(file.write, chunk)
            on_bytes(done)
