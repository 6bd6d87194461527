"""What all packages say of the program. The version is that of glaze_edge."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

Command = list[str]
Runner = Callable[[Command], None]
"""Starts a command, and ends the build where it fails."""

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
DIST = ROOT / "dist"

NAME = "glaze-edge"
APP = "glaze-edge-app"
IDENTIFIER = "org.glaze-edge.app"
AUTHORS = "The glaze-edge authors"
FOLDER = DIST / NAME
"""The bundle: one folder."""

PICTURES = {
    "image/png": (".png",),
    "image/jpeg": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "image/webp": (".webp",),
    "image/tiff": (".tif", ".tiff"),
    "image/avif": (".avif",),
}
"""What file managers offer to glaze: MIME type -> endings."""

VERSION = re.findall(
    r'^__version__ = "(.+)"$', (ROOT / "glaze_edge" / "__init__.py").read_text("utf-8"), re.MULTILINE
)[0]
SUMMARY: str = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["description"]
