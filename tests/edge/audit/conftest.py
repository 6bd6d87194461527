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
        paths = tmp_path / "original.png", tmp_path / "glazed.png", tmp_path / "target.png"
        for path, picture in zip(paths, pictures(**options), strict=True):
            picture.save(path)
        return paths

    return make
