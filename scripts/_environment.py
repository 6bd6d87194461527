"""What the scripts share: an environment with glaze-edge in it, made once, and a way to run its programs.

Only the standard library is used, and nothing newer than Python 3.7, so that an old Python gets as far as
being told so.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST_PYTHON = (3, 11)
WINDOWS = os.name == "nt"


class Environment:
    """A virtual environment in the checkout that holds glaze-edge with `extras`; `instead` is a build of onnxruntime
    that takes its place, such as "onnxruntime-openvino==1.24.1".

    Its stamp says what was installed. It is empty until all is, so that a half-made environment is known
    and made anew; a folder without one is somebody else's.
    """

    def __init__(self, folder: str, extras: str, says: str, instead: str | None = None) -> None:
        self.folder = ROOT / folder
        self.stamp = self.folder / "glaze-edge.stamp"
        self.target = str(ROOT) + extras
        self.says = says
        self.instead = instead

    def program(self, name: str) -> str:
        """The path of a program in it."""
        return str(self.folder / ("Scripts" if WINDOWS else "bin") / (name + ".exe" if WINDOWS else name))

    def prepare(self) -> None:
        """Make it, or bring it up to date, unless it is what pyproject.toml asks for."""
        require_python()
        project = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
        wanted = " ".join(filter(None, (self.target, project, self.instead)))
        found = self.stamp.read_text(encoding="utf-8") if self.stamp.is_file() else ""
        works = found and Path(self.program("python")).is_file()
        if works and found == wanted:
            return
        print(self.says, file=sys.stderr)
        if not works:
            self._make()
        self.stamp.write_text("", encoding="utf-8")
        steps = [["install", "--editable", self.target]]
        if self.instead:
            # Both have files in one folder, and others' packages ask for the plain one: it goes when all else is there.
            builds = ["onnxruntime", self.instead.partition("=")[0]]
            steps += [["uninstall", "--yes", *builds], ["install", self.instead]]
        pip = [self.program("python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
        if any(run([*pip, *step]) for step in steps):
            sys.exit("glaze-edge could not be installed: see above. Is the network up? Then run this again.")
        self.stamp.write_text(wanted, encoding="utf-8")

    def _make(self) -> None:
        if self.folder.exists():
            if not self.stamp.is_file():
                sys.exit(
                    f"{self.folder} was made by something else. Rename or remove it, then run this again."
                )
            shutil.rmtree(self.folder)
        self.folder.mkdir()
        self.stamp.touch()
        without_pip = importlib.util.find_spec("ensurepip") is None
        if without_pip or run([sys.executable, "-m", "venv", str(self.folder)]):
            sys.exit(
                "This Python cannot make virtual environments. On Debian and Ubuntu, install what is missing "
                "with: sudo apt install python3-venv. Elsewhere, use the Python of https://www.python.org."
            )


USER = Environment(".venv", "[app]", "Installing glaze-edge (once, about a minute)…")
DEVELOPER = Environment(".venv-dev", "[dev]", "Installing glaze-edge and its tools (once, some minutes)…")
WEBGPU = Environment(
    ".venv-webgpu",
    "[test]",
    "Installing glaze-edge on WebGPU (once, about a minute)…",
    "onnxruntime-webgpu==1.27.*",
)
OPENVINO = Environment(
    ".venv-openvino",
    "[test]",
    "Installing glaze-edge on OpenVINO (once, about a minute)…",
    "onnxruntime-openvino==1.24.1",
)
BUNDLER = Environment(".venv-bundle", "[bundle]", "Installing what builds the bundle (once, about a minute)…")


def require_python() -> None:
    """End the script where Python is too old."""
    if sys.version_info < OLDEST_PYTHON:
        version = ".".join(map(str, sys.version_info[:3]))
        sys.exit(
            f"glaze-edge needs Python 3.11 or newer, and this is {version}. "
            f"Install a newer one (https://www.python.org) and use it: python3.13 {sys.argv[0]}"
        )


def test_device(environment: Environment, device: str, *arguments: str) -> int:
    """Run tests/devices on `device`; the exit status. Nothing is skipped because the device is missing."""
    environment.prepare()
    os.environ["GLAZE_EDGE_DEVICE"] = device
    tests = [environment.program("python"), "-m", "pytest", "-p", "no:cacheprovider", "-s", "tests/devices"]
    return run([*tests, *arguments], cwd=ROOT)


def run(command: list[str], cwd: Path | None = None) -> int:
    """The exit status of `command`. On Ctrl-C, which the command gets as well, the script ends with it."""
    process = subprocess.Popen(command, cwd=cwd)
    interrupted = False
    while process.poll() is None:
        try:
            process.wait()
        except KeyboardInterrupt:
            interrupted = True
    status = process.returncode if process.returncode >= 0 else 128 - process.returncode
    if interrupted:
        sys.exit(status)
    return status
