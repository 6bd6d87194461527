"""The tables, the plot and the text of the comparison with other protectors."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean, median

from _equal import SLACK, Row, median_or_more, time_to
from _panels import attainment_panels
from _torch_peers import PEERS
from _worker import OURS

from glaze_edge.settings import EFFORTS
from glaze_runtime.optimiser.transforms import IDENTITY

DEFAULT = "standard"
"""The effort that peers are compared with."""
FIGURES = {
    "attainment": "independent encoder",
    "above": "above its control",
    "bundled": "bundled encoders",
    "bundled above": "above their control",
}
LOOKS = {
    OURS: {"color": "#0072B2", "marker": "o", "linestyle": "-"},
    "PhotoGuard": {"color": "#D55E00", "marker": "s", "linestyle": "--"},
    "PhotoGuard demo": {"color": "#D55E00", "marker": "x", "linestyle": ":"},
    "Mist": {"color": "#AA4499", "marker": "D", "linestyle": "-."},
    "Glaze, no LPIPS": {"color": "#007A5A", "marker": "^", "linestyle": "-."},
    "Glaze, LPIPS": {"color": "#555555", "marker": "v", "linestyle": "--"},
}
"""Colours that the colour-blind tell apart (Okabe & Ito 2008, Tol 2021), and a shape and a dash for each."""

Pair = tuple[Row, list[Row]]
"""On one picture: our result at the default effort, and a peer's rows."""


def pairs(rows: Sequence[Row], method: str) -> list[Pair]:
    """Of each picture that `method` has results on."""
    found = []
    for own in rows:
        if own["method"] == OURS and own["effort"] == DEFAULT:
            theirs = [r for r in rows if (r["picture"], r["method"]) == (own["picture"], method)]
            if theirs:
                found.append((own, theirs))
    return found


def compared(those: Sequence[Pair], figure: str) -> str:
    """On how many pictures a peer attains as much as we do, how many times our seconds it takes, and its best over
    ours."""
    ratios, least, best = [], [], []
    for own, theirs in those:
        there = time_to(theirs, figure, own[figure], own["butteraugli"])
        ratios.append(None if there is None else there["seconds"] / own["seconds"])
        least.append(max(row["seconds"] for row in theirs) / own["seconds"])
        allowed = [r[figure] for r in theirs if r["butteraugli"] <= (1 + SLACK) * own["butteraugli"]]
        best.append(max(allowed, default=0) / max(own[figure], 1e-9))
    times, exact = median_or_more(ratios, least)
    reached = sum(ratio is not None for ratio in ratios)
    text = f"{reached} of {len(those)}; {'' if exact else 'over '}**{times:.1f}** times"
    return text if exact else f"{text}; best {median(best):.2f} of ours"


def write_report(rows: Sequence[Row], folder: Path, *, side: int, threads: int) -> None:
    """Write peers.md, peers.png and peers.svg."""
    methods = {name: pairs(rows, name) for name in PEERS}
    methods = {name: those for name, those in methods.items() if those}
    own = [row for row in rows if row["method"] == OURS and row["effort"] == DEFAULT]
    text = TEXT.format(
        pictures=len(own),
        side=side,
        threads=threads,
        steps=EFFORTS[DEFAULT].steps,
        seconds=median(row["seconds"] for row in own),
        whole=median(row["whole"] for row in own),
        transformed=100 * (1 - IDENTITY.probability),
        slack=100 * SLACK,
        head=" | ".join(FIGURES.values()),
        lpips="" if "Glaze, LPIPS" in methods else NO_LPIPS,
        runs="\n".join(_runs(own, methods)),
        times="\n".join(
            f"| {name} | {' | '.join(compared(those, figure) for figure in FIGURES)} |"
            for name, those in methods.items()
        ),
        reading="\n".join(_reading(methods)),
    )
    folder.joinpath("peers.md").write_text(text, encoding="utf-8")
    _plot(rows, methods, folder)
    print(text)


def _runs(own: Sequence[Row], methods: dict[str, list[Pair]]) -> Iterator[str]:
    yield _run(OURS, DEFAULT, own)
    for name, those in methods.items():
        last = [max(theirs, key=lambda row: row["step"]) for _, theirs in those]
        strength = median(row["strength"] for row in last)
        yield _run(name, f"{strength:.2f} of {PEERS[name].strengths}", last)


def _run(name: str, strength: str, last: Sequence[Row]) -> str:
    seconds = median(row["seconds"] for row in last)
    cells = [name, strength, f"{last[0]['step']}", f"{seconds / last[0]['step']:.3f}", f"{seconds:.1f}"]
    cells += [f"{median(row[key] for row in last):.2f}" for key in ("memory", "butteraugli", *FIGURES)]
    return f"| {' | '.join(cells)} |"


def _reading(methods: dict[str, list[Pair]]) -> Iterator[str]:
    for name, those in methods.items():
        last = [(max(theirs, key=lambda row: row["step"]), own) for own, theirs in those]
        step = median(
            (theirs["seconds"] / theirs["step"]) / (own["seconds"] / own["step"]) for theirs, own in last
        )
        memory = median(theirs["memory"] / own["memory"] for theirs, own in last)
        yield f"| {name} | {step:.1f} times as long | {memory:.1f} times |"


