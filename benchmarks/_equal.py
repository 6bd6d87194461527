"""What "equal" means when methods are compared: a strength that is as visible, and the time until as much is
attained."""

from collections.abc import Callable, Sequence
from math import exp, inf, log
from statistics import median
from typing import Any

Row = dict[str, Any]

SLACK = 0.03
"""Two results whose butteraugli differs by this share at most are equally visible."""
SNAPSHOTS = 1, 2, 3, 5, 8, 12, 20, 30, 50, 80, 120, 200, 300, 500, 800


def as_visible(
    butteraugli_at: Callable[[float], float],
    goal: float,
    start: float,
    *,
    tolerance: float = SLACK,
    tries: int = 5,
) -> tuple[float, float]:
    """The strength whose butteraugli is within `tolerance` of `goal`, or the nearest of `tries`; and how many times
    `goal` that is.

    The secant of the logarithms; the middle of the two strengths about the goal where that would leave them.
    """
    points: list[tuple[float, float]] = []
    strength = start
    for _ in range(tries):
        points.append((log(strength), log(butteraugli_at(strength) / goal)))
        if abs(points[-1][1]) <= log(1 + tolerance):
            break
        strength = exp(_next(points))
    nearest, off = min(points, key=lambda point: abs(point[1]))
    return exp(nearest), exp(off)


def _next(points: Sequence[tuple[float, float]]) -> float:
    """Where the line through the last two of `points` is zero, kept between those that are known to be about it."""
    x, y = points[-1]
    slope = 1.0
    if len(points) > 1 and points[-2][0] != x:
        slope = min(2.0, max(0.5, (y - points[-2][1]) / (x - points[-2][0])))
    found = x - y / slope
    low = max((p for p, off in points if off < 0), default=-inf)
    high = min((p for p, off in points if off > 0), default=inf)
    return found if low < found < high or low >= high else (low + high) / 2


def snapshots(steps: int) -> list[int]:
    """After how many of `steps` a run is looked at."""
    return [*(n for n in SNAPSHOTS if n < steps), steps]


def time_to(rows: Sequence[Row], figure: str, attainment: float, butteraugli: float) -> Row | None:
    """Of one run's `rows`, the first that attains this much in `figure` and is no more visible than SLACK allows, or
    None."""
    for row in sorted(rows, key=lambda row: row["seconds"]):
        if row[figure] >= attainment and row["butteraugli"] <= (1 + SLACK) * butteraugli:
            return row
    return None


def median_or_more(ratios: Sequence[float | None], least: Sequence[float]) -> tuple[float, bool]:
    """The median of `ratios`, where None is more than its number of `least`; and whether that is the median itself, not
    a bound."""
    whole = median(inf if ratio is None else ratio for ratio in ratios)
    if whole < inf:
        return whole, True
    return median(more if ratio is None else ratio for ratio, more in zip(ratios, least, strict=True)), False
