"""Glazing from Python: `glaze(picture)` for one picture, `Session` for many with the same networks and style.

The command sets OPENBLAS_NUM_THREADS=1 for itself. A program that glazes a lot does well to set it too, before it loads numpy.
"""

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from glaze_edge.advice import advice
from glaze_edge.audit import Audit, audit
from glaze_edge.audit.machine import Eye
from glaze_edge.figures import Attainment, Visibility, attainments, visibility
from glaze_edge.files import MIN_SIDE, Picture, read_picture
from glaze_edge.files.paths import found
from glaze_edge.generators import choices, resolved
from glaze_edge.preprocess import shown
from glaze_edge.settings import EFFORTS, INTENSITIES, Effort, Settings
from glaze_models import EncoderCard
from glaze_models.errors import OptionError, PictureError
from glaze_models.prompts import draw_prompt
from glaze_models.styles import Embedding, Style, style_bank, style_named
from glaze_runtime.arrays import Image, to_pillow
from glaze_runtime.decoder import decoder_of
from glaze_runtime.devices import Device, choose
from glaze_runtime.devices.selftest import self_test
from glaze_runtime.devices.verdicts import Verdict
from glaze_runtime.encoder import Encoder
from glaze_runtime.optimiser.budget import TO_OPPONENT
from glaze_runtime.optimiser.learned_step import learned_step_on
from glaze_runtime.optimiser.optimise import nothing, optimise
from glaze_runtime.optimiser.perceptual import LpipsHinge, lpips_on
from glaze_runtime.optimiser.tiling import TILE
from glaze_runtime.optimiser.views import resize
from glaze_runtime.stylise import LiteStylist, draw_style, rank_styles
from glaze_runtime.stylise.diffusion import DiffusionStylist, find_engine
from glaze_runtime.weights.catalogue import find_encoder

WORKING_SIDE = 1536
"""Pixels: a larger picture is optimised at this longest side, the most a trainer looks at, and its change is enlarged."""
BACKDROP = np.float32(0.5)
"""What encoders see where a picture is fully transparent."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Figures:
    """What was done to a picture, measured: `encoders` as a trainer sees it, beside their controls, and `visibility`.

    `advice` is what the artist should know of a result that can do little, or "".
    """

    encoders: list[Attainment]
    visibility: Visibility
    advice: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Glazed:
    """A result: the `picture` that was read, its glazed `image` [H,W,3] in 0..1, the style target, and the style's name.

    The `target` has the size that the picture was optimised at, WORKING_SIDE pixels at most.
    """

    picture: Picture
    image: Image
    target: Image
    style: str

    def shown_target(self) -> PillowImage.Image:
        """The target at the picture's size, RGB of 8 bits."""
        return to_pillow(resize(self.target, self.picture.image.shape[:2]))


@dataclass(frozen=True, kw_only=True, eq=False)
class Prompt:
    """A style in words, and the style engine that paints it."""

    text: str
    engine: DiffusionStylist


