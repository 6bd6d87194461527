"""Errors and results as data for the page, which has its own words for them in each language."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

from glaze_edge.batch import Done
from glaze_edge.figures import Attainment, Visibility
from glaze_edge.settings import Settings
from glaze_models.errors import (
    AlreadyGlazed,
    AppError,
    DeviceError,
    GlazeError,
    ModelError,
    OptionError,
    OutputError,
    Remedy,
    UnreadablePicture,
    UnsupportedPicture,
    WeightsError,
)
from glaze_runtime.weights.catalogue import data_folder, find_encoder

KINDS: dict[type[GlazeError], str] = {
    OptionError: "option",
    UnreadablePicture: "unreadable",
    UnsupportedPicture: "unsupported",
    AlreadyGlazed: "already_glazed",
    OutputError: "output",
    DeviceError: "device",
    ModelError: "model",
    WeightsError: "weights",
    AppError: "app",
}
"""The kind of each class of errors, for which the page has words; a class without one has that of its base."""
OTHER = "other"
"""The kind of an error that nobody foresaw."""
HIDDEN = 0.65
"""The visibility of the most visible place, 1 at the threshold, up to which a change is hardly found."""
SIDE_BY_SIDE = 0.15
"""The share of a picture above the threshold up to which a change is only visible side by side."""


class Problem(TypedDict):
    """What is wrong: the kind of the error, what it says in English, and `glaze_models.errors.Remedy` as data."""

    kind: str
    text: str
    remedy: dict[str, str] | None


def problem(error: Exception, *folders: Path) -> Problem:
    """`error` as data, without the paths of the app's own `folders`, which tell an artist nothing."""
    if not isinstance(error, GlazeError):
        text = (
            f"Something went wrong that should not have ({type(error).__name__}: {error}). "
            f"{log_file()} says more; please report it."
        )
        return {"kind": OTHER, "text": text, "remedy": None}
    text = str(error)
    for folder in folders:
        text = re.sub(rf"{re.escape(str(folder))}[/\\](\w+[/\\](original|glazed)[/\\])?", "", text)
    kind = next((KINDS[base] for base in type(error).__mro__ if base in KINDS), OTHER)
    return {"kind": kind, "text": text, "remedy": _remedy(error.remedy)}


def refusal(text: str, kind: str = "request") -> Problem:
    """A request that cannot be answered, for which the page needs no words of its own."""
    return {"kind": kind, "text": text, "remedy": None}


def _remedy(remedy: Remedy | None) -> dict[str, str] | None:
    return {"kind": remedy.kind, "subject": Path(remedy.subject).name} if remedy else None


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
