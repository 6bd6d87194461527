"""The exported graphs: clean, the same every time, without weights, and in agreement with torch."""

import json
from pathlib import Path
from typing import Any

import onnx
import pytest
from safetensors import safe_open

from glaze_models import DECODERS, ENCODERS, DecoderCard, EncoderCard

torch = pytest.importorskip("torch")
from glaze_export import decoders, encoders  # noqa: E402
from glaze_export.export import build_module, export_decoder, export_encoder  # noqa: E402
from glaze_export.parity import parity  # noqa: E402

CARDS: list[EncoderCard | DecoderCard] = [*ENCODERS.values(), *DECODERS.values()]
BUNDLED = [card for card in CARDS if card.weights]
LARGEST = 1_000_000
"""Bytes of a graph."""

every_card = pytest.mark.parametrize(
    "card",
    [
        pytest.param(
            card,
            id=f"{type(card).__name__} {card.name}",
            marks=() if card.weights else pytest.mark.slow,
        )
        for card in CARDS
    ],
)
every_bundled_card = pytest.mark.parametrize("card", BUNDLED, ids=lambda card: card.name)
every_graph = pytest.mark.parametrize(
    "file",
    sorted({file for card in CARDS for file in card.graphs}),
    ids=lambda file: file.name,
)


@every_card
def test_the_files_are_what_the_code_exports(card: EncoderCard | DecoderCard) -> None:
    """Byte for byte. The trace follows torch and onnxscript: when this fails after an update of either and
    `test_agrees_with_torch` passes, export the graphs again (`glaze-edge-export encoder --all`, `… decoder --all`)."""
    found = export_decoder(card) if isinstance(card, DecoderCard) else export_encoder(card)
    assert found == {file.name: file.read_bytes() for file in card.graphs}


def test_exporting_twice_gives_the_same_bytes() -> None:
    assert export_encoder(ENCODERS["sd1-b"]) == export_encoder(ENCODERS["sd1-b"])


@every_bundled_card
@pytest.mark.parametrize(("height", "width"), [(256, 256), (384, 512), (512, 512)])
def test_agrees_with_torch(card: EncoderCard | DecoderCard, height: int, width: int) -> None:
    (report,) = parity(card, build_module(card), card.step_graph, [(height, width)])
    assert (report.height, report.width) == (height, width)
    assert report.loss_error <= 1e-6
    assert report.gradient_error <= 5e-5
    assert report.sign_agreement >= 0.9999


@every_graph
def test_keeps_no_traces_of_tools(file: Path) -> None:
    model = load(file)
    assert [entry.key for entry in model.metadata_props] == ["derived"]
    assert (model.producer_name, model.producer_version, model.doc_string) == ("glaze-edge", "", "")
    assert not model.functions
    assert not model.graph.value_info
    parts = [*model.graph.node, *model.graph.input, *model.graph.output, *model.graph.initializer]
    assert not any(part.doc_string or part.metadata_props for part in parts)
    assert all(node.name == node.output[0] for node in model.graph.node)


@pytest.mark.parametrize("card", CARDS, ids=lambda card: f"{type(card).__name__} {card.name}")
def test_declares_the_weights_and_holds_none(card: EncoderCard | DecoderCard) -> None:
    families: dict[str, Any] = decoders.FAMILIES if isinstance(card, DecoderCard) else encoders.FAMILIES
    with torch.device("meta"):
        names = families[card.family](card).state_dict().keys()
    for graph in card.graphs:
        model = load(graph)
        derived = json.loads(model.metadata_props[0].value)
        declared = {t.name for t in model.graph.initializer if t.data_location == onnx.TensorProto.EXTERNAL}
        origins = {recipe["of"] for recipe in derived.values()} - derived.keys()
        held = [tensor for tensor in model.graph.initializer if tensor.name not in declared]
        assert (declared - derived.keys()) | origins == names
        assert all(len(onnx.numpy_helper.to_array(tensor).ravel()) <= 32 for tensor in held)
        assert graph.stat().st_size < LARGEST


@every_bundled_card
def test_the_weights_file_has_what_the_graphs_declare(card: EncoderCard | DecoderCard) -> None:
    assert card.weights is not None
    with safe_open(card.weights.path, "numpy") as file:
        names = set(file.keys())
    declared = {t.name for t in load(card.graphs[0]).graph.initializer if t.data_location}
    assert declared == names


def load(file: Path) -> onnx.ModelProto:
    return onnx.load(file, load_external_data=False)
