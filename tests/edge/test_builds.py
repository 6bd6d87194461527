"""Builds of onnxruntime that lie on top of each other."""

from pathlib import Path

import pytest
from command import run

from glaze_edge.builds import clashing_builds


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def add(folder: Path, name: str, module: str) -> None:
    about = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (about / "top_level.txt").write_text(f"{module}\n")


def test_one_build_is_as_it_should_be(installed: Path) -> None:
    add(installed, "onnxruntime-extensions", "onnxruntime_extensions")
    add(installed, "onnxruntime-qnn", "onnxruntime_qnn")
    assert clashing_builds() == []


def test_two_builds_are_named(installed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(installed, "onnxruntime_gpu", "onnxruntime")
    assert clashing_builds() == ["onnxruntime", "onnxruntime-gpu"]
    assert run("devices") == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "onnxruntime and onnxruntime-gpu are both installed" in said
    assert "pip uninstall --yes onnxruntime onnxruntime-gpu" in said


def test_a_build_is_known_by_its_folder(installed: Path) -> None:
    add(installed, "onnxruntime-windowsml", "onnxruntime")
    add(installed, "onnxruntime_openvino", "onnxruntime")
    assert clashing_builds() == ["onnxruntime", "onnxruntime-openvino", "onnxruntime-windowsml"]
