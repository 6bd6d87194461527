"""Does it hold? What a glaze changed, what a person sees of it, what an AI sees, and what is left after what people do
to pictures."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from PIL import Image as PillowImage

from glaze_edge.audit.machine import Effect, Eye, Sight, effect
from glaze_edge.audit.person import Person, person_sees, psnr
from glaze_edge.audit.purifiers import battery
from glaze_edge.audit.survival import Pair, Survival, survives
from glaze_edge.files import Mark, Picture
from glaze_edge.preprocess import as_trained, control, shown
from glaze_models import ENCODERS, EncoderCard
from glaze_models.errors import GlazeError, OptionError
from glaze_runtime.arrays import to_pillow
from glaze_runtime.weights.catalogue import find_encoder

__all__ = ["Audit", "Effect", "Findings", "Reading", "View", "audit", "encoders_for"]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What one encoder sees.

    Attributes:
        encoder: its name.
        stands_for: the generators it is the encoder of.
        caveat: what to know of it, or "".
        decoder: of the network that decodes its latents for the view, or "" where there is none.
        decoder_caveat: what to know of that, or "".
        glazed_against: the picture was made against this very encoder; None where the picture carries no mark.
        effect: of the glazed picture.
        control: of the same change as noise: blocks shuffled, signs flipped.
    """

    encoder: str
    stands_for: tuple[str, ...]
    caveat: str
    decoder: str
    decoder_caveat: str
    glazed_against: bool | None
    effect: Effect
    control: Effect


@dataclass(frozen=True, kw_only=True)
class Findings:
    """All figures of an audit, plain data.

    Attributes:
        mark: how the picture was glazed, if it says so.
        person: what a person sees.
        encoders: what AIs see.
        measure: "attainment", or "drift" where the target is not known: what `survival` gives.
        untouched: what the purifiers begin with.
        survival: what is left after each purifier, the worst first.
        stood_in_for: generators that only a small stand-in was looked through for.
        untested: generators that nothing was looked through for.
    """

    mark: Mark | None
    person: Person
    encoders: list[Reading]
    measure: str
    untouched: Survival
    survival: list[Survival]
    stood_in_for: tuple[str, ...]
    untested: tuple[str, ...]

    def worst(self, encoder: str) -> Survival:
        """The purifier that leaves least to `encoder`: what the best of as many attacks gets."""
        return min(self.survival, key=lambda row: row.left[encoder])


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """The AI's view: what the decoder of `encoder` makes of the original, the glazed picture and the target."""

    encoder: str
    original: PillowImage.Image
    glazed: PillowImage.Image
    target: PillowImage.Image | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Audit:
    """An audit: the pictures at full size (RGB of 8 bits), the AI's views of them, and the findings."""

    original: PillowImage.Image
    glazed: PillowImage.Image
    findings: Findings
    views: list[View]


def audit(
    original: Picture,
    glazed: Picture,
    target: PillowImage.Image | None,
    eyes: Sequence[Eye],
    on_progress: Callable[[float, str], None] = lambda share, doing: None,
) -> Audit:
    """Audit the `glazed` picture against the `original`.

    Args:
        target: the style target, of any size; None where it is not known.
        eyes: what looks; the first with a decoder is the attacker's autoencoder. Without a target, those without a
            decoder are left out.
        on_progress: is told the share of the work that is done, and what is next.

    Raises:
        OptionError: the pictures differ in size, or nothing can be said without a target.
    """
    before, after = shown(original), shown(glazed)
    _check(original, glazed)
    eyes = _able(eyes, target)
    if target is not None:
        target = target.resize(before.size, PillowImage.Resampling.LANCZOS)
    pair = Pair(
        original=as_trained(before),
        glazed=as_trained(after),
        target=None if target is None else as_trained(target),
    )
    purifiers = battery(next((eye.autoencoder for eye in eyes if eye.autoencoder), None))
    tell = _steps(1 + len(eyes) + len(purifiers), on_progress)
    tell("what a person sees")
    seen = person_sees(before, after)
    readings, views, goals = [], [], []
    for eye in eyes:
        tell(f"what {eye.name} sees")
        reading, view, goal = _read(eye, pair, glazed.glazed)
        readings.append(reading)
        goals.append(goal)
        if view is not None:
            views.append(view)
    survival = survives(purifiers, pair, eyes, goals, lambda purifier: tell(f"after {purifier.does}"))
    cards = [eye.encoder.card for eye in eyes]
    real = _generators([card for card in cards if not card.stand_in])
    findings = Findings(
        mark=glazed.glazed,
        person=seen,
        encoders=readings,
        measure="drift" if target is None else "attainment",
        untouched=Survival(
            purifier="none",
            does="nothing done",
            left={reading.encoder: reading.effect.main for reading in readings},
            psnr=psnr(pair.original, pair.glazed),
        ),
        survival=survival,
        stood_in_for=_generators([card for card in cards if card.stand_in], besides=real),
        untested=_generators(ENCODERS.values(), besides=_generators(cards)),
    )
    return Audit(original=before, glazed=after, findings=findings, views=views)


