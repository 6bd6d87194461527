"""`glaze-edge-export encoder`: what it writes, reports and refuses."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from glaze_export import cli
from glaze_models import ENCODERS, encoder_card

pytest.importorskip("torch")

CARD = encoder_card("sd1-b")


@pytest.mark.slow
def test_exports_into_a_folder_and_reports_parity(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli.cli, ["encoder", "sd1-b", "-o", str(tmp_path / "new"), "--json"])
    assert result.exit_code == 0, result.output
    (report,) = json.loads(result.stdout)
    assert [Path(file).name for file in report["graphs"]] == [CARD.encode_graph.name, CARD.step_graph.name]
    assert all(Path(file).stat().st_size == size for file, size in report["graphs"].items())
    assert [(one["height"], one["width"]) for one in report["parity"]] == [(256, 256), (512, 512), (384, 512)]
    assert all(one["gradient_error"] < 5e-5 for one in report["parity"])


def test_check_passes_on_the_files_of_the_package() -> None:
    result = CliRunner().invoke(cli.cli, ["encoder", "sd1-b", "--check"])
    assert result.exit_code == 0, result.output
    assert result.output.count("same") == 2


def test_check_fails_on_other_files_and_leaves_them(tmp_path: Path) -> None:
    shutil.copy(CARD.encode_graph, tmp_path / CARD.step_graph.name)
    result = CliRunner().invoke(cli.cli, ["encoder", "sd1-b", "--check", "--json", "-o", str(tmp_path)])
    assert result.exit_code == 1
    (report,) = json.loads(result.stdout)
    assert list(report["graphs"].values()) == ["missing", "different"]
    assert [file.name for file in tmp_path.iterdir()] == [CARD.step_graph.name]


@pytest.mark.parametrize("arguments", [["encoder"], ["encoder", "sd1-a", "--all"]], ids=["nothing", "both"])
def test_names_or_all_but_not_both(arguments: list[str]) -> None:
    result = CliRunner().invoke(cli.cli, arguments)
    assert result.exit_code == 2
    assert "sd1-a, sd1-b" in result.output


def test_help_shows_examples_and_does_not_wait_for_torch() -> None:
    script = "import sys, glaze_export.cli as c; c.cli(['encoder', '--help'], standalone_mode=False); "
    script += "assert 'torch' not in sys.modules"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "glaze-edge-export encoder --all --check" in result.stdout


def test_an_error_of_ours_is_a_message_and_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["glaze-edge-export", "encoder", "sd9"])
    with pytest.raises(SystemExit, match="2"):
        cli.main()
    assert (
        capsys.readouterr().err == f"Error: There is no encoder called 'sd9'. Known: {', '.join(ENCODERS)}.\n"
    )


def test_without_torch_it_says_what_to_install() -> None:
    script = "import sys; sys.modules['torch'] = None; import glaze_export.cli as c; c.main()"
    command = [sys.executable, "-c", script, "encoder", "sd1-b", "--check"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr == 'Error: The package torch is missing. Run: pip install "glaze-edge[export]"\n'


def test_decoders_are_checked_likewise() -> None:
    result = CliRunner().invoke(cli.cli, ["decoder", "sd1-small", "--check", "--json"])
    assert result.exit_code == 0, result.output
    (report,) = json.loads(result.stdout)
    assert report["decoder"] == "sd1-small"
    assert list(report["graphs"].values()) == ["same", "same"]
    result = CliRunner().invoke(cli.cli, ["decoder"])
    assert result.exit_code == 2
    assert "names of decoders" in result.output