def _plot(rows: Sequence[Row], methods: dict[str, list[Pair]], folder: Path) -> None:
    with attainment_panels(folder / "peers", "seconds") as panels:
        for name, panel in panels.items():
            for method in (OURS, *methods):
                points = curve(rows, method)
                xs, ys = ([point[key] for point in points] for key in ("seconds", name))
                panel.plot(xs, ys, label=method, markersize=4, **LOOKS[method])
            for point, effort in zip(curve(rows, OURS), EFFORTS, strict=True):
                panel.annotate(
                    effort,
                    (point["seconds"], point[name]),
                    xytext=(-6, 4),
                    textcoords="offset points",
                    ha="right",
                    fontsize=7,
                    color=LOOKS[OURS]["color"],
                )
            panel.set(xscale="log")
        panels["attainment"].legend(frameon=False, fontsize=8)


def curve(rows: Sequence[Row], method: str) -> list[Row]:
    """The means over the pictures after each number of steps, the fewest first."""
    mine = [row for row in rows if row["method"] == method]
    points = []
    for step in sorted({row["step"] for row in mine}):
        same = [row for row in mine if row["step"] == step]
        points.append({key: mean(row[key] for row in same) for key in ("seconds", "attainment", "bundled")})
    return points


NO_LPIPS = """
Glaze's LPIPS needs VGG16's weights. They are not part of this project and were not at hand, so its row is missing.
"""

TEXT = """# Time to equal attainment

How long do other protectors take, and how much memory, until they move encoders as far as glaze-edge does, in a file
that is as visible? The peers are written in torch from their papers' formulas:

- **PhotoGuard**: its encoder attack. A random start in ±7.7/255, the sign of the gradient, and 1000 steps that fall
  along a line from 2.6 to 0.03. Its demonstration takes 200 steps, with the same fall; it is listed too.
- **Mist**: its texture mode. The same within ±16/255, 100 steps of 1/255. Its own target is one fixed pattern. Here it
  gets the same style target as the others, so that they can be compared.
- **Glaze** as IMPRESS states it: Adam at 0.001 in −1..1, 500 steps, a uniform start in ±0.05, with
  30 · max(LPIPS − 0.05, 0) or without. This is not Glaze itself, which is not published.
{lpips}
## Equal terms

- {pictures} pictures, resized to {side} pixels (longest side; sides cut to multiples of 64, transparent parts on
  mid-grey).
- The same style targets, and the same two bundled encoders with the same weights.
- One objective, the mean over the encoders of |Φ(x+d) − Φ(t)|² / |Φ(x) − Φ(t)|².
- {threads} threads each, on two cores. torch runs eagerly, channels last.
- Each method ran in a process of its own, one at a time. Memory is the peak of that process with its libraries. A first
  step is not counted, for either.

## Equal visibility

A peer's limit, or Adam's rate and start, is scaled on each picture until the butteraugli of its last file is that of
our file at medium intensity and standard effort. Its picture is then written and measured after 1, 2, 3, 5, 8, 12, 20
… steps. The measuring is not in its seconds. It has attained as much at the first of these files that reaches our
attainment and whose butteraugli is at most {slack:.0f} % above ours.

The levels of the peers' files are rounded up or down at random, by the fraction. The nearest levels would make the same
2/255 of every limit between 1.5 and 2.5, and no strength would be as visible as our file.

Our seconds run from the decoded picture and the style target to the change: {seconds:.2f} s. The command `glaze-edge
glaze` takes {whole:.2f} s from its start to its end, with loading the networks, painting the target, writing the file
and measuring it.

    benchmarks/peers.py PICTURES INSTRUMENT -o FOLDER --only {pictures} --side {side} --docs docs

![Line charts of mean attainment over seconds on a logarithmic axis. The tables have the figures.](peers.svg)

([as PNG](peers.png))

## Time to equal attainment

On how many pictures the peer attains as much, and the median of its seconds divided by ours. Where it does not get
there on half of them, *over* is its whole run divided by ours, a lower bound. *Best* is then its best attainment at
equal visibility, divided by ours.

| peer | {head} |
|---|---|---|---|---|
{times}

## The runs

Medians over the pictures, of the last file. *Above control* is attainment less that of the same change with its blocks
shuffled and signs flipped. Memory is in GiB.

| method | strength | steps | s a step | s in all | memory | butteraugli | {head} |
|---|---|---|---|---|---|---|---|---|---|---|
{runs}

## How to read it

| | a step, compared with one of ours | memory, compared with ours |
|---|---|---|
{reading}

- glaze-edge is fast because {steps} steps are enough. A network takes them. On other pictures, with these two encoders,
  it has learned where a gradient leads.
- The change also goes elsewhere. The peers spend their visibility evenly, glaze-edge where it is hardly seen. Where a
  peer does not get there at all, that is why.
- glaze-edge spends {transformed:.0f} % of its gradients on pictures after JPEG, resizing, blur or noise. That helps
  later, and costs attainment here. The others see the picture as it is.
- Butteraugli is one measure of what is seen, and the one that our budget was fitted to. At their own strengths the
  peers are far more visible, and attain more.
- The peers' schedules are scaled, not tuned again. A schedule made for this strength might be faster. More than the
  authors' number of steps was not tried.
- On a graphics card the peers are faster than here. The encoders are small; with a generator's own encoder the steps of
  all methods take longer (`benchmarks/step.py` compares one step).
"""
