"""The report: one HTML file with everything in it, for a browser, a phone and a printer. It runs no script and loads
nothing."""

from base64 import b64encode
from collections.abc import Iterable, Iterator
from html import escape
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from string import Template

import numpy as np
from PIL import Image as PillowImage

from glaze_edge.audit import Audit, Findings, Reading, View
from glaze_edge.audit.messages import (
    CONTROL,
    LIMITS,
    MEASURES,
    best_attack,
    made,
    notes,
    person_rows,
    signed,
    untested,
)
from glaze_edge.audit.survival import Survival
from glaze_edge.figures import visibility_map
from glaze_edge.files.atomic import writing
from glaze_edge.sheet import AMPLIFIED, difference

SHOWN_SIDE = 1024
"""Pixels: larger pictures are scaled down in the report."""
FULL_BAR = 0.1
"""A bar is full at the largest figure, at this at least: what is next to nothing must not look like much."""
DETAIL = 128
"""Pixels: the side of the enlarged detail."""


def report(audit: Audit, original: str, glazed: str) -> str:
    """The HTML of an audit; `original` and `glazed` are the names of the files."""
    findings = audit.findings
    page = Template(_resource("report.html"))
    return page.substitute(
        css=_resource("report.css"),
        name=escape(glazed),
        original=escape(original),
        size=f"{audit.original.width} × {audit.original.height} pixels",
        made=escape(made(findings)),
        tiles="".join(_tiles(findings)),
        pictures="".join(_pictures(audit)),
        detail="".join(_detail(audit)),
        person=_rows(person_rows(findings.person)),
        measures=_definitions(findings),
        machine="".join(_encoder(reading, audit.views) for reading in findings.encoders),
        best=escape(best_attack(findings)),
        survival=_survival(findings),
        untested=escape(untested(findings)),
        limits="".join(f"<li>{escape(limit)}</li>" for limit in LIMITS),
    )


def write_report(audit: Audit, original: str, glazed: str, path: Path) -> None:
    """Write the report to `path`, atomically.

    Raises:
        OutputError: it cannot be written.
    """
    with writing(path) as file:  # a name on disk need not be UTF-8
        file.write(report(audit, original, glazed).encode("utf-8", "replace"))


def _tiles(findings: Findings) -> Iterator[str]:
    seen = findings.person.visibility
    yield _tile("A person", f"{seen['mean_change']:.2f}", "of 255: the mean change")
    for reading in findings.encoders:
        before, control = findings.untouched.left[reading.encoder], reading.control.main
        left = findings.worst(reading.encoder).left[reading.encoder]
        yield _tile(
            reading.encoder,
            signed(before),
            f"{findings.measure}, where noise as strong has {signed(control)}; "
            f"{signed(left)} after the best of {len(findings.survival)} attacks",
        )


def _tile(name: str, value: str, note: str) -> str:
    return f"<div class=tile><dt>{escape(name)}</dt><dd><b>{value}</b> {escape(note)}</dd></div>"


def _pictures(audit: Audit) -> Iterator[str]:
    yield _figure(audit.original, "The original", "Before")
    yield _figure(audit.glazed, "The glazed picture", "After")
    alt = "The change on grey: where it is grey nothing was changed"
    yield _figure(difference(audit.original, audit.glazed), alt, f"The change, {AMPLIFIED} times as strong")


