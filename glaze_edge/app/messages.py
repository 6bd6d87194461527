"""Errors and results as the page shows them."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from glaze_edge.batch import Done
from glaze_edge.figures import Attainment, Visibility
from glaze_edge.settings import Settings
from glaze_models.errors import (
    AlreadyGlazed,
    GlazeError,
    OutputError,
    UnreadablePicture,
    UnsupportedPicture,
)
from glaze_runtime.weights.catalogue import data_folder, find_encoder

KINDS: dict[type[GlazeError], str] = {
    AlreadyGlazed: "already_glazed",
    UnreadablePicture: "unreadable",
    UnsupportedPicture: "unsupported",
    OutputError: "output",
}
HIDDEN = 0.65
"""The visibility of the most visible place, 1 at the threshold, up to which a change is hardly found."""
SIDE_BY_SIDE = 0.15
"""The share of a picture above the threshold up to which a change is only visible side by side."""


def error(problem: GlazeError, folder: Path) -> dict[str, str]:
    """Kind and text of `problem`, with a picture kept in `folder`, say, whose path tells an artist nothing."""
    kept = re.escape(str(folder)) + r"[/\\]\w+[/\\](original|glazed)[/\\]"
    return {"kind": KINDS.get(type(problem), "other"), "text": re.sub(kept, "", str(problem))}


def unexpected(problem: Exception) -> dict[str, str]:
    """Kind and text of a problem that nobody foresaw; the log has more of it."""
    return {
        "kind": "other",
        "text": f"Something went wrong that should not have ({type(problem).__name__}: {problem}). "
        f"{log_file()} says more; please report it.",
    }


def log_file() -> Path:
    """Where the app writes what nobody foresaw."""
    return data_folder() / "app" / "app.log"


def result(done: Done, settings: Settings) -> dict[str, Any]:
    """What was reached with a picture."""
    return {
        "output": done.destination.name,
        "bytes": done.destination.stat().st_size,
        "style": done.style,
        "intensity": settings.intensity,
        "effort": settings.effort,
        "seconds": round(done.seconds, 1),
        "advice": done.figures.advice,
        "encoders": encoders(done.figures.encoders),
        "visibility": dict(done.figures.visibility),
        "seen": seen(done.figures.visibility),
    }


def encoders(rows: Sequence[Attainment]) -> list[dict[str, Any]]:
    """Attainments, with the generators that each encoder stands for, and whether it is a stand-in."""
    cards = [find_encoder(row["encoder"]) for row in rows]
    return [
        {**row, "stands_for": card.stands_for, "stand_in": card.stand_in}
        for row, card in zip(rows, cards, strict=True)
    ]


def seen(visibility: Visibility) -> str:
    """ "hidden", "side_by_side" or "visible": how a change shows."""
    if visibility["peak"] <= HIDDEN:
        return "hidden"
    return "side_by_side" if visibility["share_above"] <= SIDE_BY_SIDE else "visible"
