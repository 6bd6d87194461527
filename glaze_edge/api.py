"""Glazing from Python: `glaze(picture)` for one picture, `Session` for many with the same networks.

Example:
    >>> from glaze_edge import Session, Settings, read_picture
    >>> session = Session(Settings(effort="quick"))
    >>> style = session.draw_style([session.embed(read_picture("portrait.png"))])
    >>> result = session.glaze(read_picture("portrait.png"), style)
    >>> result.style == style.name
    True

The command sets OPENBLAS_NUM_THREADS=1 for itself. A program that glazes much should set it too, before it loads numpy.
"""

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from glaze_edge import __version__
from glaze_edge.advice import Advice, advice
from glaze_edge.audit import Audit, audit
from glaze_edge.audit.machine import Eye
from glaze_edge.figures import Attainment, Visibility, attainments, visibility
from glaze_edge.files import Mark, Picture, read_picture, write_picture
from glaze_edge.files.paths import KEEP
from glaze_edge.generators import choices, resolved
from glaze_edge.preprocess import shown, working_size
from glaze_edge.settings import EFFORTS, INTENSITIES, Effort, Settings
from glaze_edge.target_style import BACKDROP, TargetStyle, chosen_style, drawn_style, opaque
from glaze_models.styles import Embedding
from glaze_runtime.arrays import Image, to_pillow
from glaze_runtime.decoder import decoder_of
from glaze_runtime.devices import choose
from glaze_runtime.devices.selftest import examine
from glaze_runtime.devices.verdicts import Verdict
from glaze_runtime.encoder import Encoder
from glaze_runtime.optimiser.budget import TO_OPPONENT
from glaze_runtime.optimiser.learned_step import learned_step_on
from glaze_runtime.optimiser.optimise import nothing, optimise
from glaze_runtime.optimiser.perceptual import LpipsHinge, lpips_on
from glaze_runtime.optimiser.views import resize
from glaze_runtime.stylise import LiteStylist
from glaze_runtime.weights.catalogue import find_encoder


@dataclass(frozen=True, kw_only=True, eq=False)
class Figures:
    """What was done to a picture, measured: `encoders` as a trainer sees it, beside their controls, and `visibility`.

    `advice` is what the artist should know of a result that can do little; None for any other.
    """

    encoders: list[Attainment]
    visibility: Visibility
    advice: Advice | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Glazed:
    """A result.

    Attributes:
        picture: the one that was read.
        image: [H,W,3] in 0..1, glazed.
        target: [h,w,3] in 0..1, the style target, of the size that the picture was optimised at: WORKING_SIDE pixels at
            most.
        mark: how it was glazed; goes into the file.
    """

    picture: Picture
    image: Image
    target: Image
    mark: Mark

    @property
    def style(self) -> str:
        """The name of the target style."""
        return self.mark.style

    def save(self, path: Path | str, *, format: str = KEEP, overwrite: bool = False) -> Path:  # noqa: A002
        """Write the glazed picture with the metadata of the original, whole or not at all; gives `path`.

        Args:
            path: the file to write, never the picture's own.
            format: "keep", "png", "jpeg", "webp", "tiff" or "avif".
            overwrite: replace an earlier file.

        Raises:
            OptionError: `format` is unknown, or cannot hold this picture.
            OutputError: nothing can be written there, or it exists and `overwrite` is False.
        """
        path = Path(path)
        write_picture(self.picture, self.image, path, mark=self.mark, format=format, overwrite=overwrite)
        return path

    def shown_target(self) -> PillowImage.Image:
        """The target at the picture's size, RGB of 8 bits."""
        return to_pillow(resize(self.target, self.picture.image.shape[:2]))


