"""A second start gives its pictures to the first."""

import errno
import json
from pathlib import Path

import pytest

from glaze_edge.app import instance
from glaze_edge.app.controller import Controller
from glaze_edge.app.launch import launch
from glaze_edge.app.queue_folder import QueueFolder
from glaze_models.errors import AppError, OutputError, UnreadablePicture


def answers(taken: list[str], status: int = 201) -> object:
    """A running app, which answers with `status`; names of pictures are kept in `taken`."""

    def ask(address: str, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        taken.append(path.rpartition("=")[2])
        return status, json.dumps({"error": {"text": "It is full."}}).encode()

    return ask


def test_a_picture_that_cannot_be_read_keeps_no_other_one_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "art.png").write_bytes(b"picture")
    taken: list[str] = []
    monkeypatch.setattr(instance, "ask", answers(taken))
    with pytest.raises(UnreadablePicture, match=r"folder\.png cannot be read"):
        instance.hand_over("http://here/", [tmp_path / "folder.png", tmp_path / "art.png"])
    assert taken == ["art.png"]


def test_an_app_that_takes_no_picture_or_is_gone_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "art.png").write_bytes(b"picture")
    monkeypatch.setattr(instance, "ask", answers([], 400))
    with pytest.raises(AppError, match=r"art\.png was not taken: It is full\."):
        instance.hand_over("http://here/", [tmp_path / "art.png"])

    def gone(*_: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(instance, "ask", gone)
    with pytest.raises(AppError, match="does not answer"):
        instance.hand_over("http://here/", [tmp_path / "art.png"])


def test_data_that_has_no_place_is_told(data: Path) -> None:
    (data / "app").write_bytes(b"")
    with pytest.raises(AppError, match="cannot be made: a file has that name"):
        launch([], port=0, show=False, say=lambda text: None)


def test_a_picture_that_has_no_room_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(folder: QueueFolder, item: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    controller = Controller(tmp_path)
    monkeypatch.setattr(QueueFolder, "admit", full)
    with pytest.raises(OutputError, match=r"art\.png was not taken in: the disk is full"):
        controller.add_files([tmp_path / "art.png"])
    assert controller.state()["pictures"] == []
