"""The transfer matrix's tables, its heat map and its page."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

Line = dict[str, Any]
"""The figures of a row on a picture, as benchmarks/transfer.py writes them."""

BEGIN, END = "<!-- transfer:begin -->", "<!-- transfer:end -->"
RESAMPLES = 10_000
NEGLIGIBLE = 0.02
"""What is left of an effect has no meaning where the interval of its mean reaches below this."""
SHADES = "cividis"
"""Dark to light, and the same order for people who are colour-blind."""


def above(lines: Sequence[Line], column: str, figure: str, control: str) -> list[float]:
    """On each picture, how far `figure` is above `control` in `column`."""
    return [line["columns"][column][figure] - line["columns"][column][control] for line in lines]


def interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """The bootstrap interval of the mean of `values`; the same values give the same interval."""
    drawn = np.random.default_rng(0).choice(np.asarray(values), (RESAMPLES, len(values)))
    low, high = np.quantile(drawn.mean(1), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def share_left(lines: Sequence[Line], column: str, damage: str) -> float | None:
    """The share of the mean attainment above the control that is left after `damage`; None where there is too little to
    lose."""
    before = above(lines, column, "attainment", "control")
    if interval(before)[0] < NEGLIGIBLE:
        return None
    return mean(above(lines, column, damage, f"{damage}_control")) / mean(before)


def by_row(lines: Sequence[Line]) -> dict[str, list[Line]]:
    """Row -> its lines, one a picture."""
    rows: dict[str, list[Line]] = {}
    for line in lines:
        rows.setdefault(line["row"], []).append(line)
    return rows


def columns_with(lines: Sequence[Line], figure: str) -> list[str]:
    """The columns where all `lines` have `figure`; none where there are no lines."""
    names = lines[0]["columns"] if lines else ()
    return [name for name in names if all(figure in line["columns"][name] for line in lines)]


def rows_with(lines: Sequence[Line], figure: str) -> list[Line]:
    """The lines of those rows that have `figure` on every picture, in some column."""
    return [line for mine in by_row(lines).values() if columns_with(mine, figure) for line in mine]


def table(lines: Sequence[Line], figure: str, control: str) -> str:
    """Markdown: means above the control (the control), [interval]; bold where the column's encoder took part."""
    columns = columns_with(lines, figure)

    def cell(mine: Sequence[Line], column: str) -> str:
        values = above(mine, column, figure, control)
        bold = "**" if column in mine[0]["encoders"] else ""
        noise = mean(line["columns"][column][control] for line in mine)
        low, high = interval(values)
        return f"{bold}{mean(values):.2f}{bold} ({noise:.2f}) [{low:.2f}, {high:.2f}]"

    rows = ([name, *(cell(mine, column) for column in columns)] for name, mine in by_row(lines).items())
    return _markdown(["row", *columns], rows)


def survival_table(lines: Sequence[Line], damage: str) -> str:
    """Markdown: the share of the attainment above the control that is left after `damage`."""
    columns = columns_with(lines, damage)

    def cell(mine: Sequence[Line], column: str) -> str:
        share = share_left(mine, column, damage)
        return "–" if share is None else f"{share:.0%}"

    rows = ([name, *(cell(mine, column) for column in columns)] for name, mine in by_row(lines).items())
    return _markdown(["row", *columns], rows)


def visibility_table(lines: Sequence[Line]) -> str:
    """Markdown: the encoders of each row, what is seen of its change, and how long it took."""
    head = ["row", "encoders", "budget scale", "butteraugli", "rms, flat", "rms, textured", "seconds"]
    rows = []
    for name, mine in by_row(lines).items():
        means = (_mean(mine, key) for key in ("butteraugli", "rms_flat", "rms_textured", "seconds"))
        rows.append([name, ", ".join(mine[0]["encoders"]), f"{mine[0]['scale']:.2f}", *means])
    return _markdown(head, rows)


def _mean(lines: Sequence[Line], key: str) -> str:
    values = [line[key] for line in lines if line[key] is not None]
    return f"{mean(values):.2f}" if values else "–"


