"""The frontier's table, plot and text."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from _panels import attainment_panels

from glaze_runtime.optimiser.transforms import IDENTITY

Row = dict[str, Any]
"""A result: picture, method, strength, and FIGURES of them."""

FIGURES = "butteraugli", "attainment", "control", "jpeg75", "bundled"
OURS, PGD, ADAM = "glaze-edge", "sign-PGD", "free Adam"
LOOKS = {
    OURS: {"color": "#0072B2", "marker": "o", "linestyle": "-"},
    PGD: {"color": "#D55E00", "marker": "s", "linestyle": "--"},
    ADAM: {"color": "#007A5A", "marker": "^", "linestyle": "-."},
}
"""Colours that the colour-blind tell apart (Okabe & Ito 2008, the green darker), and a shape and a dash for each."""
BESIDE = {OURS: (-6, 3, "right"), PGD: (5, -10, "left"), ADAM: (-5, 4, "right")}
"""Where the name of a strength stands beside its point, so that those of two methods do not meet: points across, up;
alignment."""

EQUAL = (PGD, "attainment"), (ADAM, "attainment"), (PGD, "above"), (PGD, "jpeg75"), (PGD, "bundled")
"""What is compared at equal butteraugli."""


def curve(rows: Sequence[Row], method: str) -> list[Row]:
    """The means of FIGURES over the pictures at each strength of a method, the least visible first.

    `above` is how far attainment is above its control.
    """
    mine = [row for row in rows if row["method"] == method]
    points = []
    for strength in dict.fromkeys(row["strength"] for row in mine):
        same = [row for row in mine if row["strength"] == strength]
        means = {name: mean(row[name] for row in same) for name in FIGURES}
        points.append({"strength": strength, "above": means["attainment"] - means["control"]} | means)
    return sorted(points, key=lambda point: point["butteraugli"])


def at(points: Sequence[Row], butteraugli: float, figure: str = "attainment") -> float | None:
    """A figure of a curve where it is as visible: on the line between its neighbours, the first of which is no change
    at all.

    None beyond the last point.
    """
    if butteraugli > points[-1]["butteraugli"]:
        return None
    xs, ys = ([0.0, *(point[name] for point in points)] for name in ("butteraugli", figure))
    return float(np.interp(butteraugli, xs, ys))


def write_report(rows: Sequence[Row], folder: Path, *, steps: int) -> None:
    """Write frontier.md, frontier.png and frontier.svg."""
    curves = {method: curve(rows, method) for method in LOOKS}
    pictures = list(dict.fromkeys(row["picture"] for row in rows))
    text = TEXT.format(
        pictures=len(pictures),
        steps=steps,
        transformed=100 * (1 - IDENTITY.probability),
        alternative=" ".join(_in_words(method, points) for method, points in curves.items()),
        points="\n".join(_points(curves)),
        equal="\n".join(_equal(curves)),
        each="\n".join(_each(rows, pictures)),
    )
    folder.joinpath("frontier.md").write_text(text, encoding="utf-8")
    _plot(curves, folder)
    print(text)


def _in_words(method: str, points: Sequence[Row]) -> str:
    first, last = (f"{p['attainment']:.2f} at {p['butteraugli']:.1f}" for p in (points[0], points[-1]))
    return f"{method} rises from {first} to {last}."


def _points(curves: dict[str, list[Row]]) -> Iterator[str]:
    for method, points in curves.items():
        for point in points:
            yield (
                f"| {method} | {point['strength']} | " + " | ".join(f"{point[f]:.2f}" for f in FIGURES) + " |"
            )


def _equal(curves: dict[str, list[Row]]) -> Iterator[str]:
    for point in curves[OURS]:
        cells = [point["strength"], f"{point['butteraugli']:.2f}", f"{point['attainment']:.2f}"]
        for peer, figure in EQUAL:
            cells.append(_against(point[figure], at(curves[peer], point["butteraugli"], figure)))
        yield f"| {' | '.join(cells)} |"


def _against(ours: float, theirs: float | None) -> str:
    if theirs is None:
        return "beyond its points"
    return f"{theirs:.2f} (**{ours / theirs:.2f}**)"


def _each(rows: Sequence[Row], pictures: Sequence[str]) -> Iterator[str]:
    """For each intensity on how many pictures this tool reaches farther than a peer that is as visible on that
    picture."""
    of = {picture: [row for row in rows if row["picture"] == picture] for picture in pictures}
    for strength in [point["strength"] for point in curve(rows, OURS)]:
        cells = []
        for peer in (PGD, ADAM):
            ratios = []
            for mine in of.values():
                (ours,) = (point for point in curve(mine, OURS) if point["strength"] == strength)
                theirs = at(curve(mine, peer), ours["butteraugli"])
                if theirs is not None:
                    ratios.append(ours["attainment"] / max(theirs, 1e-9))
            farther = sum(ratio > 1 for ratio in ratios)
            cells.append(f"{farther} of {len(ratios)}; median {np.median(ratios):.2f}" if ratios else "–")
        yield f"| {strength} | {' | '.join(cells)} |"


def _plot(curves: dict[str, list[Row]], folder: Path) -> None:
    with attainment_panels(folder / "frontier", "butteraugli") as panels:
        for name, panel in panels.items():
            for method, points in curves.items():
                xs, ys = ([point[key] for point in points] for key in ("butteraugli", name))
                panel.plot(xs, ys, label=method, **LOOKS[method])
                across, up, side = BESIDE[method]
                for x, y, point in zip(xs, ys, points, strict=True):
                    panel.annotate(
                        point["strength"],
                        (x, y),
                        xytext=(across, up),
                        textcoords="offset points",
                        ha=side,
                        fontsize=7,
                        color=LOOKS[method]["color"],
                    )
        panels["attainment"].set(xlim=(0, None))
        panels["attainment"].legend(frameon=False)


TEXT = """# Attainment against visibility

