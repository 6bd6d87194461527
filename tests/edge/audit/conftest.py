"""Files to audit."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pairs import pictures

MakeFiles = Callable[..., tuple[Path, Path, Path]]


@pytest.fixture
def files(tmp_path: Path) -> MakeFiles:
    """Makes files of `pictures`."""

    def make(**options: Any) -> tuple[Path, Path, Path]:
        paths = tuple(tmp_path / f"{name}.png" for name in ("original", "glazed", "target"))
        for path, picture in zip(paths, pictures(**options), strict=True):
            picture.save(path)
        return paths

    return make
