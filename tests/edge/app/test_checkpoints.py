"""Encoders that an artist adds in the page."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from running import running
from safetensors.numpy import save_file

from glaze_edge.app.checkpoints import Checkpoints
from glaze_edge.app.feed import Feed
from glaze_models.errors import AppError, OptionError, WeightsError
from glaze_runtime.weights.catalogue import added


def test_a_checkpoint_becomes_an_encoder(
    tmp_path: Path, known: Callable[..., object], kl: Callable[..., dict[str, Any]]
) -> None:
    tensors = kl()
    known(
        "mine", {name: t.shape for name, t in tensors.items() if "decoder" not in name and "post" not in name}
    )
    checkpoints = Checkpoints(tmp_path / "incoming", Feed())
    with checkpoints.admit("../my model.safetensors") as path:
        assert path == tmp_path / "incoming" / "my model.safetensors"
        with (
            pytest.raises(OptionError, match="is being added"),
            checkpoints.admit("other.safetensors"),
        ):
            pass
        save_file(tensors, path)
        checkpoints.tell(1, 2)
        assert checkpoints.state() == {
            "name": "my model.safetensors",
            "share": 0.5,
            "stage": "sending",
            "error": None,
            "added": None,
        }
        assert checkpoints.add(path) == "mine"
    assert "mine" in added()
    state = checkpoints.state()
    assert state is not None
    assert (state["added"], state["error"]) == ("mine", None)
    assert not path.exists()


def test_what_is_no_checkpoint_is_named_without_its_folder(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "incoming", Feed())

    def add() -> None:
        with checkpoints.admit("model.safetensors") as path:
            path.write_bytes(b"no tensors")
            checkpoints.add(path)

    with pytest.raises(WeightsError):
        add()
    state = checkpoints.state()
    assert state is not None
    assert state["error"]["kind"] == "weights"
    assert "weights model.safetensors are" in state["error"]["text"]
    assert not (tmp_path / "incoming").exists()


@pytest.mark.slow
def test_the_page_is_told_what_is_wrong_with_a_checkpoint(tmp_path: Path) -> None:
    with running(tmp_path) as app:
        for name in ("model.safetensors", "model.ckpt"):
            status, _, body = app.ask("PUT", f"encoders?name={name}", b"\x80\x02 a pickle")
            error = json.loads(body)["error"]
            assert status == 400
            assert error["kind"] in ("option", "weights")
            assert error["text"].count(name) >= 1
            assert "/" not in error["text"]
            assert app.state()["adding"]["error"] == error
        assert list((tmp_path / "encoders").glob("*")) == []


def test_a_folder_that_cannot_be_made_keeps_no_later_checkpoint_out(tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(b"")
    checkpoints = Checkpoints(tmp_path / "taken" / "incoming", Feed())
    with (
        pytest.raises(AppError, match=r"model\.safetensors was not taken in: .+\. Check the disk"),
        checkpoints.admit("model.safetensors"),
    ):
        pass
    state = checkpoints.state()
    assert state is not None
    assert (state["error"]["kind"], state["error"]["remedy"]) == ("app", None)
    assert "was not taken in" in state["error"]["text"]
    (tmp_path / "taken").unlink()
    with checkpoints.admit("model.safetensors") as path:
        assert path.parent.is_dir()


def test_a_damaged_encoder_is_listed_so_that_it_can_be_removed(tmp_path: Path, data: Path) -> None:
    (data / "encoders" / "mine").mkdir(parents=True)
    checkpoints = Checkpoints(tmp_path / "incoming", Feed())
    assert checkpoints.added() == [{"name": "mine", "stands_for": (), "stand_in": False}]
    checkpoints.remove("mine")
    assert checkpoints.added() == []