How far does an encoder's latent move towards the target, for what people see? Three methods are compared:

- **glaze-edge**: the program as it is, at each intensity.
- **sign-PGD**: L-infinity, as PhotoGuard uses it on encoders, and Mist with slightly other steps. A random start, the
  sign of the gradient, and steps that fall along a line from .34 to .004 of the largest change. The largest change is
  swept.
- **free Adam**: Glaze as IMPRESS states it, without its LPIPS hinge: Adam, a uniform start, no limit. Glaze's only
  other hold on the change is how far 500 steps of 0.001 (in −1..1) can go. So strength scales that distance and the
  start together: at strength 1 the pixels go as far in our number of steps as in 500 of theirs. This is not Glaze,
  whose perceptual limit it lacks.

All methods have:

- the same {pictures} pictures, resized to 512 pixels (longest side; sides cut to multiples of 64, transparent parts on
  mid-grey);
- the same style targets, the bundled encoders, and {steps} gradients of each.

glaze-edge spends {transformed:.0f} % of its gradients on pictures after JPEG, resizing, blur or noise. The others see
the picture as it is. Figures are of the 8-bit files. Attainment is measured with an encoder that is not in the
optimisation, *bundled* with those that are.

    benchmarks/frontier.py PICTURES INSTRUMENT -o FOLDER --docs docs

![Two line charts of mean attainment over mean butteraugli. On the encoder that is not in the optimisation:
{alternative}](frontier.svg)

([as PNG](frontier.png))

## The points

Means over the pictures. *Control* is the attainment of the same change with its blocks shuffled and signs flipped. Only
what is above it means something.

| method | strength | butteraugli | attainment | control | after JPEG 75 | bundled |
|---|---|---|---|---|---|---|
{points}

## At equal mean butteraugli

The others' figure is interpolated at our butteraugli. In bold: our figure divided by theirs. *Above control* is
attainment less its control.

| intensity | butteraugli | attainment | sign-PGD | free Adam | sign-PGD above control | after JPEG 75 | bundled |
|---|---|---|---|---|---|---|---|
{equal}

## Picture by picture

On how many pictures glaze-edge reaches farther than the other method at equal visibility on that picture, and the
median ratio.

| intensity | sign-PGD | free Adam |
|---|---|---|
{each}
"""
