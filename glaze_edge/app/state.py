"""The state as the page gets it: plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from glaze_edge import __version__
from glaze_edge.app.feed import Kind
from glaze_edge.app.queue_folder import Item
from glaze_edge.batch import work_units
from glaze_edge.settings import EFFORTS, INTENSITIES
from glaze_models import GENERATORS
from glaze_models.styles import STYLE_NAMES
from glaze_runtime.weights.catalogue import added

if TYPE_CHECKING:
    from glaze_edge.app.studio import Studio

MOST_BYTES = 512 * 2**20
"""Of the file of a picture."""
MOST_PICTURES = 500
ONE_PICTURE = 1024, 1024
"""Height and width that times are told for while nothing waits."""


def snapshot(studio: Studio, kind: Kind) -> dict[str, Any]:
    """All that the page shows, or only what changes from step to step."""
    return _state(studio) if kind == "state" else _progress(studio)


def _state(studio: Studio) -> dict[str, Any]:
    queue, networks = studio.queue, studio.networks
    share, left = _whole(studio)
    waiting = [size(item) for item in queue.items if item.state in ("waiting", "working")]
    return {
        "version": __version__,
        "window": studio.window is not None,
        "device": networks.device,
        "problem": networks.problem,
        "unsaved": queue.problem,
        "run": queue.run,
        "recovered": queue.recovered,
        "settings": {
            "intensity": studio.settings.intensity,
            "effort": studio.settings.effort,
            "style": studio.settings.style,
            "generators": studio.settings.generators,
        },
        "intensities": list(INTENSITIES),
        "efforts": list(EFFORTS),
        "styles": STYLE_NAMES,
        "auto_style": studio.auto_style(),
        "times": _times(studio, waiting or [ONE_PICTURE]),
        "times_for": "queue" if waiting else "picture",
        "share": share,
        "seconds_left": left,
        "pictures": [_picture(studio, item) for item in queue.items],
        "generators": _generators(studio),
        "encoders": _encoders(),
        "adding": studio.checkpoints.state(),
        "limits": {"picture_bytes": MOST_BYTES, "pictures": MOST_PICTURES},
    }


def _progress(studio: Studio) -> dict[str, Any]:
    share, left = _whole(studio)
    items = studio.queue.items
    adding = studio.checkpoints.state()
    return {
        "share": share,
        "seconds_left": left,
        "pictures": {
            item.id: {"share": studio.share(item), "seconds_left": _seconds_left(studio, item)}
            for item in items
            if item.state == "working"
        },
        "audits": {item.id: studio.share(item) for item in items if item.audit == "working"},
        "trying": studio.trying,
        "adding": adding and adding["share"],
    }


def _picture(studio: Studio, item: Item) -> dict[str, Any]:
    result = item.result and {
        **item.result,
        "audit": item.audit,
        "audit_share": studio.share(item) if item.audit == "working" else 0.0,
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
        "share": studio.share(item) if item.state == "working" else 0.0,
        "seconds_left": _seconds_left(studio, item),
        "saved": item.saved,
        "result": result,
    }


def _generators(studio: Studio) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "title": GENERATORS[name].title,
            "kind": choice and choice.kind,
            "encoders": choice.names if choice else (),
            "caveat": GENERATORS[name].caveat,
            "available": choice is not None,
        }
        for name, choice in studio.choices.items()
    ]


def _encoders() -> list[dict[str, Any]]:
    """Those that were added."""
    return [
        {"name": card.name, "stands_for": card.stands_for, "stand_in": card.stand_in}
        for card in added().values()
    ]


def _whole(studio: Studio) -> tuple[float, float | None]:
    """The share of the run that is done, and the seconds that are left."""
    left = sum(_left(studio, item) for item in studio.queue.items if item.state in ("waiting", "working"))
    done = sum(_work(studio, item) for item in studio.queue.items if item.state == "done")
    done += sum(
        _work(studio, item) - _left(studio, item) for item in studio.queue.items if item.state == "working"
    )
    throughput = studio.networks.throughput
    return done / (done + left) if done else 0.0, round(
        throughput.seconds(left), 1
    ) if throughput and left else None


def _seconds_left(studio: Studio, item: Item) -> float | None:
    throughput = studio.networks.throughput
    if throughput is None or item.state not in ("waiting", "working"):
        return None
    return round(throughput.seconds(_left(studio, item)), 1)


def _left(studio: Studio, item: Item) -> float:
    return _work(studio, item) * (1 - (studio.share(item) if item.state == "working" else 0))


def _work(studio: Studio, item: Item) -> float:
    return sum(work_units(size(item), studio.settings))


def _times(studio: Studio, sizes: Sequence[tuple[int, int]]) -> dict[str, float] | None:
    """Seconds that pictures of these sizes take with each effort."""
    throughput = studio.networks.throughput
    if throughput is None:
        return None
    return {
        effort: round(throughput.seconds(sum(sum(work_units(size, settings)) for size in sizes)), 1)
        for effort in EFFORTS
        for settings in [replace(studio.settings, effort=effort)]
    }


def size(item: Item) -> tuple[int, int]:
    """Height and width of a picture; those of ONE_PICTURE while they are not known."""
    return (item.height, item.width) if item.height else ONE_PICTURE
