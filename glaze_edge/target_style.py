"""The style that pictures are moved to: the one that the settings name, or one drawn far from the artist's own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from glaze_edge.files import Picture, read_picture
from glaze_edge.files.paths import found
from glaze_edge.settings import Settings
from glaze_models.errors import OptionError, PictureError
from glaze_models.prompts import draw_prompt
from glaze_models.styles import Embedding, Style, style_bank, style_named
from glaze_runtime.arrays import Image
from glaze_runtime.devices import Device
from glaze_runtime.stylise import LiteStylist, draw_style, rank_styles
from glaze_runtime.stylise.diffusion import DiffusionStylist, find_engine

BACKDROP = np.float32(0.5)
"""What encoders see where a picture is fully transparent."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TargetStyle:
    """A style: its `name`, and `paint`, which gives an image [H,W,3] in 0..1 in that style, of the same size."""

    name: str
    paint: Callable[[Image], Image]


def chosen_style(settings: Settings, device: Device) -> TargetStyle | None:
    """The style of `settings`: a prompt for the style engine, a built-in style, or a picture's; None for `auto`.

    Raises:
        OptionError: there is no such style, or the style picture cannot be read.
        ModelError: the style engine's files are missing.
    """
    if settings.style_engine is not None:
        prompt = draw_prompt(settings.seed) if settings.style == "auto" else settings.style
        engine = DiffusionStylist(find_engine(settings.style_engine), device, settings.seed)
        return TargetStyle(name=prompt, paint=lambda image: engine.stylise(image, prompt))
    if settings.style == "auto":
        return None
    if settings.style in style_bank() or not found(Path(settings.style)):
        return _built_in(style_named(settings.style))
    try:
        reference = opaque(read_picture(Path(settings.style)))
    except PictureError as error:
        raise OptionError(f"The style picture cannot be used. {error}") from error
    return TargetStyle(name=Path(settings.style).name, paint=_painted_as(reference))


def drawn_style(embeddings: Sequence[Embedding], seed: int) -> TargetStyle:
    """A built-in style, drawn by `seed` from those far from the centroid of an artist's pictures, given by their
    `embeddings`."""
    return _built_in(draw_style(rank_styles(embeddings, style_bank()), seed))


def opaque(picture: Picture) -> Image:
    """[H,W,3] as encoders are shown it: a backdrop where nothing is visible."""
    if picture.visible is None:
        return picture.image
    return np.where(picture.visible[..., None], picture.image, BACKDROP)


def _built_in(style: Style) -> TargetStyle:
    return TargetStyle(name=style.name, paint=_painted_as(style))


def _painted_as(style: Style | Image) -> Callable[[Image], Image]:
    return partial(LiteStylist().stylise, style=style)
