"""What survives: the effect that is left after a purifier was used on the original as well as on the glazed picture."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from glaze_edge.audit.machine import Effect, Eye, Sight, effect
from glaze_edge.audit.person import psnr
from glaze_edge.audit.purifiers import Purifier
from glaze_runtime.arrays import Image


@dataclass(frozen=True, kw_only=True)
class Survival:
    """What is left after one purifier.

    Attributes:
        purifier: its name.
        does: what it does, in words.
        left: encoder -> attainment, or drift where there is no target, of the purified pictures.
        psnr: dB, of the purified glazed picture against the original: what the attacker pays; None where parts of it
            moved.
    """

    purifier: str
    does: str
    left: dict[str, float]
    psnr: float | None

    @property
    def mean(self) -> float:
        """Of the encoders."""
        return sum(self.left.values()) / len(self.left)


@dataclass(frozen=True, kw_only=True, eq=False)
class Pair:
    """The pictures [H,W,3] as a trainer sees them, all of one size; `target` is None where it is not known."""

    original: Image
    glazed: Image
    target: Image | None


def survives(
    purifiers: Sequence[Purifier],
    pair: Pair,
    eyes: Sequence[Eye],
    goals: Sequence[Sight | None],
    on_purifier: Callable[[Purifier], None] = lambda purifier: None,
) -> list[Survival]:
    """What is left after each purifier, the worst first.

    Args:
        goals: what each of `eyes` sees of the target.
        on_purifier: is told which purifier is next.
    """
    rows = []
    for purifier in purifiers:
        on_purifier(purifier)
        original, glazed = purifier.purify(pair.original), purifier.purify(pair.glazed)
        target = pair.target
        moved = purifier.purify(target) if purifier.moves and target is not None else None
        left = {}
        for eye, goal in zip(eyes, goals, strict=True):
            end = goal if moved is None else eye.look(moved, decode=False)
            left[eye.name] = _left(eye, original, glazed, end).main
        rows.append(
            Survival(
                purifier=purifier.name,
                does=purifier.does,
                left=left,
                psnr=None if purifier.moves else psnr(pair.original, glazed),
            )
        )
    return sorted(rows, key=lambda row: row.mean)


def _left(eye: Eye, original: Image, glazed: Image, goal: Sight | None) -> Effect:
    start, seen = (eye.look(image, decode=goal is None) for image in (original, glazed))
    return effect(seen, start, goal)
