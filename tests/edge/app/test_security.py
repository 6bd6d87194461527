"""What others may not do: the real app, asked as an attacker would."""

import json
import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from zipfile import ZipFile

import pytest
from running import App, drawing, running

from glaze_edge.app.intake import MOST_BYTES

pytestmark = pytest.mark.slow

TOO_MUCH = 2 * 2**30


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("app")


@pytest.fixture(scope="module")
def app(folder: Path) -> Iterator[App]:
    with running(folder) as app:
        yield app


@pytest.fixture(autouse=True)
def empty(app: App) -> Iterator[None]:
    yield
    for picture in app.state()["pictures"]:
        app.ask("DELETE", f"pictures/{picture['id']}")


def raw(app: App, request: bytes) -> bytes:
    """What the server answers to bytes, until it closes the connection."""
    with socket.create_connection(("127.0.0.1", app.port), timeout=10) as connection:
        connection.sendall(request)
        answer = b""
        try:
            while chunk := connection.recv(65536):
                answer += chunk
        except TimeoutError:
            pass
    return answer


def test_it_listens_on_the_loopback_only(app: App) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing; tells the address of this computer
        except OSError:
            pytest.skip("this computer has no other address")
        other = probe.getsockname()[0]
    if other.startswith("127."):
        pytest.skip("this computer has no other address")
    with pytest.raises(OSError):  # noqa: PT011
        socket.create_connection((other, app.port), timeout=2)


@pytest.mark.parametrize("path", ["/", "/state", "/x/state", "//state", "/%2e%2e/state", "/../state"])
def test_without_the_token_there_is_nothing(app: App, path: str) -> None:
    assert app.ask("GET", path)[0] == 404


def test_a_token_that_is_nearly_right_is_wrong(app: App) -> None:
    for token in (app.token[:-1], app.token + "a", app.token.swapcase(), f"%00{app.token}"):
        assert app.ask("GET", f"/{token}/state")[0] == 404
    assert app.ask("GET", f"/{app.token}/state")[0] == 200
    assert app.ask("GET", f"/{app.token}")[0] == 307


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example", "", "[::1]"]
)
def test_another_name_for_this_computer_is_refused(app: App, host: str) -> None:
    assert app.ask("GET", "state", Host=host)[0] == 403
    assert app.ask("GET", "", Host=f"localhost:{app.port}")[0] == 200


def test_two_hosts_are_refused(app: App) -> None:
    request = f"GET /{app.token}/state HTTP/1.1\r\nHost: {app.host}\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
    assert b" 400 " in raw(app, request.encode()).split(b"\r\n")[0] or b" 403 " in raw(app, request.encode())


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1", "https://127.0.0.1:{port}", None]
)
def test_another_origin_may_change_nothing(app: App, origin: str | None) -> None:
    said = json.dumps({"intensity": "max"}).encode()
    origin = origin and origin.format(port=app.port)
    status, _, _ = app.ask("POST", "settings", said, Origin=origin, Content_Type="application/json")
    assert status == 403
    assert app.state()["settings"]["intensity"] == "medium"
    assert app.ask("PUT", "pictures?name=a.png", drawing(), Origin=origin)[0] == 403
    if origin is not None:
        assert app.ask("GET", "state", Origin=origin)[0] == 403


def test_another_site_cannot_read_by_image_or_script(app: App) -> None:
    for site in ("cross-site", "same-site"):
        assert app.ask("GET", "state", Origin=None, Sec_Fetch_Site=site, Sec_Fetch_Mode="no-cors")[0] == 403
    assert app.ask("GET", "state", Origin=None, Sec_Fetch_Site="same-origin")[0] == 200


def test_a_form_is_not_json(app: App) -> None:
    said = b'{"intensity":"max"}'
    for kind in ("text/plain", "application/x-www-form-urlencoded", None):
        assert app.ask("POST", "settings", said, Content_Type=kind)[0] == 415


