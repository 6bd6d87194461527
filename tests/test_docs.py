"""The documentation: links that lead somewhere, a navigation that is whole, and lines that are not too long."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
READMES = [
    ROOT / name for name in ("README.md", "CONTRIBUTING.md", "models/README.md", "packaging/README.md")
]
LONGEST = 120
"""Characters of a line of prose."""

CODE = re.compile(r"^```.*?^```|^    .*?$|`[^`\n]+`", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
GENERATED = re.compile(r"<!-- (\w+):begin -->.*?<!-- \1:end -->", re.DOTALL)
"""What a benchmark writes."""


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def links(text: str) -> list[str]:
    """The relative links and images of a page, without their anchors."""
    targets = LINK.findall(CODE.sub("", text))
    return [target.partition("#")[0] for target in targets if not re.match(r"[a-z][a-z0-9+.-]*:|#", target)]


def entries(nav: Any) -> Iterator[str]:
    """The pages that a navigation names."""
    if isinstance(nav, str):
        yield nav
        return
    for entry in nav.values() if isinstance(nav, dict) else nav:
        yield from entries(entry)


def too_long(text: str) -> list[str]:
    """Lines of prose beyond LONGEST: tables, code and what is generated may be wider."""
    prose = re.sub(
        r"^```.*?^```|^    .*?$|^\|.*?$", "", GENERATED.sub("", text), flags=re.DOTALL | re.MULTILINE
    )
    return [line for line in prose.splitlines() if len(line) > LONGEST]


@pytest.mark.parametrize("page", [*PAGES, *READMES], ids=name)
def test_links_lead_to_files(page: Path) -> None:
    assert [target for target in links(page.read_text("utf-8")) if not (page.parent / target).exists()] == []


def test_the_navigation_has_every_page_once() -> None:
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))
    assert sorted(entries(settings["nav"])) == sorted(page.relative_to(DOCS).as_posix() for page in PAGES)


def test_every_decision_is_listed() -> None:
    folder = DOCS / "decisions"
    listed = links((folder / "index.md").read_text("utf-8"))
    assert [page.name for page in PAGES if page.parent == folder and page.name != "index.md"] == [
        target for target in listed if re.match(r"\d{4}-", target)
    ]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_lines_are_not_too_long(page: Path) -> None:
    assert too_long(page.read_text("utf-8")) == []


def test_a_broken_link_and_a_long_line_are_found() -> None:
    long = "word " * 30
    page = f"![a\npicture](images/none.png) `[no](link)` [site](https://example.org) [here](#below) [there](b.md#c)\n{long}\n"
    assert links(page) == ["images/none.png", "b.md"]
    wide = f"| {long} |\n    {long}\n<!-- x:begin -->\n{long}\n<!-- x:end -->\n"
    assert too_long(page + wide) == [long]
