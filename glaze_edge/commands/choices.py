"""Which encoders stand for which generators, in words."""

from collections.abc import Iterable, Iterator, Sequence

from glaze_edge.generators import Choice, Kind, how_to_add
from glaze_models import EncoderCard

STAND_INS = "A stand-in is a small network trained to see what a generator's own encoder sees. It is not that encoder."
_TAKEN: dict[Kind, tuple[str, str]] = {
    "real": ("its own encoder", "its own encoders"),
    "tiny": ("a small stand-in made by others,", "small stand-ins made by others,"),
    "bundled": ("the bundled stand-in", "the bundled stand-ins"),
}
"""Of one encoder, and of several."""


def taken(choice: Choice) -> str:
    """What a choice took: "the bundled stand-ins sd1-a and sd1-b"."""
    return f"{_TAKEN[choice.kind][len(choice.cards) > 1]} {' and '.join(choice.names)}"


def lines(choices: Sequence[Choice]) -> Iterator[str]:
    """A line for each generator, what to know before relying on it, and what a stand-in is."""
    for choice in choices:
        generator = choice.generator
        get = (
            "" if choice.kind == "real" else f"; {how_to_add(generator.encoders[0][0])} gets its own encoder"
        )
        yield f"{generator.title}: {taken(choice)}{get}."
        if generator.caveat:
            yield f"Note on {generator.title}: {generator.caveat}"
        else:
            yield from notes(choice.cards)
    if any(choice.kind != "real" for choice in choices):
        yield STAND_INS


def notes(cards: Iterable[EncoderCard]) -> Iterator[str]:
    """The caveats of encoders."""
    return (f"Note on {card.name}: {card.caveat}" for card in cards if card.caveat)
