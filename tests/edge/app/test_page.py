"""The page as an artist uses it: the real app in Chromium.

With GLAZE_EDGE_SCREENSHOTS=FOLDER pictures of the views are kept there, at three widths, light and dark.
"""

import base64
import os
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsers import chromium, needs_chromium
from playwright.sync_api import Browser, FilePayload, Locator, Page, expect
from running import App, drawing, running, start

from glaze_edge.app.messages import problem, refusal
from glaze_models import DEFAULT_GENERATORS, GENERATORS
from glaze_models.errors import Remedy, WeightsError

pytestmark = [needs_chromium, pytest.mark.slow]

SHOTS = os.environ.get("GLAZE_EDGE_SCREENSHOTS")
WIDTHS = 320, 768, 1920
PATIENCE = 60_000
"""Milliseconds."""
DROP = """async (files) => {
    const carrier = new DataTransfer();
    for (const [name, data] of files) {
        const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
        carrier.items.add(new File([bytes], name));
    }
    for (const kind of ["dragover", "drop"])
        document.querySelector("#drop").dispatchEvent(
            new DragEvent(kind, { dataTransfer: carrier, bubbles: true, cancelable: true }));
}"""
OVERFLOWING = """() => [...document.querySelectorAll(
        "button, a, label, legend, h1, h2, h3, p, li, dt, dd, summary, select")]
    .filter((e) => e.checkVisibility() && e.clientWidth && e.scrollWidth > e.clientWidth + 1)
    .filter((e) => !e.closest(".hush, .skip"))
    .map((e) => `${e.tagName}#${e.id} ${e.textContent.trim().slice(0, 60)}`)"""
WIDER = "document.documentElement.scrollWidth > innerWidth"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with running(tmp_path / "data") as app:
        app.post("settings", effort="quick")
        yield app


@pytest.fixture
def page(browser: Browser, app: App) -> Iterator[Page]:
    """The page, in English; whatever it complains of fails the test."""
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    complaints: list[str] = []
    refused = "the server responded with a status of 400"  # the page shows why
    page.on("console", lambda message: None if refused in message.text else complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((app.address, "blob:", "data:"))
            else complaints.append(request.url)
        ),
    )
    page.goto(app.address)
    page.get_by_role("heading", level=1).wait_for()
    yield page
    context.close()
    assert complaints == []


def drop(page: Page, **files: bytes) -> None:
    """Drop files; `a_png` is called a.png."""
    named = [(name.replace("_", "."), base64.b64encode(content).decode()) for name, content in files.items()]
    page.evaluate(DROP, named)


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("list", name="Queue").get_by_role("listitem").filter(has_text=name)


def look(page: Page, name: str) -> None:
    """Nothing is wrong with the view for people who see, hear or zoom it."""
    size = page.viewport_size
    assert size is not None
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            assert not page.evaluate(WIDER), (name, width)
            assert page.evaluate(OVERFLOWING) == [], (name, width)
            if SHOTS:
                Path(SHOTS).mkdir(parents=True, exist_ok=True)
                page.screenshot(path=Path(SHOTS) / f"{name}-{scheme}-{width}.png")
        found = Axe().run(page).response["violations"]
        assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == [], name
    page.set_viewport_size(size)


