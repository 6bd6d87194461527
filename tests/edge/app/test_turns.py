"""Whose turn it is."""

import threading

from glaze_edge.app.turns import Turns

SECONDS = 10


def _start(target: object) -> threading.Thread:
    thread = threading.Thread(target=target, daemon=True)  # type: ignore[arg-type]
    thread.start()
    return thread


def test_who_waits_gets_a_turn_between_two_steps() -> None:
    turns, told, waiting = Turns(), [], threading.Event()

    def ask() -> None:
        waiting.set()
        with turns.prompt():
            told.append("answer")

    with turns.patient():
        thread = _start(ask)
        waiting.wait(SECONDS)
        while "answer" not in told:
            turns.give_way()
        told.append("step")
    thread.join(SECONDS)
    assert told == ["answer", "step"]


def test_giving_way_to_nobody_keeps_the_turn() -> None:
    turns = Turns()
    with turns.patient():
        turns.give_way()
        thread = _start(lambda: turns.patient().__enter__())
        thread.join(0.05)
        assert thread.is_alive()
    thread.join(SECONDS)
    assert not thread.is_alive()


def test_others_work_while_one_rests() -> None:
    turns, done = Turns(), threading.Event()

    def ask() -> None:
        with turns.prompt():
            done.set()

    with turns.patient(), turns.rest():
        _start(ask)
        assert done.wait(SECONDS)


def test_a_failure_ends_the_turn() -> None:
    turns = Turns()
    for turn in (turns.patient, turns.prompt, turns.patient):
        try:
            with turn():
                raise RuntimeError
        except RuntimeError:
            pass
