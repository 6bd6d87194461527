"""Builds of onnxruntime that lie on top of each other."""

from pathlib import Path

import pytest
from command import run

from glaze_edge.builds import clashing_builds


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def add(folder: Path, name: str) -> None:
    about = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")


def test_one_build_is_as_it_should_be(installed: Path) -> None:
    add(installed, "onnxruntime-extensions")
    assert clashing_builds() == []


def test_two_builds_are_named(installed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(installed, "onnxruntime_gpu")
    assert clashing_builds() == ["onnxruntime", "onnxruntime-gpu"]
    assert run("devices") == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "onnxruntime and onnxruntime-gpu are both installed" in said
    assert "pip uninstall --yes onnxruntime onnxruntime-gpu" in said
