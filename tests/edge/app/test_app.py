"""The app as its page uses it: the real command, in a process of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from http.client import HTTPConnection
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from command import run
from PIL import Image
from running import App, drawing, running, start

from glaze_edge import Session, Settings
from glaze_edge.app.trial import EFFORT
from glaze_edge.files import read_picture
from glaze_models import DEFAULT_ENCODERS

pytestmark = pytest.mark.slow


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with running(tmp_path / "data") as app:
        app.post("settings", effort="quick")
        yield app


def glaze(app: App) -> None:
    app.post("run", do="start")
    app.wait(lambda state: state["run"] == "idle")


def test_a_picture_is_glazed_as_by_the_command(app: App, tmp_path: Path) -> None:
    (tmp_path / "art.png").write_bytes(drawing())
    day = date.today()
    picture = app.put("art.png", drawing())
    assert (picture["state"], picture["width"], picture["height"]) == ("waiting", 96, 80)
    state = app.wait(lambda state: state["device"])  # the speed is measured at the first start
    assert state["pictures"][0]["seconds_left"] > 0
    glaze(app)
    (picture,) = app.state()["pictures"]
    result = picture["result"]
    assert (picture["state"], result["output"], picture["saved"]) == ("done", "art-glazed.png", False)
    assert result["style"] == app.state()["auto_style"]
    assert {row["encoder"] for row in result["encoders"]} == {*DEFAULT_ENCODERS}
    status, headers, content = app.ask("GET", f"pictures/{picture['id']}/file")
    assert status == 200
    assert headers["content-disposition"] == 'attachment; filename="art-glazed.png"'
    assert run("glaze", tmp_path / "art.png", "--effort", "quick") == 0
    if date.today() == day:  # the mark holds the day
        assert content == (tmp_path / "art-glazed.png").read_bytes()
    assert app.wait(lambda state: state["pictures"][0]["saved"])
    for what in ("original", "glazed", "difference", "target"):
        body = app.ask("GET", f"pictures/{picture['id']}/{what}")[2]
        assert Image.open(BytesIO(body)).size == (96, 80)


def test_a_broken_picture_is_named_and_the_rest_goes_on(app: App) -> None:
    broken = app.put("broken.png", drawing()[:-400])
    assert broken["error"]["kind"] == "unreadable"
    assert broken["error"]["text"].startswith("broken.png is damaged")
    for name in ("art.png", "art.png"):
        app.put(name, drawing())
    glaze(app)
    assert [p["state"] for p in app.state()["pictures"]] == ["failed", "done", "done"]
    with ZipFile(BytesIO(app.ask("GET", "zip")[2])) as archive:
        assert archive.namelist() == ["art-glazed.png", "art-glazed-2.png"]
    glazed = app.ask("GET", f"pictures/{app.state()['pictures'][1]['id']}/file")[2]
    again = app.put("again.png", glazed)
    assert (again["state"], again["error"]["kind"]) == ("failed", "already_glazed")


def test_a_queue_that_cannot_be_saved_is_told_and_glazed(app: App, tmp_path: Path) -> None:
    kept = tmp_path / "data" / "app" / "queue" / "queue.json"
    app.put("one.png", drawing())
    assert app.state()["unsaved"] is None
    kept.unlink()
    kept.mkdir()
    glaze(app)
    state = app.state()
    assert state["pictures"][0]["state"] == "done"
    assert "irectory" in state["unsaved"]
    kept.rmdir()
    app.put("two.png", drawing(seed=1))
    assert app.state()["unsaved"] is None
    assert len(json.loads(kept.read_bytes())) == 2


def test_a_trial_is_a_short_run(app: App, tmp_path: Path) -> None:
    (tmp_path / "art.png").write_bytes(drawing())
    picture = app.put("art.png", drawing())
    status, trial = app.post(f"pictures/{picture['id']}/try", x=40, y=900)
    assert status == 200
    assert (trial["left"], trial["top"], trial["width"], trial["height"]) == (0, 0, 96, 80)
    before, after = (
        np.asarray(Image.open(BytesIO(app.ask("GET", f"tries/{trial['id']}/{when}")[2])))
        for when in ("before", "after")
    )
    assert np.array_equal(before, np.asarray(Image.open(tmp_path / "art.png")))
    session = Session(Settings(style=trial["style"]))
    glazed = session.glaze(read_picture(tmp_path / "art.png"), effort=EFFORT).image * 255
    assert np.abs(after - glazed).max() <= 0.5 + 1e-3
    for encoder in trial["views"]:
        for what in ("original", "glazed", "target"):
            assert app.ask("GET", f"tries/{trial['id']}/ai/{encoder}/{what}")[0] == 200
    assert app.ask("GET", f"tries/{trial['id']}/command")[0] == 404


def test_a_run_is_paused_tried_on_and_stopped(app: App) -> None:
    app.post("settings", effort="thorough")
    ids = [app.put(f"{n}.png", drawing(seed=n))["id"] for n in range(3)]
    app.post("run", do="start")
    app.wait(lambda state: state["pictures"][0]["share"] > 0.05)
    app.post("run", do="pause")
    time.sleep(1)
    held = app.state()["pictures"][0]["share"]
    assert app.post(f"pictures/{ids[1]}/try", x=1, y=1)[0] == 200
    assert app.state()["pictures"][0]["share"] == held
    assert app.state()["run"] == "paused"
    app.post("run", do="resume")
    app.wait(lambda state: state["pictures"][0]["share"] > held)
    app.post(f"pictures/{ids[0]}/cancel")
    app.wait(lambda state: state["pictures"][1]["state"] == "working")
    app.post(f"pictures/{ids[2]}/move", to=0)
    app.post("run", do="stop")
    state = app.wait(lambda state: state["run"] == "idle")
    assert [(p["id"], p["state"]) for p in state["pictures"]] == [
        (ids[2], "waiting"),
        (ids[0], "cancelled"),
        (ids[1], "waiting"),
    ]
    assert state["pictures"][1]["result"] is None


def test_the_audit_of_a_result(app: App) -> None:
    picture = app.put("art.png", drawing())
    glaze(app)
    app.post(f"pictures/{picture['id']}/audit")
    state = app.wait(lambda state: state["pictures"][0]["result"]["audit"] in ("done", "failed"))
    assert state["pictures"][0]["result"]["audit"] == "done"
    status, headers, body = app.ask("GET", f"pictures/{picture['id']}/report")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert headers["content-security-policy"].endswith("sandbox")
    assert b"art-glazed.png" in body


def test_news_come_by_themselves(app: App) -> None:
    connection = HTTPConnection("127.0.0.1", app.port, timeout=60)
    connection.request("GET", f"/{app.token}/events")
    answer = connection.getresponse()
    assert answer.getheader("content-type") == "text/event-stream; charset=utf-8"

    def news() -> tuple[str, dict[str, object]]:
        lines: list[str] = []
        while (line := answer.readline().decode().rstrip("\n")) or not lines:
            if line.startswith(("event: ", "data: ")):
                lines.append(line.partition(": ")[2])
        return lines[0], json.loads(lines[1])

    kind, state = news()
    assert (kind, state["pictures"]) == ("state", [])
    app.post("settings", effort="thorough")
    app.put("art.png", drawing((512, 512)))
    while not (kind == "state" and state["auto_style"]):
        kind, state = news()
    app.post("run", do="start")
    while kind != "progress":
        kind, state = news()
    assert state["pictures"]
    connection.close()


def test_a_second_start_brings_up_the_first(app: App, tmp_path: Path) -> None:
    (tmp_path / "art.png").write_bytes(drawing())
    with running(tmp_path / "data", str(tmp_path / "art.png")) as second:
        assert second.address == app.address
        assert second.process.wait(30) == 0
    assert [p["name"] for p in app.state()["pictures"]] == ["art.png"]


def test_a_crash_leaves_the_queue_to_be_offered_again(tmp_path: Path) -> None:
    (tmp_path / "given.png").write_bytes(drawing(seed=1))
    app = start(tmp_path / "data", str(tmp_path / "given.png"))
    app.put("art.png", drawing())
    app.post("settings", effort="thorough")
    app.post("run", do="start")
    app.wait(lambda state: state["share"] > 0)
    app.kill()
    with running(tmp_path / "data") as again:
        state = again.state()
        assert state["recovered"]
        assert [(p["name"], p["state"]) for p in state["pictures"]] == [
            ("given.png", "waiting"),
            ("art.png", "waiting"),
        ]
        assert state["run"] == "idle"
        again.post("queue", do="keep")
        assert not again.state()["recovered"]
        again.post("settings", effort="quick")
        glaze(again)
        assert [p["state"] for p in again.state()["pictures"]] == ["done", "done"]
        again.post("queue", do="clear")
        assert again.state()["pictures"] == []
    assert not (tmp_path / "data" / "app" / "queue").exists()


def test_what_a_crash_left_can_be_discarded(tmp_path: Path) -> None:
    app = start(tmp_path / "data")
    app.put("art.png", drawing())
    app.kill()
    with running(tmp_path / "data") as again:
        again.post("queue", do="discard")
        state = again.state()
        assert (state["recovered"], state["pictures"]) == (False, [])
        assert [p.name for p in (tmp_path / "data" / "app" / "queue").iterdir()] == ["queue.json"]


@pytest.mark.parametrize("how", ["quit", signal.SIGINT, signal.SIGTERM])
def test_the_end_leaves_nothing_behind(tmp_path: Path, how: object) -> None:
    app = start(tmp_path / "data")
    app.put("art.png", drawing())
    app.post("settings", effort="thorough")
    app.post("run", do="start")
    app.wait(lambda state: state["share"] > 0)
    if isinstance(how, signal.Signals):
        app.process.send_signal(how)
    else:
        app.post("quit")
    assert app.process.wait(30) == 0
    assert [path.name for path in (tmp_path / "data" / "app").iterdir()] == ["lock"]


@pytest.mark.parametrize("arguments", [["missing.png"], ["--port", "99999"]])
def test_what_cannot_be_started_says_why(tmp_path: Path, arguments: list[str]) -> None:
    assert run("app", "--no-open", *arguments) == 2


def test_a_port_that_is_taken_is_named(app: App, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "glaze_edge", "app", "--no-open", "--port", str(app.port)]
    done = subprocess.run(
        command,
        env=os.environ | {"GLAZE_EDGE_DATA": str(tmp_path / "other")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert f"--port {app.port} cannot be used" in done.stderr
