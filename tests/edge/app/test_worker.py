"""The worker outlives whatever goes wrong."""

import errno
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from glaze_edge.app.messages import Problem, refusal
from glaze_edge.app.networks import Networks
from glaze_edge.app.queue import Queue
from glaze_edge.app.queue_folder import Item, QueueFolder
from glaze_edge.app.worker import Worker
from glaze_edge.settings import Settings
from glaze_models.errors import DeviceError

PATIENCE = 10.0
"""Seconds."""


class FakeSession:
    """Has no networks."""

    def retuned(self, settings: Settings) -> "FakeSession":
        return self


@pytest.fixture
def networks(monkeypatch: pytest.MonkeyPatch) -> Networks:
    networks = Networks()
    monkeypatch.setattr(networks, "session", lambda settings: FakeSession())
    return networks


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    return Queue(QueueFolder(tmp_path / "queue"), lambda: None)


@pytest.fixture
def start(queue: Queue, networks: Networks) -> Iterator[Callable[..., Worker]]:
    """Starts a worker; it ends with the test."""
    started: list[Worker] = []

    def start(settings: Callable[[], Settings] = Settings, **told: Any) -> Worker:
        calls = {"on_loaded": lambda: None, "on_progress": lambda job, share: None} | told
        worker = Worker(queue, networks, settings, **calls)
        worker.start()
        started.append(worker)
        return worker

    yield start
    queue.close()
    for worker in started:
        worker.join()


def add(queue: Queue, name: str) -> Item:
    item = Item(name=name, state="waiting", embedding=[1.0], width=64, height=64)
    queue.folder.admit(item).write_bytes(b"picture")
    queue.add(item)
    return item


def wait(ready: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not ready():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def broken(*_: object) -> None:
    raise RuntimeError("nobody foresaw this")


@pytest.mark.parametrize("problem", [full_disk, broken], ids=["full disk", "bug"])
def test_a_list_that_cannot_be_saved_does_not_end_the_run(
    queue: Queue, start: Callable[..., Worker], monkeypatch: pytest.MonkeyPatch, problem: Callable[..., None]
) -> None:
    items = [add(queue, "one.png"), add(queue, "two.png")]
    monkeypatch.setattr("glaze_edge.app.worker.glaze_all", broken)
    monkeypatch.setattr("glaze_edge.app.queue_folder.replacing", problem)
    start()
    queue.start()
    wait(lambda: queue.run == "idle")
    assert [item.state for item in items] == ["failed", "failed"]
    assert queue.problem is not None


def test_the_worker_outlives_its_own_mistakes(
    queue: Queue, start: Callable[..., Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [add(queue, "one.png"), add(queue, "two.png")]
    monkeypatch.setattr("glaze_edge.app.worker.glaze_all", broken)
    mistakes = iter([broken])

    def problem(error: Exception, *folders: Path) -> Problem:
        next(mistakes, lambda: None)()
        return refusal(str(error))

    monkeypatch.setattr("glaze_edge.app.messages.problem", problem)
    start()
    queue.start()
    wait(lambda: queue.run == "idle")
    assert [item.state for item in items] == ["failed", "failed"]
    assert items[0].error is not None


def test_a_queue_that_gives_nothing_is_asked_again(
    queue: Queue, start: Callable[..., Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    item, take, mistakes = add(queue, "one.png"), queue.take, iter([broken, broken])
    monkeypatch.setattr("glaze_edge.app.worker.glaze_all", broken)
    monkeypatch.setattr("glaze_edge.app.worker.REST", 0.01)

    def asked() -> object:
        next(mistakes, lambda: None)()
        return take()

    monkeypatch.setattr(queue, "take", asked)
    start()
    queue.start()
    wait(lambda: item.state == "failed")


@pytest.mark.parametrize(
    ("error", "says"),
    [(RuntimeError("nobody foresaw this"), "nobody foresaw this"), (DeviceError("No device."), "No device.")],
    ids=["bug", "device"],
)
def test_networks_that_cannot_be_loaded_are_told(
    queue: Queue,
    networks: Networks,
    start: Callable[..., Worker],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    says: str,
) -> None:
    def fails(settings: Settings) -> None:
        raise error

    monkeypatch.undo()
    monkeypatch.setattr("glaze_edge.app.networks.Session", fails)
    monkeypatch.setattr("glaze_edge.app.worker.glaze_all", broken)
    told: list[Problem | None] = []
    start(on_loaded=lambda: told.append(networks.problem))
    wait(lambda: told)
    assert says in str(told[0])
    item = add(queue, "one.png")
    queue.start()
    wait(lambda: item.state == "failed")
    assert says in str(item.error)


def test_settings_that_cannot_be_had_are_told(networks: Networks, start: Callable[..., Worker]) -> None:
    def settings() -> Settings:
        raise RuntimeError("no style can be drawn")

    told: list[Problem | None] = []
    start(settings, on_loaded=lambda: told.append(networks.problem))
    wait(lambda: told)
    assert "no style can be drawn" in str(told[0])
