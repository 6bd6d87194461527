"""What is next, and what is wanted."""

import errno
import threading
from pathlib import Path
from typing import Any

import pytest

from glaze_edge.app.queue import Job, NoSuchPicture, Queue, Stopped
from glaze_edge.app.queue_folder import Item, QueueFolder


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    return Queue(QueueFolder(tmp_path / "queue"), lambda: None)


def add(queue: Queue, name: str, state: Any = "waiting", **fields: Any) -> Item:
    item = Item(name=name, state=state, embedding=[1.0], **fields)
    queue.folder.admit(item).write_bytes(b"picture")
    queue.add(item)
    return item


def take(queue: Queue) -> Job:
    job = queue.take()
    assert job is not None
    return job


def test_pictures_come_in_their_order_and_the_run_ends(queue: Queue) -> None:
    one, two = add(queue, "one.png"), add(queue, "two.png")
    queue.move(two, 0)
    queue.start()
    for item in (two, one):
        job = take(queue)
        assert (job.item, job.kind, item.state) == (item, "glaze", "working")
        queue.require_wanted(job)
        queue.finish(job, state="done")
    waits = threading.Thread(target=queue.take, daemon=True)
    waits.start()
    waits.join(0.1)
    assert queue.run == "idle"
    assert waits.is_alive()
    queue.close()
    waits.join(10)
    assert not waits.is_alive()


def test_what_is_checked_still_keeps_the_run(queue: Queue) -> None:
    late = add(queue, "late.png", "checking")
    queue.start()
    found: list[Job | None] = []
    thread = threading.Thread(target=lambda: found.append(queue.take()), daemon=True)
    thread.start()
    queue.update(late, state="waiting")
    thread.join(10)
    assert found[0] is not None
    assert found[0].item is late


@pytest.mark.parametrize("end", ["cancel", "remove", "stop", "close"])
def test_what_is_no_longer_wanted_is_stopped(queue: Queue, end: str) -> None:
    item = add(queue, "one.png")
    queue.start()
    job = take(queue)
    {
        "cancel": lambda: queue.cancel(item),
        "remove": lambda: queue.remove(item),
        "stop": queue.stop,
        "close": queue.close,
    }[end]()
    with pytest.raises(Stopped):
        queue.require_wanted(job)
    assert queue.folder.original(item).exists()  # the worker may be reading it
    queue.finish(job, state="done", result={"output": "one-glazed.png"})
    if end == "close":
        return
    assert item.state == {"cancel": "cancelled", "remove": "working", "stop": "waiting"}[end]
    assert item.result is None
    assert queue.folder.original(item).exists() == (end != "remove")


def test_a_pause_holds_and_lets_go(queue: Queue) -> None:
    add(queue, "one.png")
    queue.start()
    job = take(queue)
    queue.pause()
    assert queue.held
    waits = threading.Thread(target=queue.wait_while_held, args=(job,), daemon=True)
    waits.start()
    waits.join(0.05)
    assert waits.is_alive()
    queue.start()
    waits.join(10)
    assert not waits.is_alive()
    queue.require_wanted(job)


def test_a_pause_of_nothing_is_none(queue: Queue) -> None:
    queue.pause()
    assert queue.run == "idle"


def test_audits_come_first_and_without_a_run(queue: Queue) -> None:
    add(queue, "one.png")
    done = add(queue, "done.png", "done")
    queue.audit(done)
    queue.start()
    job = take(queue)
    assert (job.kind, job.item, done.audit) == ("audit", done, "working")
    queue.remove(done)
    with pytest.raises(Stopped):
        queue.require_wanted(job)


def test_again_is_for_what_could_be_read(queue: Queue) -> None:
    done, broken = add(queue, "done.png", "done"), add(queue, "broken.png", "failed")
    broken.embedding = []
    for item in (done, broken):
        queue.again(item)
    assert (done.state, broken.state) == ("waiting", "failed")


def test_a_queue_finds_what_another_left(queue: Queue) -> None:
    item = add(queue, "one.png")
    assert not queue.recovered
    other = Queue(QueueFolder(queue.folder.path), lambda: None)
    assert other.recovered
    assert other.get(item.id).name == "one.png"
    other.keep()
    assert not other.recovered
    with pytest.raises(NoSuchPicture):
        other.get("0" * 16)


def full_disk(path: Path) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_told_and_loses_no_change(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    item = add(queue, "one.png")
    told: list[str | None] = []
    monkeypatch.setattr(queue, "_tell", lambda: told.append(queue.problem))
    with monkeypatch.context() as disk:
        disk.setattr("glaze_edge.app.queue_folder.replacing", full_disk)
        queue.start()
        job = take(queue)
        queue.finish(job, state="done")
    assert item.state == "done"
    assert len(told) == 3
    assert all("No space left on device" in str(text) for text in told)
    queue.update(item, saved=True)
    assert queue.problem is None
    assert told[-1] is None


def test_whoever_waits_hears_of_a_change_that_failed(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    item = add(queue, "one.png", "checking")
    queue.start()
    found: list[Job | None] = []
    thread = threading.Thread(target=lambda: found.append(queue.take()), daemon=True)
    thread.start()
    thread.join(0.05)

    def change_and_fail() -> None:
        with queue._change():
            item.state = "waiting"
            raise RuntimeError("after the change")

    with pytest.raises(RuntimeError, match="after the change"):
        change_and_fail()
    thread.join(10)
    assert found
