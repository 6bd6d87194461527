"""The bundle's programs: `glaze-edge` is the command line, `glaze-edge-app` its command `app` for icons and file
managers."""

import os
import sys
from pathlib import Path

from glaze_edge.cli import main


def restore_library_path() -> None:
    """Let programs that this one starts, as the browser, find the system's libraries and not the bundle's.

    PyInstaller's loader sets the variable on Linux; the dynamic linker has read it by now.
    """
    original = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
    os.environ.pop("LD_LIBRARY_PATH", None)
    if original is not None:
        os.environ["LD_LIBRARY_PATH"] = original


def have_streams() -> None:
    """Give a Windows program without a console somewhere to print to."""
    nowhere = Path(os.devnull)
    sys.stdout = sys.stdout or nowhere.open("w", encoding="utf-8")
    sys.stderr = sys.stderr or nowhere.open("w", encoding="utf-8")


if __name__ == "__main__":
    restore_library_path()
    have_streams()
    if Path(sys.argv[0]).stem == "glaze-edge-app":
        sys.argv.insert(1, "app")
    main()
