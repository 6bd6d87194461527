"""The frame of a plot of attainment: two panels, saved as PNG and SVG, the same bytes each time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

TITLES = {
    "attainment": "an encoder that is not in the optimisation",
    "bundled": "the encoders of the optimisation",
}


@contextmanager
def attainment_panels(stem: Path, xlabel: str) -> Iterator[dict[str, Any]]:
    """Figure -> the panel to draw it in; what is drawn goes to STEM.png and STEM.svg."""
    settings: dict[Any, Any] = {
        "svg.hashsalt": stem.name,
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with mpl.rc_context(settings):
        figure = Figure(figsize=(9, 4.2), layout="constrained")
        panels = dict(zip(TITLES, figure.subplots(1, 2, sharex=True, sharey=True), strict=True))
        yield panels
        for name, panel in panels.items():
            panel.set(xlabel=f"{xlabel}, mean over pictures", title=TITLES[name])
            panel.grid(color="#dddddd", linewidth=0.6)
        panels["attainment"].set(ylabel="attainment, mean over pictures", ylim=(0, None))
        figure.savefig(stem.with_suffix(".png"), dpi=150, facecolor="white")
        figure.savefig(stem.with_suffix(".svg"), facecolor="white", metadata={"Date": None})