def test_answers_may_do_nothing_but_be_shown(app: App) -> None:
    for path in ("", "state", "page/app.css", "no-such-thing"):
        _, headers, _ = app.ask("GET", path)
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers


@pytest.mark.parametrize(
    "path",
    [
        "page/../queue.py",
        "page/..%2fqueue.py",
        "page/%2e%2e/work.py",
        "page//etc/passwd",
        "page/%2fetc%2fpasswd",
        "pictures/../../../etc/passwd/thumb",
        "pictures/..%2f..%2fetc/original",
        "tries/..%2f/before",
    ],
)
def test_no_path_leads_out(app: App, path: str) -> None:
    status, _, body = app.ask("GET", path)
    assert status == 404
    assert b"root:" not in body
    assert b"import" not in body


@pytest.mark.parametrize(
    "name",
    [
        "../../../evil.png",
        r"..\..\evil.png",
        "/etc/evil.png",
        "C:\\evil.png",
        "a\x00b.png",
        ".png",
        "con.png",
        "é" * 300,
    ],
)
def test_a_name_stays_in_its_folder(app: App, folder: Path, name: str) -> None:
    before = {path for path in folder.rglob("*") if path.is_file()}
    picture = app.put(name, drawing())
    assert picture["state"] == "waiting"
    assert not set('/\\:\x00"') & set(picture["name"])
    home = folder / "app" / "queue" / picture["id"]
    made = {path for path in folder.rglob("*") if path.is_file()} - before
    assert all(home in path.parents or path.name == "queue.json" for path in made)
    assert app.ask("GET", f"pictures/{picture['id']}/thumb")[0] == 200


def _zip(path: Path) -> bytes:
    with ZipFile(path, "w") as archive:
        archive.writestr("a.png", drawing())
    return path.read_bytes()


@pytest.mark.parametrize("kind", ["zip", "svg", "html", "empty", "text as png", "polyglot"])
def test_what_is_no_picture_is_said_to_be_none(app: App, tmp_path: Path, kind: str) -> None:
    html = b"<!doctype html><script>alert(1)</script>"
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    name, content = {
        "zip": ("archive.png", _zip(tmp_path / "a.zip")),
        "svg": ("drawing.svg", svg),
        "html": ("page.html", html),
        "empty": ("empty.png", b""),
        "text as png": ("text.png", html),
        "polyglot": ("both.png", b"\x89PNG\r\n\x1a\n" + html),
    }[kind]
    picture = app.put(name, content)
    assert picture["state"] == "failed"
    assert name in picture["error"]["text"]
    assert "/" not in picture["error"]["text"]
    for what in ("thumb", "original", "file", "styles/pale-ink"):
        status, headers, body = app.ask("GET", f"pictures/{picture['id']}/{what}")
        assert status >= 400
        assert headers["content-type"] == "application/json"
        assert b"<script" not in body


def test_a_page_that_hides_in_a_picture_is_drawn_anew(app: App) -> None:
    picture = app.put("both.png", drawing() + b"<script>alert(1)</script>")
    for what, kind in (("thumb", "image/webp"), ("original", "image/png")):
        _, headers, body = app.ask("GET", f"pictures/{picture['id']}/{what}")
        assert headers["content-type"] == kind
        assert b"<script" not in body


def test_a_hundred_uploads_at_once(app: App) -> None:
    with ThreadPoolExecutor(100) as pool:
        files = [drawing(seed=seed) for seed in range(100)]
        answers = list(pool.map(lambda n: app.ask("PUT", f"pictures?name={n}.png", files[n])[0], range(100)))
    assert answers == [201] * 100
    state = app.wait(lambda state: all(p["state"] != "checking" for p in state["pictures"]))
    assert [p["state"] for p in state["pictures"]] == ["waiting"] * 100


