"""The catalogue of encoders."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from glaze_models import ENCODERS, encoder_card
from glaze_runtime.devices import CPU
from glaze_runtime.encoder import Encoder
from glaze_runtime.weights import catalogue
from glaze_runtime.weights.layouts import LAYOUTS, Layout
from glaze_runtime.weights.store import add


def test_the_data_folder_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GLAZE_EDGE_DATA")
    assert catalogue.data_folder().name == "glaze-edge"
    assert catalogue.data_folder().is_relative_to(Path.home())


def test_an_added_encoder_gives_the_same_latent(
    tmp_path: Path, known: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bundled encoder's own file, added under another name."""
    plain = Layout(name="plain", mark="stem.weight", keeps="")
    monkeypatch.setattr("glaze_runtime.weights.recognise.LAYOUTS", (*LAYOUTS, plain))
    bundled = encoder_card("sd1-b")
    monkeypatch.setitem(ENCODERS, "stand-in", replace(bundled, name="stand-in", weights=None))
    assert bundled.weights is not None
    add(bundled.weights.path, "mine", version="1")
    image = np.random.default_rng(0).random((64, 64, 3), np.float32)
    expected, found = (Encoder(catalogue.find_encoder(name), CPU).encode(image) for name in ("sd1-b", "mine"))
    np.testing.assert_array_equal(found, expected)
