"""The studio: the pictures, the settings and the run, as the page shows them. All of it may be called from any thread."""

import logging
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from glaze_edge.app import images, messages
from glaze_edge.app.checkpoints import Checkpoints
from glaze_edge.app.feed import Feed, Kind
from glaze_edge.app.networks import Networks
from glaze_edge.app.queue import Job, Queue
from glaze_edge.app.queue_folder import Item, QueueFolder, safe_name
from glaze_edge.app.state import MOST_PICTURES, snapshot
from glaze_edge.app.trial import Trial, try_out
from glaze_edge.app.worker import Worker
from glaze_edge.files import output_path, read_picture
from glaze_edge.files.atomic import reason, replacing
from glaze_edge.files.paths import check_destination
from glaze_edge.generators import choices, every_choice, resolved
from glaze_edge.preprocess import shown
from glaze_edge.settings import Settings
from glaze_edge.sheet import difference
from glaze_edge.target_style import opaque
from glaze_models import DEFAULT_GENERATORS
from glaze_models.errors import AlreadyGlazed, OptionError, OutputError, PictureError, UnreadablePicture
from glaze_models.styles import STYLE_NAMES, style_bank, style_named
from glaze_runtime.arrays import to_pillow
from glaze_runtime.optimiser.views import resize
from glaze_runtime.stylise import LiteStylist, draw_style, rank_styles
from glaze_runtime.weights.store import remove

log = logging.getLogger(__name__)

TRIALS_KEPT = 3
CHANGEABLE = "intensity", "effort", "style", "generators"
"""Settings that the page may change."""


class Replaced(Exception):
    """A newer trial has taken the place of this one."""


class Window(Protocol):
    """The app's own window, as far as the studio knows it."""

    def choose_pictures(self) -> list[Path]:
        """The files that are chosen in the system's own dialog."""
        ...

    def choose_folder(self) -> list[Path]:
        """The pictures in the folder that is chosen so."""
        ...