class Session:
    """Networks loaded once, for one picture or many.

    Attributes:
        settings: with the encoders of their generators named.
        choices: which encoders stand for the generators; empty where the settings named encoders.

    Raises:
        OptionError: a generator, encoder, style, style engine or device is unknown, or the style picture is none.
        DeviceError: the device is missing or failed its self-test.
        ModelError: a network's files are damaged, or its weights were not added yet; the style engine's are missing.
    """

    def __init__(self, settings: Settings) -> None:
        self.choices = choices(settings)
        self.settings = settings = resolved(settings, self.choices)
        cards = [find_encoder(name) for name in settings.encoders]
        self.device = choose(settings.device, partial(_test_all, cards=cards))
        self.encoders = [Encoder(card, self.device) for card in cards]
        self.stylist = LiteStylist()
        self._learned = learned_step_on(self.device)
        self._hinge: LpipsHinge | None = None
        if settings.lpips is not None and settings.lpips_backbone is not None:
            lpips = lpips_on(settings.lpips_backbone, self.device)
            self._hinge = LpipsHinge(lpips=lpips, most=settings.lpips)
        self._style = _chosen_style(settings, self.device)

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
        other._style = _chosen_style(settings, self.device)
        return other

    def embed(self, picture: Picture) -> Embedding:
        """Where `picture` lies among styles."""
        return self.stylist.embed(opaque(picture))

    def choose_style(self, works: Sequence[Embedding]) -> Style | Image | Prompt:
        """The style that pictures with the embeddings `works` are moved to: the settings' own, or one drawn far from their centroid.

        With a style engine it is a prompt, drawn with the seed alone.
        """
        if self._style is None:
            self._style = draw_style(rank_styles(works, style_bank()), self.settings.seed)
        return self._style

    @property
    def draws_style(self) -> bool:
        """The style is still to be drawn, from the pictures."""
        return self._style is None

    def style_name(self) -> str:
        """The name of the style in use: a built-in style's, the prompt, or the file name of the style picture."""
        match self._style:
            case Style(name=name) | Prompt(text=name):
                return name
        return Path(self.settings.style).name

    def glaze(
        self,
        picture: Picture,
        on_step: Callable[[int], None] = lambda step: None,
        effort: Effort | None = None,
    ) -> Glazed:
        """Glaze one picture; `on_step` is told how many steps are done, of those of `effort`, by default the settings' own."""
        style = self.choose_style([self.embed(picture)] if self.draws_style else [])
        effort = effort or EFFORTS[self.settings.effort]
        seen = _working_size(opaque(picture))
        target = self._target(seen, style)
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
            style=self.style_name(),
        )

    def _target(self, image: Image, style: Style | Image | Prompt) -> Image:
        if isinstance(style, Prompt):
            return style.engine.stylise(image, style.text)
        return self.stylist.stylise(image, style)

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
        """Give back the memory of the encoders and decoders until they are used again, also by sessions that share them."""
        for encoder in self.encoders:
            encoder.release()
        for eye in vars(self).get("eyes", ()):
            if eye.decoder is not None:
                eye.decoder.release()

    def verdict(self) -> Verdict:
        """The self-test's verdict on the device, with the first encoder."""
        return _test(self.device, self.encoders[0].card)


def glaze(picture: Path | str, settings: Settings | None = None) -> tuple[Glazed, Figures]:
    """Glaze one picture; nothing is written.

    Example:
        >>> result, figures = glaze("portrait.png", Settings(intensity="low"))
        >>> figures.encoders[0]["attainment"]

    Raises:
        GlazeError: one of its tree, see `glaze_models.errors`.
    """
    session = Session(settings or Settings())
    result = session.glaze(read_picture(Path(picture)))
    as_written = np.rint(result.image * 255).astype(np.float32) / np.float32(255)
    return result, session.measure(result, replace(result.picture, image=as_written))


def _chosen_style(settings: Settings, device: Device) -> Style | Image | Prompt | None:
    """None where `auto` is still to be drawn."""
    if settings.style_engine is not None:
        return _prompt(settings, settings.style_engine, device)
    return None if settings.style == "auto" else _style(settings.style)


def _style(text: str) -> Style | Image:
    if text in style_bank() or not found(Path(text)):
        return style_named(text)
    try:
        return opaque(read_picture(Path(text)))
    except PictureError as error:
        raise OptionError(f"The style picture cannot be used. {error}") from error


def _prompt(settings: Settings, engine: str, device: Device) -> Prompt:
    return Prompt(
        text=draw_prompt(settings.seed) if settings.style == "auto" else settings.style,
        engine=DiffusionStylist(find_engine(engine), device, settings.seed),
    )


def _test_all(device: Device, cards: Sequence[EncoderCard]) -> Verdict:
    """The first encoder's verdict, or that of the first which fails: a device may be right for one and wrong for another."""
    verdicts = []
    for card in cards:
        verdicts.append(verdict := _test(device, card))
        if not verdict.passed:
            return verdict
    return verdicts[0]


def _test(device: Device, card: EncoderCard) -> Verdict:
    return self_test(device, partial(Encoder, card), card=card, size=card.side or TILE)


def opaque(picture: Picture) -> Image:
    """[H,W,3] as encoders are shown it: a backdrop where nothing is visible."""
    if picture.visible is None:
        return picture.image
    return np.where(picture.visible[..., None], picture.image, BACKDROP)


def _working_size(image: Image) -> Image:
    longest = max(image.shape[:2])
    if longest <= WORKING_SIDE:
        return image
    height, width = (max(MIN_SIDE, round(n * WORKING_SIDE / longest)) for n in image.shape[:2])
    return resize(image, (height, width)).clip(0, 1)
