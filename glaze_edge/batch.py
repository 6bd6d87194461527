"""Many pictures, one after another: each result is written as soon as it is done, and a bad picture ends nothing."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from statistics import mean
from time import monotonic

from glaze_edge import __version__
from glaze_edge.api import WORKING_SIDE, Figures, Session
from glaze_edge.audit.report import write_report
from glaze_edge.files import (
    Mark,
    check_destination,
    glimpse,
    output_path,
    output_paths,
    read_picture,
    report_paths,
    write_picture,
)
from glaze_edge.files.atomic import replacing
from glaze_edge.settings import EFFORTS
from glaze_models.errors import AlreadyGlazed, OptionError, PictureError
from glaze_runtime.optimise import fitting


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
class Job:
    """A picture that may be glazed, where the result and its audit's report go, and how long a step takes (`step_work`)."""

    source: Path
    destination: Path
    report: Path | None
    work: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Done:
    """A picture that is glazed: `figures` are of the file at `destination`, read again; `report` is the audit's file."""

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


BEFORE, AFTER = 3, 3
"""Reading a picture and painting its target takes as long as so many steps; so does writing and measuring the result."""
BESIDES = 0.1
"""Budget and views of a pixel of the picture take this share of the time in which the bundled encoders see a pixel."""
AUDIT = 60
"""An audit takes as long as so many steps."""


def steps_of(effort: str) -> int:
    """How many steps a picture takes as long as, all told, with an effort of this name."""
    return BEFORE + EFFORTS[effort].steps + AFTER


def step_work(size: tuple[int, int], effort: str) -> float:
    """How long a step takes with a picture of this height and width, as compared with others; unit: a megapixel encoded."""
    longest = max(size)
    worked_on = min(longest, WORKING_SIDE)
    sides = fitting(EFFORTS[effort].longest_sides, worked_on)
    return (mean(side**2 for side in sides) + BESIDES * worked_on**2) * min(size) / longest / 1e6


def glaze_all(
    session: Session,
    order: Order,
    on_progress: Callable[[Path, float], None] = lambda source, share: None,
) -> Iterator[Done | Failed]:
    """Glaze every picture of `order` towards one style.

    Args:
        session: gives the settings.
        order: the pictures and where their results go.
        on_progress: is told the picture at work, and the share of all work that is done.

    Raises:
        OptionError: the places of the results do not fit the pictures.
        PictureError: the style target cannot be written to its place.
    """
    destinations = order.destinations()
    reports = report_paths(destinations) if order.audit else [None] * len(destinations)
    if order.save_target:
        check_destination(order.pictures[0], order.save_target, overwrite=order.overwrite)
    if order.output and len(order.pictures) > 1:
        order.output.mkdir(parents=True, exist_ok=True)
    jobs: list[Job] = []
    works = []
    for source, destination, page in zip(order.pictures, destinations, reports, strict=True):
        try:
            size = _check(source, destination, page, order)
            if session.draws_style and len(order.pictures) > 1:
                works.append(session.embed(read_picture(source)))
        except PictureError as error:
            yield Failed(source=source, error=error)
        else:
            jobs.append(
                Job(
                    source=source,
                    destination=destination,
                    report=page,
                    work=step_work(size, session.settings.effort),
                )
            )
    if works:
        session.choose_style(works)
    steps = steps_of(session.settings.effort) + (AUDIT if order.audit else 0)
    whole = steps * sum(job.work for job in jobs)
    done = 0.0

    def tell(job: Job, step: float) -> None:
        on_progress(job.source, (done + job.work * step) / whole)

    for job in jobs:
        try:
            yield _glaze(session, job, order, partial(tell, job))
        except PictureError as error:
            yield Failed(source=job.source, error=error)
        done += steps * job.work


def _check(source: Path, destination: Path, report: Path | None, order: Order) -> tuple[int, int]:
    """The size of a picture that may be glazed."""
    for path in filter(None, (destination, report)):
        check_destination(source, path, overwrite=order.overwrite)
    seen = glimpse(source)
    if seen.mark and not order.overwrite:
        raise AlreadyGlazed(
            f"{source} is glazed already. Glaze the original, or use --overwrite to glaze it again."
        )
    return seen.size


def _glaze(session: Session, job: Job, order: Order, on_step: Callable[[float], None]) -> Done:
    started = monotonic()
    on_step(0)
    picture = read_picture(job.source)
    result = session.glaze(picture, lambda step: on_step(BEFORE + step))
    mark = Mark(
        version=__version__,
        intensity=session.settings.intensity,
        effort=session.settings.effort,
        style=result.style,
        encoders=session.settings.encoders,
        date=date.today(),
    )
    write_picture(
        picture, result.image, job.destination, mark=mark, format=order.format, overwrite=order.overwrite
    )
    if order.save_target:
        with replacing(order.save_target) as file:
            result.shown_target().save(file, "PNG")
    written = read_picture(job.destination)
    figures = session.measure(result, written)
    done = steps_of(session.settings.effort)
    on_step(done)
    if job.report is not None:
        audit = session.audit(
            picture, written, result.shown_target(), lambda share, _: on_step(done + AUDIT * share)
        )
        write_report(audit, job.source.name, job.destination.name, job.report)
    return Done(
        source=job.source,
        destination=job.destination,
        style=result.style,
        figures=figures,
        report=job.report,
        seconds=monotonic() - started,
    )
