"""The app in a window of its own, with a pywebview that only acts as if."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from running import drawing


@pytest.mark.slow
def test_pictures_are_chosen_glazed_and_saved_beside_their_originals(tmp_path: Path) -> None:
    (tmp_path / "art" / ".hidden").mkdir(parents=True)
    for name in ("one.png", "taken.png", "art/two.png", "art/.hidden/no.png"):
        (tmp_path / name).write_bytes(drawing(seed=len(name)))
    (tmp_path / "art" / "notes.txt").write_text("no picture")
    (tmp_path / "taken-glazed.png").write_bytes(b"an earlier one")
    chosen = {
        "OPEN": [str(tmp_path / "one.png"), str(tmp_path / "taken.png"), str(tmp_path / "gone.png")],
        "FOLDER": [str(tmp_path / "art")],
    }
    said = tmp_path / "said.json"
    done = subprocess.run(
        [sys.executable, "-m", "glaze_edge", "app"],
        env=os.environ
        | {
            "GLAZE_EDGE_DATA": str(tmp_path / "data"),
            "PYTHONPATH": str(Path(__file__).parent / "fake_webview"),
            "DRIVE": json.dumps(chosen),
            "SAID": str(said),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("http://127.0.0.1:")
    told = json.loads(said.read_text())
    assert told["first"]["window"]
    written = [str(tmp_path / "one-glazed.png"), str(tmp_path / "art" / "two-glazed.png")]
    assert told["saved"]["written"] == written
    assert all(Path(path).is_file() for path in written)
    assert [row["name"] for row in told["saved"]["skipped"]] == ["taken.png"]
    assert "exists already" in told["saved"]["skipped"][0]["text"]
    assert (tmp_path / "taken-glazed.png").read_bytes() == b"an earlier one"
    assert told["again"]["written"] == []
    states = {p["name"]: (p["state"], p["saved"]) for p in told["last"]["pictures"]}
    assert states == {
        "one.png": ("done", True),
        "taken.png": ("done", False),
        "gone.png": ("failed", False),
        "two.png": ("done", True),
    }
    assert not (tmp_path / "data" / "app" / "queue").exists()
