"""Many pictures, one after another: each result is written as soon as it is done, and a bad picture ends nothing."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from time import monotonic

from glaze_edge import __version__
from glaze_edge.api import Figures, Session
from glaze_edge.files import (
    Mark,
    Picture,
    check_destination,
    glimpse,
    output_path,
    output_paths,
    read_picture,
    write_picture,
)
from glaze_edge.files.atomic import replacing
from glaze_models.errors import AlreadyGlazed, OptionError, PictureError
from glaze_runtime.arrays import to_pillow
from glaze_runtime.views import resize


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be made of which pictures.

    Attributes:
        pictures: the files.
        output: a file, or a folder, which is made where there are many pictures; None for beside each picture.
        format: "keep", or the format to write, see `glaze_edge.files.FORMAT_CHOICES`.
        save_target: where to write the style target of the only picture, as PNG.
        overwrite: replace earlier results, and glaze glazed pictures again.

    Raises:
        OptionError: `save_target` is given for many pictures.
    """

    pictures: Sequence[Path]
    output: Path | None = None
    format: str = "keep"
    save_target: Path | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.save_target and len(self.pictures) > 1:
            raise OptionError("--save-target takes one picture. Glaze them one by one to keep their targets.")

    def destinations(self) -> list[Path]:
        """Where the result of each picture goes."""
        if len(self.pictures) == 1:
            return [output_path(self.pictures[0], self.output, self.format)]
        return output_paths(self.pictures, self.output, self.format)


@dataclass(frozen=True, kw_only=True, eq=False)
class Done:
    """A picture that is glazed: `figures` are of the file at `destination`, read again."""

    source: Path
    destination: Path
    style: str
    figures: Figures
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Failed:
    """A picture that could not be glazed."""

    source: Path
    error: PictureError


BEFORE, AFTER = 3, 3
"""Reading a picture and painting its target takes as long as so many steps; so does writing and measuring the result."""


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
    if order.save_target:
        check_destination(order.pictures[0], order.save_target, overwrite=order.overwrite)
    if order.output and len(order.pictures) > 1:
        order.output.mkdir(parents=True, exist_ok=True)
    ready: dict[Path, tuple[Path, float]] = {}
    works = []
    for source, destination in zip(order.pictures, destinations, strict=True):
        try:
            size = _check(source, destination, order)
            if session.draws_style and len(order.pictures) > 1:
                works.append(_small(read_picture(source)))
        except PictureError as error:
            yield Failed(source=source, error=error)
        else:
            ready[destination] = source, session.work(size)
    if works:
        session.choose_style(works)
    steps = BEFORE + session.steps + AFTER
    whole = steps * sum(work for _, work in ready.values())
    done = 0.0

    def tell(source: Path, work: float, step: int) -> None:
        on_progress(source, (done + work * step) / whole)

    for destination, (source, work) in ready.items():
        try:
            yield _glaze(session, source, destination, order, partial(tell, source, work))
        except PictureError as error:
            yield Failed(source=source, error=error)
        done += steps * work


def _check(source: Path, destination: Path, order: Order) -> tuple[int, int]:
    """The size of a picture that may be glazed."""
    check_destination(source, destination, overwrite=order.overwrite)
    seen = glimpse(source)
    if seen.mark and not order.overwrite:
        raise AlreadyGlazed(
            f"{source} is glazed already. Glaze the original, or use --overwrite to glaze it again."
        )
    return seen.size


def _small(picture: Picture) -> Picture:
    """Enough of a picture for its style embedding, so that a thousand of them fit in memory."""
    step = max(1, min(picture.image.shape[:2]) // 512)
    visible = None if picture.visible is None else picture.visible[::step, ::step].copy()
    return replace(
        picture, image=picture.image[::step, ::step].copy(), visible=visible, samples=picture.samples[:1]
    )


def _glaze(
    session: Session, source: Path, destination: Path, order: Order, on_step: Callable[[int], None]
) -> Done:
    started = monotonic()
    on_step(0)
    picture = read_picture(source)
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
        picture, result.image, destination, mark=mark, format=order.format, overwrite=order.overwrite
    )
    if order.save_target:
        with replacing(order.save_target) as file:
            to_pillow(resize(result.target, picture.image.shape[:2])).save(file, "PNG")
    figures = session.measure(result, read_picture(destination))
    on_step(BEFORE + session.steps + AFTER)
    return Done(
        source=source,
        destination=destination,
        style=result.style,
        figures=figures,
        seconds=monotonic() - started,
    )