class Session:
    """Networks loaded once, for one picture or many.

    Attributes:
        settings: with the encoders of their generators named.
        choices: which encoders stand for the generators; empty where the settings named encoders.
        style: the target style of the settings; None for `auto`, which is drawn for each picture, or once for many by
            `draw_style`.

    Raises:
        OptionError: a generator, encoder, style, style engine or device is unknown, or the style picture is none.
        DeviceError: the device is missing or failed its self-test.
        ModelError: a network's files are damaged, or its weights were not added yet; the style engine's are missing.
    """

    def __init__(self, settings: Settings) -> None:
        self.choices = choices(settings)
        self.settings = settings = resolved(settings, self.choices)
        cards = [find_encoder(name) for name in settings.encoders]
        self.device = choose(settings.device, partial(examine, cards=cards))
        self.encoders = [Encoder(card, self.device) for card in cards]
        self.stylist = LiteStylist()
        self._learned = learned_step_on(self.device)
        self._hinge: LpipsHinge | None = None
        if settings.lpips is not None and settings.lpips_backbone is not None:
            lpips = lpips_on(settings.lpips_backbone, self.device)
            self._hinge = LpipsHinge(lpips=lpips, most=settings.lpips)
        self.style = chosen_style(settings, self.device)

    def retuned(self, settings: Settings) -> "Session":
        """A session with other settings of intensity, effort, style or seed; the networks are shared.

        Raises:
            OptionError: a generator or style is unknown, or the style picture is none.
            ModelError: the style engine's files are missing.
            ValueError: these settings need other networks.
        """
        kept, chosen = self.settings, choices(settings)
        settings = resolved(settings, chosen)
        if settings != replace(
            kept,
            intensity=settings.intensity,
            effort=settings.effort,
            style=settings.style,
            style_engine=settings.style_engine,
            generators=settings.generators,
            seed=settings.seed,
        ):
            raise ValueError(f"{settings} need other networks than {kept}")
        other = copy(self)
        other.settings, other.choices = settings, chosen
        other.style = chosen_style(settings, self.device)
        return other

    def embed(self, picture: Picture) -> Embedding:
        """Where `picture` lies among styles."""
        return self.stylist.embed(opaque(picture))

    def draw_style(self, embeddings: Sequence[Embedding]) -> TargetStyle:
        """A style far from the centroid of pictures that lie at `embeddings` (see `embed`), by the settings' seed."""
        return drawn_style(embeddings, self.settings.seed)

    def glaze(
        self,
        picture: Picture,
        style: TargetStyle | None = None,
        *,
        effort: Effort | None = None,
        on_step: Callable[[int], None] = lambda step: None,
    ) -> Glazed:
        """Glaze one picture.

        Args:
            picture: from `read_picture`.
            style: by default that of the settings; for `auto` one drawn far from this picture.
            effort: by default that of the settings.
            on_step: told how many of the effort's steps are done.
        """
        style = style or self.style or self.draw_style([self.embed(picture)])
        effort = effort or EFFORTS[self.settings.effort]
        seen = working_size(opaque(picture))
        target = style.paint(seen)
        if picture.grey:
            target = np.repeat(target @ TO_OPPONENT[0][:, None], 3, axis=2)
        free = None
        if picture.visible is not None:
            free = resize(picture.visible[..., None].astype(np.float32), seen.shape[:2])[..., 0] > 0.999
            target[~free] = BACKDROP
        change = optimise(
            seen,
            target,
            encoders=self.encoders,
            scale=INTENSITIES[self.settings.intensity],
            perceptual=self._hinge.gradient if self._hinge else nothing,
            learned=self._learned,
            steps=effort.steps,
            longest_sides=effort.longest_sides,
            free=free,
            neutral=picture.grey,
            seed=self.settings.seed,
            on_step=on_step,
        )
        if self._hinge:
            change = self._hinge.within(change, seen)
        shape = picture.image.shape[:2]
        image = resize(change, shape)
        image += picture.image
        return Glazed(
            picture=picture,
            image=image.clip(0, 1, out=image),
            target=target,
            mark=Mark(
                version=__version__,
                intensity=self.settings.intensity,
                effort=self.settings.effort,
                style=style.name,
                encoders=self.settings.encoders,
                date=date.today(),
            ),
        )

    def measure(self, result: Glazed, written: Picture) -> Figures:
        """The figures of a result as it was `written` to a file and read again."""
        original, glazed = shown(result.picture), shown(written)
        reached = attainments(original, glazed, result.shown_target(), self.encoders)
        return Figures(
            encoders=reached,
            visibility=visibility(original, glazed),
            advice=advice(original, reached, self.settings.intensity),
        )

    def audit(
        self,
        original: Picture,
        glazed: Picture,
        target: PillowImage.Image | None,
        on_progress: Callable[[float, str], None] = lambda share, doing: None,
    ) -> Audit:
        """`glaze_edge.audit.audit`, with the encoders of this session and the decoders of their latents.

        Raises:
            OptionError: the pictures differ in size, or nothing can be said without a target.
            ModelError, WeightsError: a decoder's files are damaged.
        """
        return audit(original, glazed, target, self.eyes, on_progress)

    @cached_property
    def eyes(self) -> list[Eye]:
        """What an audit looks through: the encoders, with the decoders of their latents.

        Raises:
            ModelError, WeightsError: a decoder's files are damaged.
        """
        return [
            Eye(encoder=each, decoder=decoder_of(each.card, self.device), embed=self.stylist.embed)
            for each in self.encoders
        ]

    def release(self) -> None:
        """Give back the memory of the encoders and decoders until they are used again, also by sessions that share
        them."""
        for encoder in self.encoders:
            encoder.release()
        for eye in vars(self).get("eyes", ()):
            if eye.decoder is not None:
                eye.decoder.release()

    def verdict(self) -> Verdict:
        """The self-test's verdict on the device, with the first encoder."""
        return examine(self.device, [self.encoders[0].card])


def glaze(picture: Path | str, settings: Settings | None = None) -> tuple[Glazed, Figures]:
    """Glaze one picture; nothing is written before `Glazed.save`.

    Example:
        >>> result, figures = glaze("portrait.png", Settings(intensity="low"))
        >>> result.save("portrait-glazed.png").name
        'portrait-glazed.png'
        >>> [row["encoder"] for row in figures.encoders]
        ['sd1-a', 'sd1-b', 'sdxl-a']

    Raises:
        GlazeError: one of its tree, see `glaze_models.errors`.
    """
    session = Session(settings or Settings())
    result = session.glaze(read_picture(Path(picture)))
    as_written = np.rint(result.image * 255).astype(np.float32) / np.float32(255)
    return result, session.measure(result, replace(result.picture, image=as_written))
