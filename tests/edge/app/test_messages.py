"""Errors as the page gets them: data."""

from collections.abc import Iterator
from pathlib import Path

from glaze_edge.app.messages import KINDS, OTHER, problem
from glaze_models.errors import (
    GlazeError,
    ModelError,
    OptionError,
    PictureError,
    Remedy,
    UnreadablePicture,
    WeightsError,
)


def leaves(root: type[GlazeError]) -> Iterator[type[GlazeError]]:
    below = [each for each in root.__subclasses__() if each.__module__ == root.__module__]
    if not below:
        yield root
    for each in below:
        yield from leaves(each)


def test_every_class_of_errors_that_is_raised_has_its_own_kind() -> None:
    assert {*leaves(GlazeError), ModelError} == KINDS.keys()
    assert len(set(KINDS.values())) == len(KINDS)
    assert OTHER not in KINDS.values()


def test_a_class_without_a_kind_has_that_of_its_base() -> None:
    class Truncated(UnreadablePicture): ...

    assert problem(Truncated("art.png is cut off."))["kind"] == "unreadable"
    assert problem(PictureError("art.png is of no use."))["kind"] == OTHER


def test_a_remedy_is_told_as_data(tmp_path: Path) -> None:
    error = WeightsError(f"{tmp_path}/incoming/a.safetensors is damaged.", Remedy("add-weights", "sd1"))
    assert problem(error, tmp_path / "incoming") == {
        "kind": "weights",
        "text": "a.safetensors is damaged.",
        "remedy": {"kind": "add-weights", "subject": "sd1"},
    }


def test_folders_of_the_app_are_left_out(tmp_path: Path) -> None:
    queue, incoming = tmp_path / "queue", tmp_path / "incoming"
    told = problem(UnreadablePicture(f"{queue / 'a1b2' / 'original' / 'a.png'} is damaged."), queue, incoming)
    assert told["text"] == "a.png is damaged."
    given = incoming / "vae.safetensors"
    told = problem(
        OptionError(f"{given} fits two. Which?", Remedy("name-encoder", str(given))), queue, incoming
    )
    assert (told["text"], told["remedy"]) == (
        "vae.safetensors fits two. Which?",
        {"kind": "name-encoder", "subject": "vae.safetensors"},
    )


def test_what_nobody_foresaw_asks_for_a_report() -> None:
    told = problem(ZeroDivisionError("by zero"))
    assert (told["kind"], told["remedy"]) == (OTHER, None)
    assert "ZeroDivisionError: by zero" in told["text"]
    assert "app.log says more; please report it" in told["text"]
