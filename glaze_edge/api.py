"""Glazing from Python: `glaze(picture)` for one picture, `Session` for many with the same networks and style."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from statistics import mean

import numpy as np
from PIL import Image as PillowImage

from glaze_edge.advice import advice
from glaze_edge.audit import Audit, audit
from glaze_edge.audit.machine import Eye
from glaze_edge.figures import Attainment, Visibility, attainments, visibility
from glaze_edge.files import MIN_SIDE, Picture, read_picture
from glaze_edge.settings import EFFORTS, INTENSITIES, Settings
from glaze_edge.trainer import shown
from glaze_models import EncoderCard
from glaze_models.errors import OptionError, PictureError
from glaze_models.prompts import draw_prompt
from glaze_models.styles import Style, style_bank, style_named
from glaze_runtime.arrays import Image, to_pillow
from glaze_runtime.budget import TO_OPPONENT, visibility_budget
from glaze_runtime.decoder import decoder_of
from glaze_runtime.devices import Device, choose
from glaze_runtime.diffusion import DiffusionStylist, find_engine
from glaze_runtime.encoder import Encoder
from glaze_runtime.optimise import TILE, fitting, nothing, optimise
from glaze_runtime.perceptual import LpipsHinge, lpips_on
from glaze_runtime.selftest import self_test
from glaze_runtime.store import encoder_card
from glaze_runtime.stylise import LiteStylist, draw_style, rank_styles
from glaze_runtime.verdicts import Verdict
from glaze_runtime.views import resize

WORKING_SIDE = 1536
"""Pixels: a larger picture is optimised at this longest side, the most a trainer looks at, and its change is enlarged."""
BESIDES = 0.1
"""Budget and views of a pixel of the picture take this share of the time in which the bundled encoders see a pixel."""
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

    Raises:
        OptionError: an encoder, style, style engine or device is unknown, or the style picture is none.
        DeviceError: the device is missing or failed its self-test.
        ModelError: a network's files are damaged, or its weights were not added yet; the style engine's are missing.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        cards = [encoder_card(name) for name in settings.encoders]
        test = partial(_test, card=cards[0])
        self.device = choose(settings.device, test)
        self.encoders = [Encoder(card, self.device) for card in cards]
        self.stylist = LiteStylist()
        self._perceptual: Callable[[Image, Image], Image] = nothing
        if settings.lpips is not None and settings.lpips_backbone is not None:
            lpips = lpips_on(settings.lpips_backbone, self.device)
            self._perceptual = LpipsHinge(lpips=lpips, most=settings.lpips).gradient
        self._style: Style | Image | Prompt | None = None
        if settings.style_engine is not None:
            self._style = _prompt(settings, settings.style_engine, self.device)
        elif settings.style != "auto":
            self._style = _style(settings.style)

    def choose_style(self, pictures: Sequence[Picture]) -> Style | Image | Prompt:
        """The style all of `pictures` are moved to: the settings' own, or one drawn far from their centroid.

        With a style engine it is a prompt, drawn with the seed alone.
        """
        if self._style is None:
            works = [self.stylist.embed(_seen(picture)) for picture in pictures]
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

    def glaze(self, picture: Picture, on_step: Callable[[int], None] = lambda step: None) -> Glazed:
        """Glaze one picture; `on_step` is told how many of `steps` are done."""
        style = self.choose_style([picture])
        effort = EFFORTS[self.settings.effort]
        seen = _working_size(_seen(picture))
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
            budget=visibility_budget(seen, INTENSITIES[self.settings.intensity]),
            perceptual=self._perceptual,
            steps=effort.steps,
            longest_sides=effort.longest_sides,
            free=free,
            neutral=picture.grey,
            seed=self.settings.seed,
            on_step=on_step,
        )
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
        return audit(original, glazed, target, self._eyes, on_progress)

    @cached_property
    def _eyes(self) -> list[Eye]:
        return [
            Eye(encoder=each, decoder=decoder_of(each.card, self.device), embed=self.stylist.embed)
            for each in self.encoders
        ]

    def work(self, size: tuple[int, int]) -> float:
        """How long a step takes with a picture of this height and width, as compared with others; unit: a megapixel encoded."""
        longest = max(size)
        worked_on = min(longest, WORKING_SIDE)
        sides = fitting(EFFORTS[self.settings.effort].longest_sides, worked_on)
        sizes = mean(side**2 for side in sides) + BESIDES * worked_on**2
        return sizes * min(size) / longest / 1e6

    @property
    def steps(self) -> int:
        """Steps a picture."""
        return EFFORTS[self.settings.effort].steps


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


def _style(text: str) -> Style | Image:
    if text in style_bank() or not Path(text).exists():
        return style_named(text)
    try:
        return _seen(read_picture(Path(text)))
    except PictureError as error:
        raise OptionError(f"The style picture cannot be used. {error}") from error


def _prompt(settings: Settings, engine: str, device: Device) -> Prompt:
    return Prompt(
        text=draw_prompt(settings.seed) if settings.style == "auto" else settings.style,
        engine=DiffusionStylist(find_engine(engine), device, settings.seed),
    )


def _test(device: Device, card: EncoderCard) -> Verdict:
    return self_test(device, partial(Encoder, card), card=card, size=TILE)


def _seen(picture: Picture) -> Image:
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