def _detail(audit: Audit) -> Iterator[str]:
    """The place where the change shows most, before and after."""
    seen = visibility_map(audit.original, audit.glazed)
    row, column = np.unravel_index(int(seen.argmax()), seen.shape)
    box = []
    for place, cells, side in (
        (column, seen.shape[1], audit.original.width),
        (row, seen.shape[0], audit.original.height),
    ):
        length = min(DETAIL, side)
        box.append(min(max(round((place + 0.5) * side / cells) - length // 2, 0), side - length))
    left, top = box
    for image, when in ((audit.original, "before"), (audit.glazed, "after")):
        part = image.crop((left, top, left + min(DETAIL, image.width), top + min(DETAIL, image.height)))
        yield _figure(
            part, f"The most visible place, {when}", f"The most visible place, {when}", lossless=True
        )


def _encoder(reading: Reading, views: list[View]) -> str:
    said = [f"Stands for {', '.join(reading.stands_for)}."]
    said += notes(reading)
    rows = [
        (name.capitalize(), signed(value, 3), signed(getattr(reading.control, name), 3))
        for name in ("attainment", "view", "drift")
        if (value := getattr(reading.effect, name)) is not None
    ]
    parts = [
        f"<h3>{escape(reading.encoder)}</h3><p>{escape(' '.join(said))}</p>",
        "<div class=scroll><table class=numbers><thead><tr><th scope=col>Measure<th scope=col>Glazed<th "
        "scope=col>Control</thead>",
        f"<tbody>{_rows(rows)}</tbody></table></div>",
    ]
    mine = [view for view in views if view.encoder == reading.encoder]
    return "".join([*parts, *(f"<div class='row three'>{''.join(_view(view))}</div>" for view in mine)])


def _view(view: View) -> Iterator[str]:
    by = f"decoded from {view.encoder}"
    yield _figure(view.original, f"The original, {by}", "AI's view of the original")
    yield _figure(view.glazed, f"The glazed picture, {by}", "AI's view of the glazed picture")
    if view.target is not None:
        yield _figure(view.target, f"The style target, {by}", "AI's view of the style target")


def _definitions(findings: Findings) -> str:
    names = ("attainment", "view", "drift") if findings.measure == "attainment" else ("drift alone",)
    terms = [(name.partition(" ")[0].capitalize(), MEASURES[name]) for name in names] + [("Control", CONTROL)]
    return "".join(f"<dt>{escape(name)}</dt><dd>{escape(means)}</dd>" for name, means in terms)


def _survival(findings: Findings) -> str:
    rows = [findings.untouched, *findings.survival]
    most = max(FULL_BAR, *(value for row in rows for value in row.left.values()))
    encoders = "".join(f"<th scope=col>{escape(name)}" for name in findings.untouched.left)
    body = "".join(_attack(row, most) for row in rows)
    return f"<thead><tr><th scope=col>After{encoders}<th scope=col>PSNR, dB</thead><tbody>{body}</tbody>"


def _attack(row: Survival, most: float) -> str:
    cells = "".join(
        f"<td>{signed(value)}<i class=bar style='width:{100 * min(max(value / most, 0), 1):.0f}%'></i>"
        for value in row.left.values()
    )
    ratio = "–" if row.psnr is None else f"{row.psnr:.1f}"
    return f"<tr class='{row.purifier}'><th scope=row>{escape(row.does)}{cells}<td>{ratio}"


def _rows(rows: Iterable[tuple[str, str, str]]) -> str:
    return "".join(
        f"<tr role=row><th role=rowheader scope=row>{escape(name)}<td role=cell>{escape(value)}<td "
        f"role=cell>{escape(note)}"
        for name, value, note in rows
    )


def _figure(image: PillowImage.Image, alt: str, caption: str, *, lossless: bool = False) -> str:
    image = image.copy()
    image.thumbnail((SHOWN_SIDE, SHOWN_SIDE), PillowImage.Resampling.LANCZOS)
    file = BytesIO()
    image.save(file, "WEBP", lossless=lossless, quality=85)
    kind = " class=detail" if lossless else ""
    return (
        f"<figure{kind}><img src='data:image/webp;base64,{b64encode(file.getvalue()).decode()}' alt='{escape(alt)}' "
        f"width={image.width} height={image.height}><figcaption>{escape(caption)}</figcaption></figure>"
    )


def _resource(name: str) -> str:
    return files("glaze_edge.audit").joinpath(name).read_text("utf-8")