def _markdown(head: Sequence[str], rows: Iterator[list[str]] | list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


def write_docs(lines: Sequence[Line], folder: Path, *, goal: float | None) -> None:
    """Write transfer.svg and transfer.png, and the marked part of transfer.md, which is created where it is missing.

    Raises:
        SystemExit: the markers are missing in transfer.md.
    """
    page = folder / "transfer.md"
    text = page.read_text("utf-8") if page.exists() else PAGE
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{page} has no {BEGIN} … {END} to write between. Put both lines in.")
    folder.mkdir(parents=True, exist_ok=True)
    page.write_text(f"{before}{BEGIN}\n\n{_measured(lines, goal)}\n{END}{after}", encoding="utf-8")
    heat_map(lines, folder / "transfer")


def _measured(lines: Sequence[Line], goal: float | None) -> str:
    """What stands between the markers."""
    pictures = len({line["picture"] for line in lines})
    if goal is None:
        visible = "All rows have the budget of medium intensity."
    else:
        visible = (
            f"Each row's budget gives a mean butteraugli of {goal:g} on every sixth picture "
            f"(`--butteraugli {goal:g}`)."
        )
    views = survival = ""
    if seen := rows_with(lines, "view"):
        views = VIEWS.format(view=table(seen, "view", "view_control"))
    if kept := rows_with(lines, "jpeg75"):
        survival = SURVIVAL.format(
            negligible=NEGLIGIBLE,
            jpeg=survival_table(kept, "jpeg75"),
            half=survival_table(kept, "half"),
        )
    return MEASURED.format(
        pictures=f"{pictures} picture{'s' if pictures > 1 else ''}",
        visible=visible,
        alternative=_alternative(lines),
        attainment=table(lines, "attainment", "control"),
        views=views,
        shift=table(lines, "shift", "shift_control"),
        survival=survival,
        visibility=visibility_table(lines),
    )


def _alternative(lines: Sequence[Line]) -> str:
    """The heat map in words: for each column the row that transfers best to it."""
    said = []
    for column in columns_with(lines, "attainment"):
        others = {name: mine for name, mine in by_row(lines).items() if column not in mine[0]["encoders"]}
        means = {name: mean(above(mine, column, "attainment", "control")) for name, mine in others.items()}
        if means:
            best = max(means, key=lambda name: means[name])
            said.append(f"{best} ({means[best]:.2f}) on {column}")
    best_rows = (
        f" The best row that does not use the column's own encoder: {', '.join(said)}." if said else ""
    )
    return f"Heat map of attainment above the control, with the numbers of the first table.{best_rows}"


def heat_map(lines: Sequence[Line], stem: Path) -> None:
    """Draw the mean attainment above the control to STEM.png and STEM.svg, the same bytes each time."""
    rows, columns = by_row(lines), columns_with(lines, "attainment")
    means = np.array(
        [[mean(above(mine, c, "attainment", "control")) for c in columns] for mine in rows.values()]
    )
    with mpl.rc_context({"svg.hashsalt": stem.name, "font.size": 10}):
        figure = Figure(figsize=(3.2 + 1.05 * len(columns), 1.6 + 0.42 * len(rows)), layout="constrained")
        panel = figure.subplots()
        most = max(0.1, float(means.max()))
        shades = panel.imshow(means, cmap=SHADES, vmin=0, vmax=most, aspect="auto")
        panel.set_xticks(range(len(columns)), columns)
        panel.set_yticks(range(len(rows)), list(rows))
        panel.tick_params(length=0, top=False, bottom=False, labeltop=True, labelbottom=False)
        panel.set(xlabel="measured on", ylabel="optimised against")
        panel.xaxis.set_label_position("top")
        panel.spines[:].set_visible(False)
        for (y, x), value in np.ndenumerate(means):
            colour = "black" if value > 0.55 * most else "white"
            panel.text(x, y, f"{value:.2f}", ha="center", va="center", color=colour)
            if columns[x] in list(rows.values())[y][0]["encoders"]:
                corner, size = (x - 0.46, y - 0.42), (0.92, 0.84)
                panel.add_patch(
                    Rectangle(corner, *size, fill=False, edgecolor=colour, linestyle="--", linewidth=1.2)
                )
        figure.colorbar(shades, label="attainment above the control")
        figure.savefig(stem.with_suffix(".png"), dpi=150, facecolor="white")
        figure.savefig(stem.with_suffix(".svg"), facecolor="white", metadata={"Date": None})


PAGE = f"""# Transfer between encoders

glaze-edge changes a picture until the encoders it has see another style. The generator that someone tunes on the
picture may use an encoder that glaze-edge does not have. This page shows how much of the effect carries over.

- A row names the encoders that took part in the optimisation.
- A column is a published encoder that the results are measured on: TAESD (Stable Diffusion 1 and 2), TAESDXL (Stable
  Diffusion XL), TAEF1 (FLUX.1), TAEF2 (FLUX.2), and VAElight, a smaller one for Stable Diffusion 1. They are small
  stand-ins made by other people. The generators' own encoders were not tested.
- *Attainment* is the share of the way to the style target that the latent covers: 0 is the original, 1 is the target.
- The *control* is the same change with its blocks shuffled and its signs flipped, that is, noise of the same strength.
  Cells show attainment above the control. Noise scores 0.
- The *view* is the same ratio for the style of the decoded latent, which is closer to what a generator learns.

Every picture is glazed at its own size at standard effort, saved with 8 bits and measured at 512 pixels, the size that
many trainers use. All rows of a picture have the same style target.

    benchmarks/transfer.py PICTURES WEIGHTS -o FOLDER --docs docs

{BEGIN}
{END}
"""

MEASURED = """Measured on {pictures}. {visible}

![{alternative}](transfer.svg)

([as PNG](transfer.png); a dashed frame marks a cell whose encoder took part in the optimisation)

## Attainment above the control

Each cell holds the mean over the pictures, the control in parentheses, and the 95 % bootstrap interval of the mean in
brackets. Bold marks an encoder that took part in the optimisation.

{attainment}

## Off the grid

Attainment above the control once the picture has moved by 4 pixels, half a latent cell: what a trainer's crop leaves.

{shift}
{views}{survival}
## What it costs

Means over the pictures. Changes are in 1/255: rms in flat and in textured blocks. Seconds are for the glaze of one
picture on the CPU.

{visibility}
"""

SURVIVAL = """
## What survives

The share of the attainment above the control that is left, against a control with the same damage. A dash means that
there was too little to lose: the interval above reaches below {negligible}.

After JPEG at quality 75 with 4:2:0 chroma:

{jpeg}

After scaling to half size and back:

{half}
"""

VIEWS = """
## View above the control

{view}
"""
