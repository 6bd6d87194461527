"""`glaze-edge-export style-pipeline` where nothing heavy is installed; what it exports is in test_diffusion.py."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.parametrize("package", ["diffusers", "optimum"])
def test_without_the_extra_it_is_named(tmp_path: Path, package: str) -> None:
    if package == "optimum":
        pytest.importorskip("diffusers")
    script = f"import sys; sys.modules[{package!r}] = None; import glaze_export.cli as c; c.main()"
    command = [sys.executable, "-c", script, "style-pipeline", "model", "-o", str(tmp_path / "engine")]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1
    assert f"The package {package}" in result.stderr
    assert result.stderr.endswith('is missing. Run: pip install "glaze-edge[diffusion]"\n')
    assert list(tmp_path.iterdir()) == []


def test_help_shows_examples_and_does_not_wait_for_torch() -> None:
    script = "import sys, glaze_export.cli as c; c.cli(['style-pipeline', '--help'], standalone_mode=False); "
    script += "assert sys.modules.keys().isdisjoint({'torch', 'diffusers', 'optimum'})"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "glaze-edge-export style-pipeline ./my-model -o engines/my-model" in result.stdout
