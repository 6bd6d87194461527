"""From the generators that an artist names to the best encoders there are for each."""

from dataclasses import dataclass, replace
from typing import Literal

from glaze_edge.settings import Settings
from glaze_models import ENCODERS, EncoderCard
from glaze_models.errors import OptionError
from glaze_models.generators import GENERATORS, Generator, generator_named
from glaze_runtime.weights.catalogue import added_as

Kind = Literal["real", "tiny", "bundled"]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The encoders that protection against `generator` uses today.

    Attributes:
        generator: what to protect against.
        cards: its encoders; they have weights.
        kind: "real" for the generator's own encoder, "tiny" for a small published stand-in that was added, "bundled"
            for stand-ins that come with glaze-edge.
    """

    generator: Generator
    cards: tuple[EncoderCard, ...]
    kind: Kind

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the encoders."""
        return tuple(card.name for card in self.cards)


def best_encoders(name: str) -> Choice:
    """The best encoders for the generator `name`: its own where one was added, then a small published one, then bundled
    ones.

    Raises:
        OptionError: there is no such generator, or no encoder for it here.
    """
    generator = generator_named(name)
    choice = _choice(generator)
    if choice is None:
        ways = [
            f"{'a small stand-in made by others' if ENCODERS[first].stand_in else 'its own'} with {how_to_add(first)}"
            for first, *_ in generator.encoders
        ]
        raise OptionError(f"There is no encoder for {generator.title} here yet. Add {', or '.join(ways)}.")
    return choice


def every_choice() -> dict[str, Choice | None]:
    """What each generator would use today, by name; None where there is no encoder for it."""
    return {name: _choice(generator) for name, generator in GENERATORS.items()}


def choices(settings: Settings) -> tuple[Choice, ...]:
    """What the settings' generators use; empty where they name encoders.

    Raises:
        OptionError: a generator is unknown, or there is no encoder for it.
    """
    return (
        () if settings.encoders else tuple(best_encoders(name) for name in dict.fromkeys(settings.generators))
    )


def resolved(settings: Settings, chosen: tuple[Choice, ...]) -> Settings:
    """The settings with the encoders of `chosen` named, each once; unchanged where nothing was chosen."""
    names = tuple(dict.fromkeys(name for choice in chosen for name in choice.names))
    return replace(settings, encoders=names) if names else settings


def how_to_add(name: str) -> str:
    """The command that adds the encoder `name`."""
    return f"`glaze-edge models add {name} {'--download' if ENCODERS[name].source else '--from FILE'}`"


def _choice(generator: Generator) -> Choice | None:
    for group in generator.encoders:
        bundled = tuple(ENCODERS[name] for name in group if ENCODERS[name].weights)
        own = tuple(card for name in group for card in added_as(name))
        if bundled or own:
            kind: Kind = "bundled" if bundled else "tiny" if own[0].stand_in else "real"
            return Choice(generator=generator, cards=bundled + own, kind=kind)
    return None
