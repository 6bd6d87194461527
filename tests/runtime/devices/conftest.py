"""What the tests of this folder share."""

import pytest


@pytest.fixture
def user_cache(monkeypatch, tmp_path):
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / name)
    return tmp_path / "glaze-edge"
