"""The device that is really run: `GLAZE_EDGE_DEVICE` names it, as scripts/test-webgpu and scripts/test-openvino set it.

Without it all is skipped.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from glaze_runtime.devices import DEVICES, Device


@pytest.fixture(scope="session")
def device() -> Device:
    """It may still be missing: then tests fail, as they should."""
    name = os.environ.get("GLAZE_EDGE_DEVICE")
    if not name:
        pytest.skip("no device is named: see scripts/test-webgpu and scripts/test-openvino")
    return DEVICES[name]


@pytest.fixture(scope="session", autouse=True)
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache of this run's own: what the probe found holds for the tests after it, and for nobody else."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setattr("platformdirs.user_cache_path", lambda name: folder / name)
        yield folder