def test_the_first_start_asks_nothing(page: Page) -> None:
    expect(
        page.get_by_role("heading", name="Make your style harder to copy, here on your own computer.")
    ).to_be_visible()
    expect(page.get_by_text("Drop pictures or a folder here")).to_be_visible()
    expect(page.get_by_role("button", name="Choose pictures")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    look(page, "empty")


def test_from_dropping_to_saving(page: Page, app: App, tmp_path: Path) -> None:
    drop(
        page,
        one_png=drawing((256, 192)),
        two_jpg=drawing((256, 192), 1, "JPEG"),
        broken_png=drawing((256, 192))[:-900],
    )
    for name in ("one.png", "two.jpg"):
        expect(row(page, name)).to_contain_text("waiting")
    expect(row(page, "broken.png")).to_contain_text("broken.png is damaged")
    page.get_by_role("radio", name="High").check()
    expect(page.get_by_role("button", name="Glaze 2 pictures")).to_be_visible()
    look(page, "queue")

    page.get_by_role("button", name="Move two.jpg up").click()
    expect(page.get_by_role("list", name="Queue").get_by_role("listitem").first).to_contain_text("two.jpg")
    page.get_by_role("button", name="Glaze 2 pictures").click()
    expect(row(page, "two.jpg")).to_contain_text("glazing")
    page.reload()
    page.get_by_role("button", name="Cancel one.png").or_(
        page.get_by_role("button", name="Cancel two.jpg")
    ).first.wait_for()
    for name in ("two.jpg", "one.png"):
        expect(row(page, name)).to_contain_text("done", timeout=PATIENCE)
    expect(page.get_by_text("2 pictures are done.")).to_be_visible()
    assert all(p["result"]["intensity"] == "high" for p in app.state()["pictures"] if p["result"])
    look(page, "done")

    page.get_by_role("button", name="Result of one.png").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="Result: one.png")).to_be_visible()
    slider = dialog.get_by_role("slider", name="Before and after")
    slider.focus()
    slider.press("Home")
    expect(slider).to_have_attribute("aria-valuetext", "0 % before, 100 % after")
    dialog.get_by_role("button", name="Difference × 8").click()
    expect(dialog.get_by_role("button", name="Difference × 8")).to_have_attribute("aria-pressed", "true")
    dialog.get_by_role("button", name="Difference × 8").click()
    expect(dialog.get_by_text("noise of the same strength").first).to_be_visible()
    dialog.get_by_role("button", name="800 %").click()
    dialog.get_by_role("button", name="Fit").click()
    dialog.get_by_role("button", name="Start the audit").click()
    expect(dialog.get_by_role("link", name="Open the report")).to_be_visible(timeout=PATIENCE)
    look(page, "result")
    with page.expect_download() as download:
        dialog.get_by_role("link", name="Save the picture").click()
    assert download.value.suggested_filename == "one-glazed.png"
    download.value.save_as(tmp_path / "saved.png")
    (item,) = [p for p in app.state()["pictures"] if p["name"] == "one.png"]
    assert (tmp_path / "saved.png").read_bytes() == app.ask("GET", f"pictures/{item['id']}/file")[2]
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Result of one.png")).to_be_focused()
    with page.expect_download() as download:
        page.get_by_role("link", name="Save all as zip").click()
    download.value.save_as(tmp_path / "all.zip")
    with ZipFile(BytesIO((tmp_path / "all.zip").read_bytes())) as archive:
        assert sorted(archive.namelist()) == ["one-glazed.png", "two-glazed.jpg"]
    page.get_by_role("button", name="Remove broken.png").click()
    expect(row(page, "broken.png")).to_have_count(0)


def test_a_spot_is_tried_by_mouse_and_by_keyboard(page: Page) -> None:
    drop(page, one_png=drawing((700, 600)))
    page.get_by_role("button", name="Try on one.png").click()
    dialog = page.get_by_role("dialog")
    spot = dialog.get_by_role("application")
    spot.click(position={"x": 5, "y": 5})
    expect(dialog.get_by_role("figure")).to_have_count(3, timeout=PATIENCE)
    expect(dialog.get_by_text("Done in")).to_be_visible()
    for image in dialog.get_by_role("img").all():
        image.scroll_into_view_if_needed()
        page.wait_for_function(
            "(image) => image.complete && image.naturalWidth > 0", arg=image.element_handle()
        )
    look(page, "try")
    first = dialog.get_by_role("img", name="one.png after").get_attribute("src")
    spot.focus()
    for key in ("ArrowRight", "ArrowDown", "Shift+ArrowLeft", "Enter"):
        page.keyboard.press(key)
    expect(dialog.get_by_role("img", name="one.png after")).not_to_have_attribute(
        "src", str(first), timeout=PATIENCE
    )
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Try on one.png")).to_be_focused()


def test_a_run_is_paused_and_broken_off(page: Page, app: App) -> None:
    app.post("settings", effort="thorough")
    drop(page, one_png=drawing((512, 512)), two_png=drawing((512, 512), 1))
    page.get_by_role("button", name="Glaze 2 pictures").click()
    expect(page.locator("#run-progress")).not_to_have_js_property("value", 0, timeout=PATIENCE)
    expect(page.locator("#run-time")).to_contain_text(re.compile("left|not known"))
    look(page, "running")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#run-text")).to_contain_text("Paused")
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("button", name="Cancel one.png").click()
    expect(row(page, "one.png")).to_contain_text("cancelled")
    expect(row(page, "two.png")).to_contain_text("glazing")
    page.get_by_role("button", name="Stop the run").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Stop the run").click()
    expect(row(page, "two.png")).to_contain_text("waiting")


def test_a_queue_that_cannot_be_saved_is_told(page: Page, app: App, tmp_path: Path) -> None:
    kept = tmp_path / "data" / "app" / "queue" / "queue.json"
    kept.mkdir()
    drop(page, **{"art.png": drawing()})
    expect(page.get_by_text("The queue could not be saved")).to_be_visible()
    kept.rmdir()
    drop(page, **{"more.png": drawing(seed=1)})
    expect(page.get_by_text("The queue could not be saved")).to_be_hidden()


