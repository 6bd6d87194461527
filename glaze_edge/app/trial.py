"""Trying on a crop: what the settings do to a spot of a picture, within seconds."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

from PIL import Image as PillowImage

from glaze_edge.advice import advice
from glaze_edge.api import Figures, Session
from glaze_edge.app.images import part
from glaze_edge.figures import Attainment, attainment, visibility
from glaze_edge.files import MIN_SIDE, Picture
from glaze_edge.preprocess import WORKING_SIDE, as_trained, control, shown
from glaze_edge.settings import Effort
from glaze_edge.sheet import difference
from glaze_runtime.arrays import Image, to_pillow
from glaze_runtime.optimiser.views import resize

SIDE = 512
"""Pixels: what is shown, and what is worked on."""
EFFORT = Effort(steps=8, longest_sides=(SIDE,))
"""As standard effort looks at the size of a trainer: an answer within seconds."""


@dataclass(frozen=True, kw_only=True, eq=False)
class AiView:
    """What a decoder makes of what an encoder sees of the original, the glazed crop and the target."""

    original: PillowImage.Image
    glazed: PillowImage.Image
    target: PillowImage.Image


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial:
    """A spot of a picture, glazed.

    Attributes:
        left, top: of the shown part in the picture, pixels.
        before, after: the shown part, SIDE pixels at most.
        style: the name of the style that it was moved to.
        figures: of what was worked on.
        views: by the names of encoders, one for each decoder.
        seconds: that it took.
    """

    id: str = field(default_factory=lambda: secrets.token_hex(8))
    left: int
    top: int
    before: PillowImage.Image
    after: PillowImage.Image
    style: str
    figures: Figures
    views: dict[str, AiView]
    seconds: float

    @property
    def difference(self) -> PillowImage.Image:
        """The change, amplified."""
        return difference(self.before, self.after)


def try_out(
    session: Session, picture: Picture, x: int, y: int, on_progress: Callable[[float], None]
) -> Trial:
    """Glaze what is around (`x`, `y`), pixels of `picture`, as it would be as a part of the whole.

    A large picture is optimised small and its change enlarged, so here as well: a window of SIDE pixels at that size is
    glazed, and the SIDE pixels of the picture in its middle are shown.
    """
    started = monotonic()
    height, width = picture.image.shape[:2]
    scale = min(1.0, WORKING_SIDE / max(height, width))
    worked = max(MIN_SIDE, round(height * scale)), max(MIN_SIDE, round(width * scale))
    small = picture.image if scale == 1 else resize(picture.image, worked).clip(0, 1)
    rows, columns = (
        _window(place * n / whole, n, SIDE)
        for place, n, whole in zip((y, x), worked, (height, width), strict=True)
    )
    window = part(picture, small, rows, columns)
    result = session.glaze(
        window, effort=EFFORT, on_step=lambda step: on_progress(0.05 + 0.75 * step / EFFORT.steps)
    )
    original, glazed = shown(window), to_pillow(result.image)
    on_progress(0.85)
    encoders, views = _looks(session, original, glazed, to_pillow(result.target))
    figures = Figures(
        encoders=encoders,
        visibility=visibility(original, glazed),
        advice=advice(original, encoders, session.settings.intensity),
    )
    on_progress(1.0)
    tops, lefts = (_window(place, whole, SIDE) for place, whole in zip((y, x), (height, width), strict=True))
    before = picture.image[tops, lefts]
    change = _enlarged(result.image - window.image, (rows, columns), worked, (height, width), (tops, lefts))
    return Trial(
        left=lefts.start,
        top=tops.start,
        before=to_pillow(before),
        after=to_pillow(before + change),
        style=result.style,
        figures=figures,
        views=views,
        seconds=monotonic() - started,
    )


def _window(place: float, whole: int, side: int) -> slice:
    """As much as `side` pixels around `place`, within 0..whole."""
    length = min(side, whole)
    start = min(max(round(place - length / 2), 0), whole - length)
    return slice(start, start + length)


def _enlarged(
    change: Image,
    window: tuple[slice, slice],
    worked: tuple[int, int],
    whole: tuple[int, int],
    box: tuple[slice, slice],
) -> Image:
    """The change of the `window` of a picture of `worked` pixels, at `box` of the picture of `whole` pixels."""
    if worked == whole:
        return change
    ratio = [large / small for large, small in zip(whole, worked, strict=True)]
    size = tuple(round(n * by) for n, by in zip(change.shape[:2], ratio, strict=True))
    large = resize(change, (size[0], size[1]))
    rows, columns = (
        _window((shown_.start + shown_.stop) / 2 - part_.start * by, n, shown_.stop - shown_.start)
        for shown_, part_, by, n in zip(box, window, ratio, size, strict=True)
    )
    return large[rows, columns]


def _looks(
    session: Session, original: PillowImage.Image, glazed: PillowImage.Image, target: PillowImage.Image
) -> tuple[list[Attainment], dict[str, AiView]]:
    """The attainment in each encoder, and a view by each decoder; each picture is encoded once."""
    before, after, end = map(as_trained, (original, glazed, target))
    images = before, after, end, control(before, after)
    rows: list[Attainment] = []
    views: dict[str, AiView] = {}
    decoders = set()
    for eye in session.eyes:
        z, z_glazed, z_end, z_noise = (eye.look(image, decode=False).latent for image in images)
        rows.append(attainment(eye.name, z, z_glazed, z_noise, z_end))
        if eye.decoder is not None and eye.decoder.card.name not in decoders:
            decoders.add(eye.decoder.card.name)
            decoded = [to_pillow(eye.decoder.decode(latent)) for latent in (z, z_glazed, z_end)]
            views[eye.name] = AiView(original=decoded[0], glazed=decoded[1], target=decoded[2])
    return rows, views
