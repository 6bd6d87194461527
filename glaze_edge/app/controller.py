"""The controller: all that the page may see and ask for, in one place. All of it may be called from any thread."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from glaze_edge.app import messages, results, state, views
from glaze_edge.app.checkpoints import Checkpoints
from glaze_edge.app.feed import Feed, Kind
from glaze_edge.app.intake import Intake
from glaze_edge.app.networks import Networks
from glaze_edge.app.preferences import Preferences
from glaze_edge.app.queue import Job, Queue
from glaze_edge.app.queue_folder import Item, QueueFolder
from glaze_edge.app.trial import Trial
from glaze_edge.app.trials import Trials
from glaze_edge.app.window import Choosers
from glaze_edge.app.worker import Worker
from glaze_edge.settings import Settings


class Controller:
    """What the page shows and changes; a worker glazes meanwhile.

    Args:
        folder: for the pictures and for checkpoints on their way in.
        choosers: native ones, where the app has a window of its own.
    """

    def __init__(self, folder: Path, choosers: Choosers | None = None) -> None:
        self._choosers = choosers
        self._feed = Feed()
        self._networks = Networks()
        self._preferences = Preferences()
        self._queue = Queue(QueueFolder(folder / "queue"), self._changed)
        self._intake = Intake(self._queue)
        self._checkpoints = Checkpoints(folder / "incoming", self._feed)
        self._trials = Trials(self._networks, self._settings_now, lambda: self._feed.tell("progress"))
        self._worker = Worker(self._queue, self._networks, self._settings_now, self._changed, self._done)
        self._shares: dict[str, float] = {}
        self._drawn: str | None = None

    def open(self) -> None:
        """Begin to work; called in the event loop that serves the pages."""
        self._feed.start()
        self._worker.start()

    def close(self) -> None:
        """End, and remove all that is temporary."""
        self._queue.close()
        self._feed.close()
        self._trials.close()
        self._intake.close()
        self._worker.join()
        self._queue.folder.remove()
        self._checkpoints.clean()

    # The state

    def state(self, kind: Kind = "state") -> dict[str, Any]:
        """All that the page shows, or only what changes from step to step."""
        status = state.Status(
            items=self._queue.items,
            shares=self._shares,
            run=self._queue.run,
            settings=self.settings,
            throughput=self._networks.throughput,
            trying=self._trials.share,
            adding=self._checkpoints.state(),
        )
        if kind == "progress":
            return state.progress(status)
        return state.everything(
            status,
            windowed=self._choosers is not None,
            device=self._networks.device,
            problem=self._networks.problem,
            unsaved=self._queue.problem,
            recovered=self._queue.recovered,
            auto_style=self._auto_style(),
            choices=self._preferences.choices,
            encoders=self._checkpoints.added(),
        )

    def news(self) -> AsyncIterator[tuple[Kind, dict[str, Any]] | None]:
        """The state, then whatever is new; None as a sign of life."""
        return self._feed.listen(self.state)

    def problem(self, error: Exception) -> messages.Problem:
        """`error` as the page gets it."""
        return messages.problem(error, self._queue.folder.path, self._checkpoints.folder)

    # Pictures

    def picture(self, id: str) -> Item:  # noqa: A002
        """The picture with this id.

        Raises:
            NoSuchPicture: there is none.
        """
        return self._queue.get(id)

    @contextmanager
    def admit(self, name: str) -> Iterator[tuple[Item, Path]]:
        """As `Intake.admit`."""
        with self._intake.admit(name) as admitted:
            yield admitted

    def accept(self, item: Item) -> None:
        """The file of an admitted picture is there."""
        self._intake.accept(item)

    def add_files(self, paths: Sequence[Path]) -> None:
        """As `Intake.add_files`."""
        self._intake.add_files(paths)

    def choosers(self) -> dict[str, Callable[[], list[Path]]]:
        """What chooses "pictures" or a "folder" of them; empty without a window of the app's own."""
        if self._choosers is None:
            return {}
        return {"pictures": self._choosers.choose_pictures, "folder": self._choosers.choose_folder}

    def remove(self, item: Item) -> None:
        """Take a picture out of the queue."""
        self._queue.remove(item)

    def move(self, item: Item, to: int) -> None:
        """Give a picture the place number `to`, from 0."""
        self._queue.move(item, to)

    def cancel(self, item: Item) -> None:
        """A picture is not to be glazed."""
        self._queue.cancel(item)

    def again(self, item: Item) -> None:
        """A picture is to be glazed again."""
        self._queue.again(item)

    def audit(self, item: Item) -> None:
        """A result is to be audited."""
        self._queue.audit(item)

    def thumb(self, item: Item) -> bytes:
        """A picture, small, as WebP."""
        return self._queue.folder.thumb(item).read_bytes()

    def view(self, item: Item, what: str) -> bytes:
        """As `views.view`."""
        return views.view(self._queue.folder, item, what)

    def restyled(self, item: Item, style: str) -> bytes:
        """As `views.restyled`."""
        return views.restyled(self._queue.folder.original(item), style)

    def try_out(self, item: Item, x: int, y: int) -> Trial:
        """As `Trials.try_out`."""
        return self._trials.try_out(self._queue.folder.original(item), x, y)

    def trial(self, id: str) -> Trial | None:  # noqa: A002
        """One of the last trials; None if it is none of them."""
        return self._trials.find(id)

    # Settings and encoders

    @property
    def settings(self) -> Settings:
        """Those of now, which name their encoders."""
        return self._preferences.settings

    def change(self, wanted: Mapping[str, Any]) -> None:
        """As `Preferences.change`."""
        self._preferences.change(wanted)
        self._changed()

    def renew_encoders(self) -> None:
        """Encoders came or went: use the best there are."""
        self._preferences.renew()
        self._changed()

    @contextmanager
    def admit_encoder(self, name: str) -> Iterator[Path]:
        """As `Checkpoints.admit`."""
        with self._checkpoints.admit(name) as path:
            yield path

    def received(self, done: int, whole: int) -> None:
        """So many bytes of an admitted checkpoint are there."""
        self._checkpoints.tell(done, whole)

    def add_encoder(self, path: Path) -> str:
        """Add the encoder in an admitted file, and use it where its generator is chosen; gives its name.

        Raises:
            GlazeError: the file holds none, is damaged, or its name is taken.
        """
        name = self._checkpoints.add(path)
        self.renew_encoders()
        return name

    def remove_encoder(self, name: str) -> None:
        """Remove an added encoder, and use the next best.

        Raises:
            OptionError: it was not added.
            ModelError: it cannot be removed.
        """
        self._checkpoints.remove(name)
        self.renew_encoders()

    # The run and the queue

    def start(self) -> None:
        """Glaze what waits, or go on."""
        if self._queue.run == "idle":
            self.renew_encoders()
            self._drawn = self._auto_style()
        self._queue.start()

    def pause(self) -> None:
        """Hold the picture at work where it is."""
        self._queue.pause()

    def stop(self) -> None:
        """End the run; the picture at work waits again."""
        self._queue.stop()

    def keep(self) -> None:
        """The pictures that a crash left are wanted."""
        self._queue.keep()

    def discard(self) -> None:
        """Take out all that a crash left."""
        self._queue.clear(lambda item: False)
        self._queue.keep()

    def clear(self) -> None:
        """Take out of the queue all that is done, failed or cancelled."""
        self._queue.clear(lambda item: item.state not in ("done", "failed", "cancelled"))

    # Results

    def result(self, item: Item) -> Path:
        """The file of a glazed picture.

        Raises:
            FileNotFoundError: it is not glazed.
        """
        if item.result is None:
            raise FileNotFoundError(item.name)
        return self._queue.folder.result(item)

    def report(self, item: Item) -> bytes:
        """The audit's report, HTML.

        Raises:
            FileNotFoundError: there is none.
        """
        return self._queue.folder.report(item).read_bytes()

    def glazed(self) -> list[Item]:
        """The pictures that have a result."""
        return [item for item in self._queue.items if item.result]

    def pack(self, items: Sequence[Item]) -> Path:
        """As `results.pack`."""
        return results.pack(self._queue.folder, items)

    def saved(self, items: Iterable[Item]) -> None:
        """The artist has copies of the results of `items`."""
        for item in items:
            self._queue.update(item, saved=True)

    def save_beside(self) -> tuple[list[Path], list[tuple[str, messages.Problem]]]:
        """As `results.save_beside`."""
        return results.save_beside(self._queue)

    def _auto_style(self) -> str | None:
        """What `auto` stands for: the run's style, or what would be drawn for these pictures now."""
        if self._drawn and self._queue.run != "idle":
            return self._drawn
        return self._preferences.drawn_style(item.embedding for item in self._queue.items if item.embedding)

    def _settings_now(self) -> Settings:
        """The settings for the next picture, its style drawn."""
        drawn = self._auto_style() if self.settings.style == "auto" else None
        return replace(self.settings, style=drawn) if drawn else self.settings

    def _done(self, job: Job, share: float) -> None:
        self._shares[job.item.id] = share
        self._feed.tell("progress")

    def _changed(self) -> None:
        self._feed.tell("state")
