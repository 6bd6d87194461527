"""The worker: glazes and audits the pictures of the queue one by one, and gives way to those who wait for an answer."""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from time import monotonic, sleep

from PIL import Image as PillowImage

from glaze_edge.api import Session
from glaze_edge.app import messages
from glaze_edge.app.networks import Networks
from glaze_edge.app.queue import Job, Queue, Stopped
from glaze_edge.audit.report import write_report
from glaze_edge.batch import Failed, Order, glaze_all, work_units
from glaze_edge.files import read_picture
from glaze_edge.settings import Settings
from glaze_models.errors import GlazeError

log = logging.getLogger(__name__)

REST = 1.0
"""Seconds between two tries where the queue itself fails."""


class Worker:
    """A thread that does the jobs of `queue`.

    Args:
        settings: gives those to glaze the next picture with, its style drawn.
        on_loaded: is called when the networks are loaded, or cannot be.
        on_progress: is told the share of a job that is done.
    """

    def __init__(
        self,
        queue: Queue,
        networks: Networks,
        settings: Callable[[], Settings],
        on_loaded: Callable[[], None],
        on_progress: Callable[[Job, float], None],
    ) -> None:
        self._queue, self._networks = queue, networks
        self._settings, self._on_loaded, self._on_progress = settings, on_loaded, on_progress
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def join(self) -> None:
        """Wait for the end of the step at work, after the queue was closed.

        The interpreter must not end within onnxruntime.
        """
        self._thread.join()

    def _run(self) -> None:
        with self._networks.lock.background():
            self._networks.load(self._settings)
        self._on_loaded()
        while True:
            try:
                job = self._queue.take()
                if job is None:
                    return
                self._do(job)
            except Exception:
                log.exception("the worker")
                sleep(REST)

    def _do(self, job: Job) -> None:
        try:
            self._try(job)
        except Exception as error:
            log.exception("the end of %s", job.item.name)
            text = f"{type(error).__name__}: {error}"
            self._fail(job, {"kind": messages.OTHER, "text": text, "remedy": None})

    def _try(self, job: Job) -> None:
        try:
            self._on_progress(job, 0)
            with self._networks.lock.background():
                (self._glaze if job.kind == "glaze" else self._audit)(job)
        except Stopped:
            self._queue.finish(job)
        except Exception as error:
            if not isinstance(error, GlazeError):
                log.exception("%s of %s", job.kind, job.item.name)
            self._fail(job, messages.problem(error, self._queue.folder.path))

    def _fail(self, job: Job, problem: messages.Problem) -> None:
        if job.kind == "glaze":
            self._queue.finish(job, state="failed", error=problem)
        else:
            self._queue.finish(job, audit="failed", audit_error=problem)

    def _glaze(self, job: Job) -> None:
        item, folder = job.item, self._queue.folder
        settings = self._settings()
        session = self._networks.session(settings)
        order = Order(
            pictures=[folder.original(item)],
            output=folder.results(item),
            save_target=folder.target(item),
            overwrite=True,
        )
        units = sum(work_units((item.height, item.width), settings))
        between = self._between(job, units, session)
        (outcome,) = glaze_all(session, order, lambda _, share: between(share))
        if isinstance(outcome, Failed):
            raise outcome.error
        folder.report(item).unlink(missing_ok=True)
        self._queue.finish(
            job,
            state="done",
            result=messages.result(outcome, settings),
            saved=False,
            audit="none",
            audit_error=None,
        )

    def _audit(self, job: Job) -> None:
        item, folder = job.item, self._queue.folder
        original, glazed = read_picture(folder.original(item)), read_picture(folder.result(item))
        mark = glazed.glazed
        settings = self._settings()
        session = self._networks.session(
            replace(settings, encoders=mark.encoders if mark else settings.encoders)
        )
        between = self._between(job, 0, session)
        with PillowImage.open(folder.target(item)) as target:
            audit = session.audit(original, glazed, target.convert("RGB"), lambda share, _: between(share))
        write_report(audit, item.name, folder.result(item).name, folder.report(item))
        self._queue.finish(job, audit="done")

    def _between(self, job: Job, units: float, session: Session) -> Callable[[float], None]:
        """What is done between two steps of a job of so many `units`; it is told the share that is done."""
        lock, throughput = self._networks.lock, self._networks.throughput
        done, since = 0.0, monotonic()

        def between(share: float) -> None:
            nonlocal done, since
            if units and throughput:
                throughput.add(units * (share - done), monotonic() - since)
            self._on_progress(job, share)
            self._queue.require_wanted(job)
            lock.give_way()
            if self._queue.held:
                with lock.released():
                    self._queue.wait_while_held(job)
                self._queue.require_wanted(job)
            self._networks.resume(session, throughput)
            done, since = share, monotonic()

        return between
