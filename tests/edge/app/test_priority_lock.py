"""Who holds the networks, and who comes first."""

import threading

from glaze_edge.app.priority_lock import PriorityLock

SECONDS = 10


def _start(target: object) -> threading.Thread:
    thread = threading.Thread(target=target, daemon=True)  # type: ignore[arg-type]
    thread.start()
    return thread


def test_who_waits_urgently_comes_between_two_steps() -> None:
    lock, told, waiting = PriorityLock(), [], threading.Event()

    def ask() -> None:
        waiting.set()
        with lock.urgent():
            told.append("answer")

    with lock.background():
        thread = _start(ask)
        waiting.wait(SECONDS)
        while "answer" not in told:
            lock.give_way()
        told.append("step")
    thread.join(SECONDS)
    assert told == ["answer", "step"]


def test_giving_way_to_nobody_keeps_the_lock() -> None:
    lock = PriorityLock()
    with lock.background():
        lock.give_way()
        thread = _start(lambda: lock.background().__enter__())
        thread.join(0.05)
        assert thread.is_alive()
    thread.join(SECONDS)
    assert not thread.is_alive()


def test_others_hold_it_while_it_is_released() -> None:
    lock, done = PriorityLock(), threading.Event()

    def ask() -> None:
        with lock.urgent():
            done.set()

    with lock.background(), lock.released():
        _start(ask)
        assert done.wait(SECONDS)


def test_a_failure_releases_the_lock() -> None:
    lock = PriorityLock()
    for held in (lock.background, lock.urgent, lock.background):
        try:
            with held():
                raise RuntimeError
        except RuntimeError:
            pass