class Studio:
    """What the page shows and changes; a worker glazes meanwhile.

    Args:
        folder: for the pictures and for checkpoints on their way in.
        window: native choosers, where the app has a window of its own.
    """

    def __init__(self, folder: Path, window: Window | None = None) -> None:
        self.window = window
        self.feed = Feed()
        self.networks = Networks()
        self._adopt(Settings())
        self._progress: dict[str, float] = {}
        self.trying: float | None = None
        self.checkpoints = Checkpoints(folder / "incoming", self.feed)
        self.queue = Queue(QueueFolder(folder / "queue"), self._changed)
        self._drawn: str | None = None
        self._newest: object = None
        self._trials: dict[str, Trial] = {}
        self._checks = ThreadPoolExecutor(1, "checks")
        self._worker = Worker(self.queue, self.networks, self._now, self._changed, self._done)
        for item in self.queue.items:
            if item.state == "checking":
                self.check(item)

    def open(self) -> None:
        """Begin to work; called in the event loop that serves the pages."""
        self.feed.start()
        self._worker.start()

    def close(self) -> None:
        """End, and remove all that is temporary."""
        self.queue.close()
        self.feed.close()
        self._newest = None
        self._checks.shutdown(cancel_futures=True)
        self._worker.join()
        self.queue.folder.remove()
        self.checkpoints.remove()

    def state(self, kind: Kind = "state") -> dict[str, Any]:
        """All that the page shows, or only what changes from step to step."""
        return snapshot(self, kind)

    # Pictures

    def admit(self, name: str) -> Item:
        """A picture that will be in the queue once its file is there and `check` is called.

        Raises:
            OptionError: the queue is full.
            OutputError: there is no room for it.
        """
        if len(self.queue.items) >= MOST_PICTURES:
            raise OptionError(f"The queue holds {MOST_PICTURES} pictures, and no more. Glaze these first.")
        item = Item(name=safe_name(name))
        try:
            self.queue.folder.admit(item)
        except OSError as error:
            raise OutputError(f"{item.name} was not taken in: {reason(error)}.") from error
        return item

    def accept(self, item: Item) -> None:
        """The file of an admitted picture is there: put it into the queue, and look whether it may be glazed."""
        item.bytes = self.queue.folder.original(item).stat().st_size
        self.queue.add(item)
        self.check(item)

    def check(self, item: Item) -> None:
        """Look, soon, whether a picture may be glazed."""
        self._checks.submit(self._check, item)

    def _check(self, item: Item) -> None:
        try:
            self._look_at(item)
        except FileNotFoundError:
            log.info("%s was removed while it was checked", item.name)
        except Exception as error:
            if not isinstance(error, PictureError):
                log.exception("check of %s", item.name)
            problem = messages.problem(error, self.queue.folder.path)
            self.queue.update(item, state="failed", error=problem)

    def _look_at(self, item: Item) -> None:
        path = self.queue.folder.original(item)
        picture = read_picture(path)
        self.queue.folder.thumb(item).write_bytes(images.thumb(picture))
        height, width = picture.image.shape[:2]
        if picture.glazed:
            self.queue.update(item, width=width, height=height)
            raise AlreadyGlazed(f"{path} is glazed already. Add the original instead.")
        self.queue.update(
            item,
            width=width,
            height=height,
            embedding=[float(n) for n in LiteStylist().embed(opaque(picture))],
            state="waiting",
        )

    def add_files(self, paths: Sequence[Path]) -> None:
        """Copy files of this computer into the queue: never called with what a page has said.

        Raises:
            OptionError: the queue is full.
        """
        for path in paths:
            item = self.admit(path.name)
            item.origin = str(path)
            try:
                shutil.copyfile(path, self.queue.folder.original(item))
            except OSError as error:
                unreadable = UnreadablePicture(f"{path.name} cannot be read: {error.strerror}.")
                self.queue.add(item)
                self.queue.update(item, state="failed", error=messages.problem(unreadable))
            else:
                self.accept(item)

    def view(self, item: Item, what: str) -> bytes:
        """ "original", "glazed", "difference" or "target" as PNG.

        Raises:
            FileNotFoundError: there is no such view yet.
        """
        folder = self.queue.folder
        files = {
            "original": [folder.original(item)],
            "target": [folder.target(item)],
            "glazed": [folder.result(item)] if item.result else [],
            "difference": [folder.original(item), folder.result(item)] if item.result else [],
        }[what]
        if not files:
            raise FileNotFoundError(what)
        return _view(tuple((path, path.stat().st_mtime_ns) for path in files))

    def restyled(self, item: Item, style: str) -> bytes:
        """A picture in one of the bank's styles, small, as WebP.

        Raises:
            OptionError: there is no such style.
            PictureError: the picture cannot be read.
        """
        return _restyled(self.queue.folder.original(item), style_named(style).name)

    def share(self, item: Item) -> float:
        """How much of what is at work on a picture is done."""
        return self._progress.get(item.id, 0.0)

    def clear(self) -> None:
        """Take out of the queue all that is done, failed or cancelled."""
        self.queue.clear(lambda item: item.state not in ("done", "failed", "cancelled"))

    def discard(self) -> None:
        """Take out all that a crash left."""
        self.queue.clear(lambda item: False)
        self.queue.keep()

    # Settings and styles

    def change(self, wanted: Mapping[str, Any]) -> None:
        """Change some of the settings.

        Raises:
            OptionError: one is unknown, or there is no encoder for a generator.
        """
        values: dict[str, Any] = {}
        for name, value in wanted.items():
            texts = value if isinstance(value, list) else [value]
            fits = isinstance(value, list) == (name == "generators") and all(
                isinstance(t, str) for t in texts
            )
            if name not in CHANGEABLE or not fits:
                raise OptionError(f"{name} cannot be set to {value!r}.")
            values[name] = tuple(texts) if name == "generators" else value
        settings = replace(self.settings, encoders=(), **values)
        if settings.style not in ("auto", *STYLE_NAMES):
            raise OptionError(f"There is no style called {settings.style!r}.")
        self._adopt(settings)
        self._changed()

    def _adopt(self, settings: Settings) -> None:
        """Make `settings`, which name no encoders, those of now, with the best encoders that there are for their generators."""
        self.settings = resolved(settings, choices(settings))
        self.choices = every_choice()

    def renew_encoders(self) -> None:
        """Encoders came or went: use the best there are, and let go of generators that none is left for."""
        every = every_choice()
        left = tuple(name for name in self.settings.generators if every[name]) or DEFAULT_GENERATORS
        self._adopt(replace(self.settings, generators=left, encoders=()))
        self._changed()

    def add_encoder(self, path: Path) -> str:
        """Add the encoder in a file that `checkpoints` took in, and use it where its generator is chosen; gives its name.

        Raises:
            GlazeError: the file holds none, is damaged, or its name is taken.
        """
        name = self.checkpoints.add(path)
        self.renew_encoders()
        return name

    def remove_encoder(self, name: str) -> None:
        """Remove an added encoder, and use the next best.

        Raises:
            OptionError: it was not added.
            ModelError: it cannot be removed.
        """
        remove(name)
        self.renew_encoders()

    def auto_style(self) -> str | None:
        """What `auto` stands for: the run's style, or what would be drawn for these pictures now."""
        if self._drawn and self.queue.run != "idle":
            return self._drawn
        works = tuple(tuple(item.embedding) for item in self.queue.items if item.embedding)
        return _drawn(works, self.settings.seed) if works else None

    def _now(self) -> Settings:
        """The settings for the next picture."""
        settings = self.settings
        drawn = self.auto_style()
        return replace(settings, style=drawn) if settings.style == "auto" and drawn else settings

    # The run

    def start(self) -> None:
        """Glaze what waits, or go on."""
        if self.queue.run == "idle":
            self.renew_encoders()
            self._drawn = self.auto_style()
        self.queue.start()

    def _done(self, job: Job, share: float) -> None:
        self._progress[job.item.id] = share
        self.feed.tell("progress")

    def _changed(self) -> None:
        self.feed.tell("state")

    # Trials

    def try_out(self, item: Item, x: int, y: int) -> Trial:
        """Glaze a spot of a picture with the settings of now, quickly.

        Raises:
            Replaced: another trial was begun meanwhile.
            GlazeError: the picture cannot be read, or the networks cannot be loaded.
        """
        self._newest = this = object()

        def tell(share: float) -> None:
            if self._newest is not this:
                raise Replaced
            self.trying = share
            self.feed.tell("progress")

        picture = read_picture(self.queue.folder.original(item))
        with self.networks.lock.urgent():
            tell(0)
            try:
                session = self.networks.session(self._now())
                trial = try_out(session, picture, x, y, tell)
            finally:
                self.trying = None
        self._trials[trial.id] = trial
        for old in list(self._trials)[:-TRIALS_KEPT]:
            del self._trials[old]
        return trial

    def trial(self, id: str) -> Trial | None:  # noqa: A002
        """One of the last trials; None if it is none of them."""
        return self._trials.get(id)

    # Results

    def save_beside(self) -> tuple[list[Path], list[tuple[str, messages.Problem]]]:
        """Write results beside the artist's own files; gives what was written, and (name, why not) of what was not."""
        written: list[Path] = []
        skipped: list[tuple[str, messages.Problem]] = []
        for item in self.queue.items:
            if item.result is None or item.origin is None or item.saved:
                continue
            origin = Path(item.origin)
            try:
                path = output_path(origin, None)
                check_destination(origin, path)
                with replacing(path) as file, self.queue.folder.result(item).open("rb") as result:
                    shutil.copyfileobj(result, file)
            except OutputError as error:
                skipped.append((item.name, messages.problem(error)))
            except OSError as error:
                unwritten = OutputError(f"{item.name} was not written: {error.strerror or error}.")
                skipped.append((item.name, messages.problem(unwritten)))
            else:
                written.append(path)
                self.queue.update(item, saved=True)
        return written, skipped


@lru_cache(maxsize=4)
def _view(files: tuple[tuple[Path, int], ...]) -> bytes:
    """The picture in the one file, or the difference of two; the times of the files tell old from new."""
    pictures = [images.view(shown(read_picture(path))) for path, _ in files]
    return images.png(pictures[0] if len(pictures) == 1 else difference(pictures[0], pictures[1]))


@lru_cache(maxsize=8 * len(STYLE_NAMES))
def _restyled(path: Path, style: str) -> bytes:
    image = _small(path)
    return images.webp(to_pillow(LiteStylist().stylise(image, style_bank()[style])))


@lru_cache(maxsize=4)
def _small(path: Path) -> Any:
    image = read_picture(path).image
    scale = min(1.0, images.THUMB_SIDE / max(image.shape[:2]))
    height, width = (max(1, round(n * scale)) for n in image.shape[:2])
    return resize(image, (height, width)).clip(0, 1)


@lru_cache(maxsize=4)
def _drawn(works: tuple[tuple[float, ...], ...], seed: int) -> str:
    return draw_style(rank_styles([np.array(work, np.float32) for work in works], style_bank()), seed).name
