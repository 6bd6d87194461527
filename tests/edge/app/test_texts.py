"""The page's files, and its text in three languages."""

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from glaze_edge.advice import Advice
from glaze_edge.app.messages import KINDS, OTHER
from glaze_edge.settings import INTENSITIES
from glaze_models import GENERATORS
from glaze_models.errors import Remedy
from glaze_models.styles import STYLE_NAMES

PAGE = Path(str(files("glaze_edge.app") / "page"))
LANGUAGES = sorted(path.stem for path in (PAGE / "text").glob("*.json"))
MOST_BYTES = 150 * 1024


def table(language: str) -> dict[str, str]:
    text: dict[str, str] = json.loads((PAGE / "text" / f"{language}.json").read_text("utf-8"))
    return text


def test_there_are_three_languages() -> None:
    assert LANGUAGES == ["de", "en", "es"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_says_all_that_english_says(language: str) -> None:
    text, english = table(language), table("en")
    assert text.keys() == english.keys()
    for key, words in text.items():
        assert words.strip(), key
        assert set(re.findall(r"\{\w+\}", words)) == set(re.findall(r"\{\w+\}", english[key])), key
    assert {f"style.{name}" for name in STYLE_NAMES} <= text.keys()


def test_the_page_has_words_for_all_advice() -> None:
    kinds = get_args(Advice.__annotations__["kind"])
    words = {f"advice.{kind}" for kind in kinds} | {f"intensity.{name}" for name in INTENSITIES}
    assert words <= table("en").keys()


def test_the_page_has_words_for_all_errors_and_remedies() -> None:
    remedies = get_args(get_type_hints(Remedy)["kind"])
    words = {f"error.{kind}" for kind in (*KINDS.values(), OTHER)} | {f"remedy.{kind}" for kind in remedies}
    assert words <= table("en").keys()


def test_the_page_says_the_caveats_of_generators() -> None:
    said = {
        key.removeprefix("caveat."): text for key, text in table("en").items() if key.startswith("caveat.")
    }
    assert said == {name: each.caveat for name, each in GENERATORS.items() if each.caveat}


def test_all_text_that_the_page_asks_for_is_there() -> None:
    english = table("en")
    page = (PAGE / "index.html").read_text("utf-8")
    asked = set(re.findall(r'data-(?:text|label)="([^"]+)"', page))
    for script in PAGE.glob("*.js"):
        asked |= set(re.findall(r'\bt\("([^"]+)"', script.read_text("utf-8")))
    assert asked <= english.keys()


def test_the_page_is_small_and_loads_nothing_from_elsewhere() -> None:
    every = [path for path in PAGE.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in every) <= MOST_BYTES
    for path in every:
        if path.suffix in (".html", ".css", ".js"):
            text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
            assert not re.search(r"https?://|//cdn|innerHTML|eval\(", text), path.name
            assert path.suffix != ".html" or not re.search(
                r"<script(?! type=\"module\" src=)|\son\w+=|style=", text
            )
