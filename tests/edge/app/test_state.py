"""The state as the page gets it, made of plain data."""

import json
from typing import Any

from glaze_edge import Settings
from glaze_edge.app.queue_folder import Item
from glaze_edge.app.state import Status, everything, progress
from glaze_edge.app.throughput import Throughput
from glaze_edge.settings import EFFORTS
from glaze_runtime.devices.verdicts import Verdict

SETTINGS = Settings(encoders=("sd1-a",))
SPEED = Verdict(device="cpu", passed=True, reason="", size=512, seconds_per_step=1.0)


def status(*items: Item, **changed: Any) -> Status:
    usual: dict[str, Any] = {
        "items": items,
        "shares": {},
        "run": "idle",
        "settings": SETTINGS,
        "throughput": None,
        "trying": None,
        "adding": None,
    }
    return Status(**usual | changed)


def whole(status: Status) -> dict[str, Any]:
    told = everything(
        status,
        windowed=False,
        device=None,
        problem=None,
        unsaved=None,
        recovered=False,
        auto_style=None,
        choices={"sd1": None},
        encoders=[],
    )
    json.dumps(told)
    return told


def picture(name: str, state: Any, **fields: Any) -> Item:
    return Item(id=name, name=name, state=state, width=512, height=512, **fields)


def test_an_empty_queue_has_nothing_left_and_no_times() -> None:
    told = whole(status())
    assert (told["share"], told["seconds_left"], told["times"], told["times_for"]) == (
        0.0,
        None,
        None,
        "picture",
    )
    assert told["generators"][0]["available"] is False


def test_the_share_and_the_time_are_of_what_is_left() -> None:
    items = picture("done", "done"), picture("half", "working"), picture("next", "waiting")
    speed = Throughput(SPEED, 1)
    now = status(*items, shares={"half": 0.5, "done": 1.0}, throughput=speed)
    told = whole(now)
    assert told["share"] == 0.5
    half, full = (told["pictures"][n]["seconds_left"] for n in (1, 2))
    assert full > half > 0
    assert abs(told["seconds_left"] - half - full) < 0.2
    assert told["times"].keys() == EFFORTS.keys()
    assert told["times"]["quick"] < told["times"]["thorough"]
    assert told["times_for"] == "queue"
    assert [each["seconds_left"] is None for each in told["pictures"]] == [True, False, False]


def test_progress_is_only_of_what_is_at_work() -> None:
    items = picture("half", "working"), picture("next", "waiting"), picture("old", "done", audit="working")
    told = progress(status(*items, shares={"half": 0.5, "old": 0.25}, adding={"share": 0.75}, trying=0.1))
    assert told["pictures"] == {"half": {"share": 0.5, "seconds_left": None}}
    assert told["audits"] == {"old": 0.25}
    assert (told["adding"], told["trying"]) == (0.75, 0.1)