def _stored(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_two_gigabytes_are_refused_before_they_are_sent(app: App, folder: Path) -> None:
    request = (
        f"PUT /{app.token}/pictures?name=huge.png HTTP/1.1\r\nHost: {app.host}\r\nOrigin: http://{app.host}\r\n"
        f"Content-Length: {TOO_MUCH}\r\nConnection: close\r\n\r\n"
    )
    assert raw(app, request.encode()).startswith(b"HTTP/1.1 413 ")
    assert app.state()["pictures"] == []
    assert _stored(folder) < 2**20


def test_two_gigabytes_that_were_not_announced_end_at_the_limit(app: App, folder: Path) -> None:
    chunk = b"%x\r\n" % 2**20 + os.urandom(2**20) + b"\r\n"
    with socket.create_connection(("127.0.0.1", app.port), timeout=60) as connection:
        connection.sendall(
            f"PUT /{app.token}/pictures?name=huge.png HTTP/1.1\r\nHost: {app.host}\r\nOrigin: http://{app.host}\r\n"
            "Transfer-Encoding: chunked\r\n\r\n".encode()
        )
        for _ in range(TOO_MUCH // 2**20):
            connection.sendall(chunk)
            assert _stored(folder) < MOST_BYTES + 2**20
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")
    app.wait(lambda state: _stored(folder) < 2**20)
    assert app.state()["pictures"] == []


@pytest.mark.parametrize(
    "lines",
    [
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding : chunked",
        "Content-Length: +5",
        "Content-Length: -1",
        "X: a\r\n folded",
        "X: a\nOrigin: http://evil.example",
    ],
)
def test_a_second_request_cannot_be_smuggled_in(app: App, lines: str) -> None:
    second = f"POST /{app.token}/quit HTTP/1.1\r\nHost: {app.host}\r\n\r\n"
    request = (
        f"POST /{app.token}/settings HTTP/1.1\r\nHost: {app.host}\r\nOrigin: http://{app.host}\r\n"
        f"Content-Type: application/json\r\n{lines}\r\nConnection: close\r\n\r\n0\r\n\r\n{second}"
    )
    answer = raw(app, request.encode())
    assert answer.count(b"HTTP/1.1 ") <= 1
    assert b" 200 " not in answer
    assert app.state()["settings"]["intensity"] == "medium"


@pytest.mark.parametrize(
    "said",
    [
        {"style": "/etc/passwd"},
        {"style": "../../secret.png"},
        {"style": ["auto"]},
        {"generators": ["../../x"]},
        {"generators": "sd1"},
        {"generators": []},
        {"generators": [["sd1"]]},
        {"encoders": ["sd1-a"]},
        {"intensity": {"a": 1}},
        {"device": "cuda"},
        {"style_engine": "/tmp"},
        {"lpips_backbone": "/etc/passwd"},
    ],
)
def test_settings_name_no_files(app: App, said: dict[str, object]) -> None:
    before = app.state()["settings"]
    status, answer = app.post("settings", **said)
    assert status == 400
    assert answer["error"]["text"]
    assert app.state()["settings"] == before


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"1", b"\xff", b"{" * 10**4, b" " * 10**6])
def test_bad_json_is_refused(app: App, body: bytes) -> None:
    assert app.ask("POST", "run", body, Content_Type="application/json")[0] in (400, 413)


def test_what_is_not_there_is_said_so(app: App) -> None:
    assert app.ask("POST", "pictures/0000/cancel", b"{}", Content_Type="application/json")[0] == 404
    assert app.post("run", do="dance")[0] == 400
    assert app.ask("GET", "zip")[0] == 404
    assert app.ask("DELETE", "encoders/sd1-a")[0] == 400
    assert app.post("choose", what="folder")[0] == 404
    for x in ("1", True, None, 1e12):
        picture = app.put("a.png", drawing())
        assert app.post(f"pictures/{picture['id']}/try", x=x, y=1)[0] == 400
