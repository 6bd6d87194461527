"""The report in a browser: on a phone, on a desk, in the dark and in print."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsers import chromium, needs_chromium
from pairs import pictures
from PIL import Image
from playwright.sync_api import Browser, Page

from glaze_edge import Session, Settings
from glaze_edge.audit import Audit, Effect, Findings, Reading, View
from glaze_edge.audit.person import person_sees
from glaze_edge.audit.report import DETAIL, report
from glaze_edge.audit.survival import Survival
from glaze_edge.files import read_picture
from glaze_edge.preprocess import shown

pytestmark = needs_chromium

NAME = "glazed & <b>a-name-without-any-place-to-break-it</b>.png"
CONTRAST = """() => {
    const light = c => c.map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
    const colour = text => text.match(/[\\d.]+/g).map(Number);
    const behind = e => {
        for (; e; e = e.parentElement) {
            const c = colour(getComputedStyle(e).backgroundColor);
            if (c.length === 3 || c[3] === 1) return c.slice(0, 3);
        }
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const ratios = [];
    while (walker.nextNode()) {
        if (!walker.currentNode.data.trim()) continue;
        const e = walker.currentNode.parentElement;
        const pair = [light(colour(getComputedStyle(e).color).slice(0, 3)), light(behind(e))].sort((a, b) => b - a);
        ratios.push((pair[0] + .05) / (pair[1] + .05));
    }
    return ratios;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of pictures whose names are awkward."""
    folder = tmp_path_factory.mktemp("report")
    paths = [folder / f"{number}.png" for number in range(3)]
    for path, picture in zip(paths, pictures((256, 192)), strict=True):
        picture.save(path)
    before, after, target = map(read_picture, paths)
    audit = Session(Settings()).audit(before, after, shown(target))
    page = folder / "report.html"
    page.write_text(report(audit, "original.png", NAME), "utf-8")
    return page


def opened(browser: Browser, page_file: Path, width: int, scheme: Any) -> tuple[Page, list[str]]:
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.append(request.url) if request.url[:4] == "http" else None)
    page.goto(page_file.as_uri())
    return page, complaints


@pytest.mark.slow
def test_everywhere(browser: Browser, page_file: Path) -> None:
    papers = set()
    for width in (320, 1280):
        for scheme in ("light", "dark"):
            page, complaints = opened(browser, page_file, width, scheme)
            assert page.evaluate("document.documentElement.scrollWidth") == width
            assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)")
            ratios = page.evaluate(CONTRAST)
            assert len(ratios) > 100
            assert min(ratios) >= 4.5
            papers.add(page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))
            assert complaints == []
            page.close()
    assert len(papers) == 2


def test_it_can_be_read_without_looking(browser: Browser, page_file: Path) -> None:
    page, _ = opened(browser, page_file, 1280, "light")
    assert page.get_attribute("html", "lang") == "en"
    assert "a-name-without" in page.title()
    for landmark in ("banner", "main", "contentinfo"):
        assert page.get_by_role(landmark).count() == 1
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(h => +h.tagName[1])")
    assert levels[:2] == [1, 2]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    alts = page.evaluate("[...document.images].map(i => i.alt)")
    assert len(alts) == len(set(alts)) == 11
    assert all(alts)
    assert page.evaluate("[...document.querySelectorAll('th')].every(th => th.scope)")
    page.close()


def test_names_are_text(browser: Browser, page_file: Path) -> None:
    page, _ = opened(browser, page_file, 1280, "light")
    assert page.inner_text("h1") == NAME
    page.close()


def test_pictures_are_what_they_say(browser: Browser, page_file: Path) -> None:
    page, _ = opened(browser, page_file, 1280, "light")
    sizes = page.evaluate("[...document.images].map(i => [i.naturalWidth, i.naturalHeight])")
    assert sizes == [[256, 192]] * 3 + [[DETAIL, DETAIL]] * 2 + [[256, 192]] * 6
    page.close()


def test_print(browser: Browser, page_file: Path) -> None:
    page, _ = opened(browser, page_file, 1280, "dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    assert min(page.evaluate(CONTRAST)) >= 4.5
    assert page.pdf().startswith(b"%PDF")
    page.close()


@pytest.mark.slow
def test_a_large_noisy_picture_stays_below_6_mb() -> None:
    """The worst case: nothing of it can be compressed."""
    rng = np.random.default_rng(0)
    noise = [Image.fromarray(rng.integers(0, 256, (1024, 1024, 3), np.uint8)) for _ in range(2)]
    small = [image.crop((0, 0, 512, 512)) for image in noise]
    seen = person_sees(*noise)
    effect = Effect(attainment=0.5, view=0.25, drift=0.5)
    readings = [
        Reading(
            encoder=name,
            stands_for=(),
            caveat="",
            decoder="",
            decoder_caveat="",
            glazed_against=None,
            effect=effect,
            control=effect,
        )
        for name in ("a", "b")
    ]
    views = [View(encoder=name, original=small[0], glazed=small[1], target=small[0]) for name in ("a", "b")]
    row = Survival(purifier="none", does="nothing", left={"a": 0.5, "b": 0.5}, psnr=30.0)
    findings = Findings(
        mark=None,
        person=seen,
        encoders=readings,
        measure="attainment",
        untouched=row,
        survival=[row],
        stood_in_for=(),
        untested=(),
    )
    page = report(Audit(original=noise[0], glazed=noise[1], findings=findings, views=views), "a", "b")
    assert len(page.encode()) < 6_000_000
