"""Networks are loaded for one set of encoders at a time, also while a picture is at work."""

import threading
from collections.abc import Callable
from typing import Any
from weakref import WeakSet

import numpy as np
import pytest

from glaze_edge import Session, Settings
from glaze_edge.app.networks import Networks
from glaze_edge.app.queue import Job, Queue
from glaze_edge.app.queue_folder import Item, QueueFolder
from glaze_edge.app.worker import Worker
from glaze_runtime.encoder import Graphs

ONE, OTHER = Settings(encoders=("sd1-a",)), Settings(encoders=("sd1-b",))
PICTURE = np.full((64, 64, 3), 0.5, np.float32)


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> Callable[[], set[str]]:
    """The names of the encoders and decoders that are loaded now."""
    every: WeakSet[Graphs] = WeakSet()  # the self-test's own are gone once it has ended
    init = Graphs.__init__

    def remember(self: Graphs, *arguments: Any) -> None:
        init(self, *arguments)
        every.add(self)

    monkeypatch.setattr(Graphs, "__init__", remember)
    return lambda: {graphs.card.name for graphs in every if graphs.loaded}


def look(session: Session) -> None:
    for eye in session.eyes:
        eye.look(PICTURE)


@pytest.mark.slow
def test_other_encoders_take_the_place_of_those_in_use(loaded: Callable[[], set[str]]) -> None:
    networks = Networks()
    at_work = networks.session(ONE)
    look(at_work)
    throughput = networks.throughput
    assert throughput is not None
    assert loaded() == {"sd1-a", "sd1-small"}
    before = at_work.encoders[0].encode(PICTURE)
    trial = networks.session(OTHER)
    assert loaded() == {"sd1-b"}
    look(trial)
    networks.resume(at_work, throughput)
    assert loaded() == set()
    assert networks.throughput is throughput
    np.testing.assert_array_equal(at_work.encoders[0].encode(PICTURE), before)
    look(at_work)
    assert loaded() == {"sd1-a", "sd1-small"}
    assert networks.session(ONE).encoders is at_work.encoders


def test_the_same_encoders_stay_loaded(loaded: Callable[[], set[str]]) -> None:
    networks = Networks()
    at_work = networks.session(ONE)
    throughput = networks.throughput
    assert throughput is not None
    networks.session(Settings(encoders=ONE.encoders, intensity="low"))
    networks.resume(at_work, throughput)
    assert loaded() == {"sd1-a"}


def test_a_picture_goes_on_with_its_own_after_a_trial_with_others(
    tmp_path: Any, loaded: Callable[[], set[str]]
) -> None:
    networks = Networks()
    queue = Queue(QueueFolder(tmp_path / "queue"), lambda: None)
    item = Item(name="art.png", state="working")
    queue.add(item)
    worker = Worker(queue, networks, lambda: ONE, lambda: None, lambda job, share: None)
    seen: list[set[str]] = []

    def trial() -> None:
        with networks.lock.urgent():
            networks.session(OTHER)
            seen.append(loaded())

    with networks.lock.background():
        at_work = networks.session(ONE)
        between = worker._between(Job(item=item, kind="glaze"), 1.0, at_work)
        thread = threading.Thread(target=trial)
        thread.start()
        while not seen:
            between(0.5)
    thread.join()
    assert seen == [{"sd1-b"}]
    assert loaded() == set()
    assert networks.session(ONE).encoders is at_work.encoders
