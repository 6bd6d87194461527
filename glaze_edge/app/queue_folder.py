"""Pictures in the queue, and the folder that keeps them through a crash or a power cut."""

import json
import re
import secrets
import shutil
import unicodedata
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from glaze_edge.app.messages import Problem
from glaze_edge.files.atomic import replacing

State = Literal["checking", "waiting", "working", "done", "failed", "cancelled"]

LONGEST_NAME, LONGEST_SUFFIX = 120, 16
"""Bytes of a file's name that are kept, before and after its last full stop."""
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


@dataclass(kw_only=True)
class Item:
    """A picture in the queue.

    Attributes:
        id: 16 hex digits, ours.
        name: the file's, made safe for every system.
        bytes: of the file.
        width, height: pixels, upright; 0 before it was checked.
        state: what is happening to it.
        error: what is wrong with it.
        embedding: where it lies among styles, 100 numbers; empty before it was checked.
        origin: the artist's own file, where the program was told of it; never by the page.
        result: what was reached (see `glaze_edge.app.messages.result`); None before.
        audit: "none", "waiting", "working", "done" or "failed".
        audit_error: why it failed.
        saved: the artist has a copy of the result.
    """

    id: str = field(default_factory=lambda: secrets.token_hex(8))
    name: str
    bytes: int = 0
    width: int = 0
    height: int = 0
    state: State = "checking"
    error: Problem | None = None
    embedding: list[float] = field(default_factory=list)
    origin: str | None = None
    result: dict[str, Any] | None = None
    audit: str = "none"
    audit_error: Problem | None = None
    saved: bool = False


class QueueFolder:
    """Where the pictures of the queue are kept, one folder a picture, and the list of them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._list = path / "queue.json"

    def open(self) -> list[Item]:
        """The pictures that an earlier run left, after a crash; whatever else it left is removed."""
        items = [item for item in self._read() if self.original(item).is_file()]
        self.path.mkdir(parents=True, exist_ok=True)
        self.path.chmod(0o700)
        kept = {item.id for item in items}
        for entry in self.path.iterdir():
            if entry.is_dir() and entry.name not in kept:
                shutil.rmtree(entry, ignore_errors=True)
            elif entry.is_file() and entry != self._list:
                entry.unlink(missing_ok=True)
        for item in items:
            if item.state in ("checking", "working"):
                item.state = "waiting" if item.embedding else "checking"
            if item.audit in ("waiting", "working"):
                item.audit = "none"
        return items

    def save(self, items: Iterable[Item]) -> None:
        """Remember `items`, for after a crash."""
        with replacing(self._list) as file:
            file.write(json.dumps([asdict(item) for item in items]).encode())

    def admit(self, item: Item) -> Path:
        """Make room for a picture; gives where the file goes."""
        original = self.original(item)
        original.parent.mkdir(mode=0o700, parents=True)
        self.results(item).mkdir(mode=0o700)
        return original

    def original(self, item: Item) -> Path:
        """The picture as it was given."""
        return self.path / item.id / "original" / item.name

    def thumb(self, item: Item) -> Path:
        """The picture, small; there once it was checked."""
        return self.path / item.id / "thumb.webp"

    def results(self, item: Item) -> Path:
        """The folder that the glazed picture goes to."""
        return self.path / item.id / "glazed"

    def result(self, item: Item) -> Path:
        """The glazed picture. There is one."""
        assert item.result is not None
        return self.results(item) / str(item.result["output"])

    def target(self, item: Item) -> Path:
        """The style target of the last run."""
        return self.path / item.id / "target.png"

    def report(self, item: Item) -> Path:
        """The audit's report."""
        return self.path / item.id / "report.html"

    def forget(self, item: Item) -> None:
        """Remove all that is kept of a picture."""
        shutil.rmtree(self.path / item.id, ignore_errors=True)

    def remove(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _read(self) -> list[Item]:
        try:
            items = [Item(**row) for row in json.loads(self._list.read_bytes())]
        except (OSError, ValueError, TypeError):
            return []
        return [
            item
            for item in items
            if re.fullmatch(r"[0-9a-f]{16}", item.id) and item.name == safe_name(item.name)
        ]


def safe_name(name: str) -> str:
    """`name` as the name of a file that every system takes, without any folder."""
    name = unicodedata.normalize("NFC", name).encode("utf-8", "ignore").decode()
    name = re.split(r"[/\\]", name)[-1]
    name = _FORBIDDEN.sub("_", name).strip(" .")
    stem, _, suffix = name.rpartition(".") if "." in name else (name, "", "")
    stem = _shortened(stem, LONGEST_NAME) or "picture"
    suffix = _shortened(suffix, LONGEST_SUFFIX)
    if _RESERVED.match(stem):
        stem = f"_{stem}"
    return f"{stem}.{suffix}" if suffix else stem


def _shortened(text: str, most: int) -> str:
    return text.encode()[:most].decode("utf-8", "ignore").strip(" .")
