"""Batches: what is written when, and how progress is told."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from glaze_edge import Session, Settings, batch
from glaze_edge.batch import Done, Failed, Order, glaze_all
from glaze_edge.files import read_picture


@pytest.fixture(scope="module")
def session() -> Session:
    return Session(Settings(effort="quick", device="cpu", style="blue-wave"))


def picture(path: Path, size: tuple[int, int] = (96, 64)) -> Path:
    coarse = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    Image.fromarray(coarse).resize(size).save(path)
    return path


def test_a_result_is_on_disk_when_it_is_given(tmp_path: Path, session: Session) -> None:
    order = Order(pictures=[picture(tmp_path / "a.png"), picture(tmp_path / "b.png")])
    outcomes = glaze_all(session, order)
    first = next(outcomes)
    assert isinstance(first, Done)
    assert first.destination.exists()
    assert not (tmp_path / "b-glazed.png").exists()
    outcomes.close()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a-glazed.png", "a.png", "b.png"]


def test_progress_rises_from_0_to_1_with_the_work(tmp_path: Path, session: Session) -> None:
    small, large = picture(tmp_path / "small.png"), picture(tmp_path / "large.png", (192, 128))
    told: list[tuple[str, float]] = []
    outcomes = glaze_all(
        session, Order(pictures=[small, large]), lambda p, share: told.append((p.name, share))
    )
    assert all(isinstance(outcome, Done) for outcome in outcomes)
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] == pytest.approx(1)
    assert max(share for name, share in told if name == "small.png") == pytest.approx(0.2, abs=0.01)


def test_what_cannot_be_decoded_fails_alone(tmp_path: Path, session: Session) -> None:
    whole = picture(tmp_path / "whole.jpg")
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(whole.read_bytes()[:-400])
    outcomes = list(glaze_all(session, Order(pictures=[cut, whole])))
    assert [type(outcome) for outcome in outcomes] == [Failed, Done]
    assert [outcome.source for outcome in outcomes] == [cut, whole]
    assert not (tmp_path / "cut-glazed.jpg").exists()


class Counted:
    """A function that counts its calls by their first argument."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function, self.calls = function, Counter[object]()

    def __call__(self, *arguments: Any) -> Any:
        self.calls[arguments[0]] += 1
        return self.function(*arguments)


def test_nothing_is_computed_twice(tmp_path: Path, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = [picture(tmp_path / name) for name in ("a.png", "b.png")]
    read, parts = Counted(read_picture), Counted(batch.work_units)
    monkeypatch.setattr(batch, "read_picture", read)
    monkeypatch.setattr(batch, "work_units", parts)
    auto = session.retuned(replace(session.settings, style="auto"))
    done = list(glaze_all(auto, Order(pictures=sources)))
    assert [type(outcome) for outcome in done] == [Done, Done]
    assert [read.calls[source] for source in sources] == [1, 1]
    assert parts.calls.total() == 2


def test_large_pictures_are_read_again_rather_than_kept(
    tmp_path: Path, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = [picture(tmp_path / name) for name in ("a.png", "b.png")]
    read = Counted(read_picture)
    monkeypatch.setattr(batch, "read_picture", read)
    monkeypatch.setattr(batch, "KEPT", 96 * 64)
    auto = session.retuned(replace(session.settings, style="auto"))
    assert [type(outcome) for outcome in glaze_all(auto, Order(pictures=sources))] == [Done, Done]
    assert [read.calls[source] for source in sources] == [1, 2]
