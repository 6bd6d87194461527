"""Starting the app: the address, the server, and a window or the browser."""

import contextlib
import logging
import os
import secrets
import signal
import socket
import threading
import webbrowser
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from logging.handlers import RotatingFileHandler
from pathlib import Path

import uvicorn

from glaze_edge.app.controller import Controller
from glaze_edge.app.guard import Guard
from glaze_edge.app.instance import Instance, hand_over
from glaze_edge.app.messages import log_file
from glaze_edge.app.server import make_app
from glaze_edge.app.window import OwnWindow
from glaze_edge.files.atomic import reason
from glaze_edge.files.paths import found
from glaze_models.errors import AppError, OptionError
from glaze_runtime.weights.catalogue import data_folder

NICENESS = 5
"""The rest of the computer comes first: a page, a painting program."""


def launch(pictures: list[Path], *, port: int, show: bool, say: Callable[[str], None]) -> None:
    """Run the app until it is ended; where one runs already, only bring that one up.

    Args:
        pictures: to begin with.
        port: to listen on; 0 for a free one.
        show: open the page, in a window of its own where pywebview is installed, else in the browser.
        say: is told the address, once it answers.

    Raises:
        OptionError: the port is taken, a picture does not exist.
        AppError: another one runs and does not answer or does not take a picture, or the app's data have no place.
        UnreadablePicture: the other one cannot be given a picture.
    """
    for picture in pictures:
        if found(picture) != "file":
            raise OptionError(f"{picture} does not exist. Check its name.")
    folder = data_folder() / "app"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise AppError(f"The app's folder {folder} cannot be made: {reason(error)}.") from error
    instance = Instance(folder)
    with instance.only() as first:
        if not first:
            address = instance.find()
            say(address)
            if show:
                webbrowser.open(address)
            hand_over(address, pictures)
            return
        _log_to(log_file())
        with contextlib.suppress(OSError, AttributeError):
            os.nice(NICENESS)
        webview = import_module("webview") if show and find_spec("webview") else None
        window = OwnWindow(webview) if webview else None
        with contextlib.closing(_listen(port)) as listener:
            _serve(Controller(folder, window), window, listener, instance, pictures, show, say)


class Server(uvicorn.Server):
    """Says when it is ready. Ctrl-C and SIGTERM are its usual end, and no failure."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        self._ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End on a signal, without raising it again afterwards."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {sign: signal.signal(sign, self.handle_exit) for sign in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for sign, handler in before.items():
                signal.signal(sign, handler)


def _serve(
    controller: Controller,
    window: OwnWindow | None,
    listener: socket.socket,
    instance: Instance,
    pictures: list[Path],
    show: bool,
    say: Callable[[str], None],
) -> None:
    token, port = secrets.token_urlsafe(24), listener.getsockname()[1]
    address = f"http://127.0.0.1:{port}/{token}/"

    def end() -> None:
        server.should_exit = True
        if window:
            window.close()

    def ready() -> None:
        instance.tell(address)
        say(address)
        if show and not window:
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        started.set()

    started = threading.Event()
    app = Guard(make_app(controller, end), token, port)
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    server = Server(config, ready)
    controller.add_files(pictures)
    if not window:
        server.run([listener])
        return
    thread = threading.Thread(target=server.run, args=([listener],), name="server")
    thread.start()
    try:
        started.wait()
        window.show(address, end)
    finally:
        server.should_exit = True
        thread.join()


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if os.name == "posix":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise OptionError(f"--port {port} cannot be used: {error}. Leave it out for a free one.") from error
    return listener


def _log_to(file: Path) -> None:
    handler = RotatingFileHandler(file, maxBytes=2**20, backupCount=1, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.setLevel(logging.WARNING)
    logging.getLogger().addHandler(handler)
