"""The state as the page gets it: plain data, made of plain data."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from glaze_edge import __version__
from glaze_edge.app.intake import MOST_BYTES, MOST_PICTURES
from glaze_edge.app.messages import Problem
from glaze_edge.app.queue import Run
from glaze_edge.app.queue_folder import Item
from glaze_edge.app.throughput import Throughput
from glaze_edge.batch import work_units
from glaze_edge.generators import Choice
from glaze_edge.settings import EFFORTS, INTENSITIES, Settings
from glaze_models import GENERATORS
from glaze_models.styles import STYLE_NAMES

ONE_PICTURE = 1024, 1024
"""Height and width that times are told for while nothing waits."""


@dataclass(frozen=True, kw_only=True)
class Status:
    """How things are at the moment.

    Attributes:
        items: the queue, in order.
        shares: of the jobs that are done, by the pictures' ids.
        run: whether pictures are glazed.
        settings: those for the next picture, with their encoders.
        throughput: of the networks, once they were loaded.
        trying: the share of the trial at work that is done.
        adding: the checkpoint that is or was last added.
    """

    items: Sequence[Item]
    shares: Mapping[str, float]
    run: Run
    settings: Settings
    throughput: Throughput | None
    trying: float | None
    adding: Mapping[str, Any] | None

    def share(self, item: Item) -> float:
        """How much of what is at work on a picture is done."""
        return self.shares.get(item.id, 0.0)

    def left(self, item: Item) -> float:
        """Units of work that are left of a picture."""
        return self.units(item) * (1 - (self.share(item) if item.state == "working" else 0))

    def units(self, item: Item) -> float:
        """Units of work of a picture."""
        return sum(work_units(size(item), self.settings))

    def seconds_left(self, item: Item) -> float | None:
        """How long a picture will take; None where that is not known, or it is not to be glazed."""
        if self.throughput is None or item.state not in ("waiting", "working"):
            return None
        return round(self.throughput.seconds(self.left(item)), 1)

    def whole(self) -> dict[str, float | None]:
        """The share of the run that is done, and the seconds that are left."""
        at_work = [item for item in self.items if item.state in ("waiting", "working")]
        left = sum(map(self.left, at_work))
        done = sum(self.units(item) for item in self.items if item.state == "done")
        done += sum(self.units(item) - self.left(item) for item in at_work)
        seconds = round(self.throughput.seconds(left), 1) if self.throughput and left else None
        return {"share": done / (done + left) if done else 0.0, "seconds_left": seconds}

    def seconds_by_effort(self, sizes: Sequence[tuple[int, int]]) -> dict[str, float] | None:
        """How long pictures of these sizes take with each effort; None where that is not known."""
        if self.throughput is None:
            return None
        efforts = {effort: replace(self.settings, effort=effort) for effort in EFFORTS}
        return {
            effort: round(self.throughput.seconds(sum(sum(work_units(each, settings)) for each in sizes)), 1)
            for effort, settings in efforts.items()
        }


def progress(status: Status) -> dict[str, Any]:
    """What changes from step to step."""
    return {
        **status.whole(),
        "pictures": {
            item.id: {"share": status.share(item), "seconds_left": status.seconds_left(item)}
            for item in status.items
            if item.state == "working"
        },
        "audits": {item.id: status.share(item) for item in status.items if item.audit == "working"},
        "trying": status.trying,
        "adding": status.adding and status.adding["share"],
    }


def everything(
    status: Status,
    *,
    windowed: bool,
    device: str | None,
    problem: Problem | None,
    unsaved: str | None,
    recovered: bool,
    auto_style: str | None,
    choices: Mapping[str, Choice | None],
    encoders: Iterable[Mapping[str, Any]],
) -> dict[str, Any]:
    """All that the page shows.

    Args:
        status: how things are.
        windowed: the app has a window of its own.
        device: the name of the one that the networks are on.
        problem: why they cannot be loaded.
        unsaved: why the queue cannot be saved.
        recovered: a crash left pictures, and nobody has said yet whether they are wanted.
        auto_style: what the style `auto` stands for.
        choices: what each generator would use.
        encoders: those that were added.
    """
    settings = status.settings
    waiting = [size(item) for item in status.items if item.state in ("waiting", "working")]
    return {
        "version": __version__,
        "window": windowed,
        "device": device,
        "problem": problem,
        "unsaved": unsaved,
        "run": status.run,
        "recovered": recovered,
        "settings": {
            "intensity": settings.intensity,
            "effort": settings.effort,
            "style": settings.style,
            "generators": settings.generators,
        },
        "intensities": list(INTENSITIES),
        "efforts": list(EFFORTS),
        "styles": STYLE_NAMES,
        "auto_style": auto_style,
        "times": status.seconds_by_effort(waiting or [ONE_PICTURE]),
        "times_for": "queue" if waiting else "picture",
        **status.whole(),
        "pictures": [_picture(status, item) for item in status.items],
        "generators": [_generator(name, choice) for name, choice in choices.items()],
        "encoders": list(encoders),
        "adding": status.adding,
        "limits": {"picture_bytes": MOST_BYTES, "pictures": MOST_PICTURES},
    }


def _picture(status: Status, item: Item) -> dict[str, Any]:
    result = item.result and {
        **item.result,
        "audit": item.audit,
        "audit_share": status.share(item) if item.audit == "working" else 0.0,
        "audit_error": item.audit_error,
    }
    return {
        "id": item.id,
        "name": item.name,
        "bytes": item.bytes,
        "width": item.width,
        "height": item.height,
        "state": item.state,
        "error": item.error,
        "share": status.share(item) if item.state == "working" else 0.0,
        "seconds_left": status.seconds_left(item),
        "saved": item.saved,
        "result": result,
    }


def _generator(name: str, choice: Choice | None) -> dict[str, Any]:
    return {
        "name": name,
        "title": GENERATORS[name].title,
        "kind": choice and choice.kind,
        "encoders": choice.names if choice else (),
        "caveat": GENERATORS[name].caveat,
        "available": choice is not None,
    }


def size(item: Item) -> tuple[int, int]:
    """Height and width of a picture; those of ONE_PICTURE while they are not known."""
    return (item.height, item.width) if item.height else ONE_PICTURE