def encoders_for(mark: Mark | None) -> tuple[str, ...]:
    """The encoders that a picture was glazed against, as far as they are here; empty where it does not say."""
    return () if mark is None else tuple(dict.fromkeys(name for name in mark.encoders if _here(name)))


def _here(name: str) -> bool:
    try:
        return find_encoder(name).weights is not None
    except GlazeError:
        return False


def _check(original: Picture, glazed: Picture) -> None:
    (height, width), (tall, wide) = (picture.image.shape[:2] for picture in (original, glazed))
    if (height, width) != (tall, wide):
        raise OptionError(
            f"{original.path} has {width}x{height} pixels and {glazed.path} {wide}x{tall}. "
            "Name a picture and its glazed version."
        )


def _able(eyes: Sequence[Eye], target: PillowImage.Image | None) -> Sequence[Eye]:
    """Those of `eyes` that can tell something: without a target only those with a decoder."""
    able = [eye for eye in eyes if target is not None or eye.decoder is not None]
    if not able:
        names = ", ".join(eye.name for eye in eyes)
        raise OptionError(
            f"Without the style target nothing can be said of {names}, whose decoder is not here. "
            "Name the file in --target (`glaze --save-target` keeps it), or other encoders."
        )
    return able


def _read(eye: Eye, pair: Pair, mark: Mark | None) -> tuple[Reading, View | None, Sight | None]:
    start, seen = eye.look(pair.original), eye.look(pair.glazed)
    noise = eye.look(control(pair.original, pair.glazed))
    goal = None if pair.target is None else eye.look(pair.target)
    card = eye.encoder.card
    reading = Reading(
        encoder=card.name,
        stands_for=card.stands_for,
        caveat=card.caveat,
        decoder="" if eye.decoder is None else eye.decoder.card.name,
        decoder_caveat="" if eye.decoder is None else eye.decoder.card.caveat,
        glazed_against=None if mark is None else card.name in mark.encoders,
        effect=effect(seen, start, goal),
        control=effect(noise, start, goal),
    )
    view = None
    if start.decoded is not None and seen.decoded is not None:
        end = None if goal is None or goal.decoded is None else to_pillow(goal.decoded)
        view = View(
            encoder=card.name, original=to_pillow(start.decoded), glazed=to_pillow(seen.decoded), target=end
        )
    return reading, view, goal


def _generators(cards: Iterable[EncoderCard], besides: Sequence[str] = ()) -> tuple[str, ...]:
    """Those that `cards` stand for, each once."""
    named = dict.fromkeys(generator for card in cards for generator in card.stands_for)
    return tuple(generator for generator in named if generator not in besides)


def _steps(count: int, on_progress: Callable[[float, str], None]) -> Callable[[str], None]:
    """Tells the next step, of `count`."""
    done = iter(range(count))
    return lambda doing: on_progress(next(done) / count, doing)