def test_styles_encoders_and_limits(page: Page, app: App) -> None:
    drop(page, one_png=drawing((256, 192)))
    page.get_by_role("button", name="Choose a style").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("radio")).to_have_count(27)
    for image in dialog.locator("img").all():
        image.scroll_into_view_if_needed()
        expect(image).not_to_have_js_property("naturalWidth", 0, timeout=PATIENCE)
    look(page, "styles")
    dialog.get_by_text("Pale ink").click()
    app.wait(lambda state: state["settings"]["style"] == "pale-ink")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Add the model you worry about").click()
    expect(dialog.get_by_role("heading", name="Added encoders")).to_be_hidden()
    with page.expect_file_chooser() as chooser:
        dialog.get_by_role("button", name="Add from a checkpoint file…").click()
    looks_right = FilePayload(name="model.safetensors", mimeType="", buffer=b"no tensors")
    chooser.value.set_files([looks_right])
    expect(dialog.get_by_text("model.safetensors are no safetensors file")).to_be_visible()
    expect(dialog.get_by_text("A model file cannot be used.")).to_be_visible()
    expect(dialog.get_by_text("Something went wrong")).to_be_hidden()
    look(page, "encoders")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="What it can and cannot do").click()
    expect(dialog).to_contain_text("It does not prevent copying")
    look(page, "about")


def test_generators_are_chosen_by_their_names(page: Page, app: App) -> None:
    drop(page, one_png=drawing((256, 192)))
    group = page.get_by_role("group", name="Protect against")
    expect(group.get_by_role("checkbox")).to_have_count(len(GENERATORS))
    rows = app.state()["generators"]
    for row in rows:
        badge = {"bundled": "stand-in", None: ""}[row["kind"]]
        box = group.get_by_role("checkbox", name=f"{row['title']} {badge}".strip(), exact=True)
        expect(box).to_be_enabled(enabled=row["available"])
        expect(box).to_be_checked(checked=row["name"] in DEFAULT_GENERATORS)
        if row["caveat"]:
            expect(group.get_by_text(row["caveat"])).to_be_visible()
    chosen = list(DEFAULT_GENERATORS)
    while len(chosen) > 1:
        page.locator(f"#generator-{chosen.pop()}").uncheck()
        app.wait(lambda state: state["settings"]["generators"] == chosen)
    last = page.locator(f"#generator-{chosen[0]}")
    last.focus()
    page.keyboard.press("Space")
    expect(group.get_by_text("At least one has to be chosen.")).to_be_visible()
    expect(last).to_be_checked()
    look(page, "generators")
    lacking = next(row for row in rows if not row["available"])
    group.get_by_role("button", name=f"Add an encoder for {lacking['title']}", exact=True).press("Enter")
    expect(page.get_by_role("heading", name="Add the model you worry about")).to_be_visible()


@pytest.mark.parametrize("language", ["Deutsch", "Español"])
def test_other_languages_fit(page: Page, language: str) -> None:
    drop(page, one_png=drawing((256, 192)), broken_png=b"no picture")
    page.get_by_role("combobox", name="Language").select_option(label=language)
    expect(page.locator("html")).to_have_attribute("lang", {"Deutsch": "de", "Español": "es"}[language])
    expect(page.locator("#queue li")).to_have_count(2)
    look(page, language)
    page.locator("#about-open").click()
    look(page, f"{language}-about")
    page.keyboard.press("Escape")
    page.locator("#encoders-open").click()
    look(page, f"{language}-encoders")
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", {"Deutsch": "de", "Español": "es"}[language])


WORDS = """async (problem) => {
    const { problemWords } = await import(new URL("page/messages.js", location));
    return problemWords(problem);
}"""


@pytest.mark.parametrize(
    ("language", "says", "helps"),
    [
        ("English", "A model file cannot be used.", "If you added mine, remove it under “Add the model"),
        ("Deutsch", "Eine Modelldatei lässt sich nicht verwenden.", "Falls du mine hinzugefügt hast"),
        ("Español", "No se puede usar un archivo de modelo.", "Si añadiste mine, quítalo en «Añadir"),
    ],
)
def test_a_problem_is_said_with_what_helps(page: Page, language: str, says: str, helps: str) -> None:
    page.get_by_role("combobox", name="Language").select_option(label=language)
    lang = {"English": "en", "Deutsch": "de", "Español": "es"}[language]
    expect(page.locator("html")).to_have_attribute("lang", lang)
    told = problem(WeightsError("It is damaged.", Remedy("remove", "mine")))
    words = page.evaluate(WORDS, dict(told))
    assert words.startswith(f"{says} It is damaged. {helps}")
    assert "{" not in words
    assert page.evaluate(WORDS, dict(refusal("Send JSON."))) == "Send JSON."


def test_what_a_crash_left_is_offered(browser: Browser, tmp_path: Path) -> None:
    crashed = start(tmp_path / "data")
    crashed.put("one.png", drawing())
    crashed.kill()
    with running(tmp_path / "data") as app:
        page = browser.new_page(locale="en-GB")
        page.goto(app.address)
        expect(page.get_by_role("heading", name="The last run was interrupted")).to_be_visible()
        look(page, "recovered")
        page.get_by_role("button", name="Keep them").click()
        expect(page.get_by_role("heading", name="The last run was interrupted")).to_be_hidden()
        expect(row(page, "one.png")).to_contain_text("waiting")
        page.close()


def test_it_ends_from_the_page(page: Page, app: App) -> None:
    page.get_by_role("button", name="Quit").click()
    expect(page.get_by_role("heading", name="glaze-edge has ended.")).to_be_visible()
    assert app.process.wait(30) == 0
