"""The modules of packaging/, for tests: its folder is on no path."""

from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGING = ROOT / "packaging"

with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(str(PACKAGING))
    entry, build, icons, licences, linux, macos, product, windows = map(
        import_module, ("entry", "build", "icons", "licences", "linux", "macos", "product", "windows")
    )
