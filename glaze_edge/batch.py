"""Many pictures, one after another: each result is written as soon as it is done, and a bad picture ends nothing."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic

from glaze_edge.api import Figures, Session
from glaze_edge.audit.report import write_report
from glaze_edge.files import (
    Picture,
    check_destination,
    output_path,
    output_paths,
    probe,
    read_picture,
    report_paths,
)
from glaze_edge.files.atomic import reason, writing
from glaze_edge.preprocess import TRAINED_SIDE, WORKING_SIDE
from glaze_edge.settings import EFFORTS, Settings
from glaze_edge.target_style import TargetStyle
from glaze_models.errors import AlreadyGlazed, OptionError, PictureError
from glaze_runtime.optimiser.optimise import begun_small
from glaze_runtime.optimiser.tiling import TILE, fitting
from glaze_runtime.stylise import LONGEST_SIDE


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be made of which pictures.

    Attributes:
        pictures: the files.
        output: a file, or a folder, which is made where there are many pictures; None for beside each picture.
        format: "keep", or the format to write, see `glaze_edge.files.FORMAT_CHOICES`.
        save_target: where to write the style target of the only picture, as PNG.
        audit: write a report beside each result.
        overwrite: replace earlier results, and glaze glazed pictures again.

    Raises:
        OptionError: `save_target` is given for many pictures.
    """

    pictures: Sequence[Path]
    output: Path | None = None
    format: str = "keep"
    save_target: Path | None = None
    audit: bool = False
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.save_target and len(self.pictures) > 1:
            raise OptionError("--save-target takes one picture. Glaze them one by one to keep their targets.")

    def destinations(self) -> list[Path]:
        """Where the result of each picture goes."""
        if len(self.pictures) == 1:
            return [output_path(self.pictures[0], self.output, self.format)]
        return output_paths(self.pictures, self.output, self.format)


@dataclass(frozen=True, kw_only=True)
class Task:
    """A picture that may be glazed, where the result and its audit's report go, and the units of work of its parts."""

    source: Path
    destination: Path
    report: Path | None
    units: list[float]


@dataclass(frozen=True, kw_only=True, eq=False)
class Done:
    """A picture that is glazed: `figures` are of the file at `destination`, read again; `report` is the audit's
    file."""

    source: Path
    destination: Path
    style: str
    figures: Figures
    report: Path | None
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Failed:
    """A picture that could not be glazed."""

    source: Path
    error: PictureError


BEFORE, AFTER = 3.0, 4.0
"""Painting and encoding the target takes as long as so many sweeps at up to 1024 pixels; measuring the result, at
512."""
SWEEP = 4 / 3
"""A step encodes the target too, which takes a third of the gradient."""
BESIDES = 0.5
"""In a step a pixel of the picture takes so much of what the bundled encoders take for it: budget, views, the learned
step."""
KEPT = 8_000_000
"""Pixels of the pictures that were read to draw the style and are kept until they are glazed; the rest is read
again."""
AUDIT = 25.0
"""An audit takes as long as so many megapixels."""


def work_units(size: tuple[int, int], settings: Settings) -> list[float]:
    """How much work the parts of glazing a picture of this height and width are: before the steps, each step, after.

    A unit is a megapixel seen by all encoders.
    """
    longest = max(size)
    shape = min(size) / longest / 1e6
    worked_on = min(longest, WORKING_SIDE)
    effort, encoders = EFFORTS[settings.effort], len(settings.encoders)
    sides = fitting(effort.longest_sides, worked_on)

    def area(side: int) -> float:
        return shape * min(side, worked_on) ** 2

    steps = [
        SWEEP * area(min(side, sides[step // encoders % len(sides)])) / encoders + BESIDES * area(side)
        for step in range(effort.steps)
        for side in [TILE if step < begun_small(effort.steps) else worked_on]
    ]
    return [BEFORE * area(LONGEST_SIDE), *steps, AFTER * area(TRAINED_SIDE)]


def glaze_all(
    session: Session,
    order: Order,
    on_progress: Callable[[Path, float], None] = lambda source, share: None,
) -> Generator[Done | Failed, None, None]:
    """Glaze every picture of `order` towards one style.

    Args:
        session: gives the settings.
        order: the pictures and where their results go.
        on_progress: is told the picture at work, and the share of all work that is done.

    Raises:
        OptionError: the places of the results do not fit the pictures, or their folder cannot be made.
        PictureError: the style target cannot be written to its place.
    """
    destinations = order.destinations()
    reports = report_paths(destinations) if order.audit else [None] * len(destinations)
    if order.save_target:
        check_destination(order.pictures[0], order.save_target, overwrite=order.overwrite)
    if order.output and len(order.pictures) > 1:
        _make(order.output)
    tasks: list[Task] = []
    embeddings = []
    kept: dict[Path, Picture] = {}
    room = KEPT
    for source, destination, page in zip(order.pictures, destinations, reports, strict=True):
        try:
            size = _check(source, destination, page, order)
            if session.style is None and len(order.pictures) > 1:
                picture = read_picture(source)
                embeddings.append(session.embed(picture))
                room -= size[0] * size[1]
                if room >= 0:
                    kept[destination] = picture
        except PictureError as error:
            yield Failed(source=source, error=error)
        else:
            tasks.append(
                Task(
                    source=source,
                    destination=destination,
                    report=page,
                    units=work_units(size, session.settings) + [AUDIT] * order.audit,
                )
            )
    style = session.draw_style(embeddings) if embeddings else session.style
    whole = sum(sum(task.units) for task in tasks)
    done = 0.0

    def tell(task: Task, parts: int, share: float = 0.0) -> None:
        """So many parts are done, and a share of the next."""
        at_work = share * task.units[parts] if share else 0.0
        on_progress(task.source, (done + sum(task.units[:parts]) + at_work) / whole)

    for task in tasks:
        try:
            yield _glaze(session, task, order, style, partial(tell, task), kept.pop(task.destination, None))
        except PictureError as error:
            yield Failed(source=task.source, error=error)
        done += sum(task.units)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OptionError(f"{folder} cannot be made: {reason(error)}.") from error


def _check(source: Path, destination: Path, report: Path | None, order: Order) -> tuple[int, int]:
    """The size of a picture that may be glazed."""
    for path in filter(None, (destination, report)):
        check_destination(source, path, overwrite=order.overwrite)
    seen = probe(source)
    if seen.mark and not order.overwrite:
        raise AlreadyGlazed(
            f"{source} is glazed already. Glaze the original, or use --overwrite to glaze it again."
        )
    return seen.size


def _glaze(
    session: Session,
    task: Task,
    order: Order,
    style: TargetStyle | None,
    tell: Callable[..., None],
    picture: Picture | None,
) -> Done:
    """`picture` is the task's, where it was read already."""
    started = monotonic()
    tell(0)
    picture = picture or read_picture(task.source)
    result = session.glaze(picture, style, on_step=lambda step: tell(1 + step))
    result.save(task.destination, format=order.format, overwrite=order.overwrite)
    if order.save_target:
        with writing(order.save_target) as file:
            result.shown_target().save(file, "PNG")
    written = read_picture(task.destination)
    figures = session.measure(result, written)
    done = len(task.units) - (task.report is not None)
    tell(done)
    if task.report is not None:
        audit = session.audit(
            picture, written, result.shown_target(), lambda share, _: tell(done, min(share, 1.0))
        )
        write_report(audit, task.source.name, task.destination.name, task.report)
    return Done(
        source=task.source,
        destination=task.destination,
        style=result.style,
        figures=figures,
        report=task.report,
        seconds=monotonic() - started,
    )
