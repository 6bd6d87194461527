"""Binding: tensors by name, derived tensors by recipe, and a clear error for every damaged file."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from safetensors.numpy import load_file, save_file

from glaze_models import EncoderCard, WeightsFile, encoder_card
from glaze_models.errors import ModelError, WeightsError
from glaze_runtime.weights.binding import Weights, bind, flip_transpose, load_weights

CARD = encoder_card("sd1-b")
NAME = "stage1.0.conv1.weight"


assert CARD.weights is not None
WEIGHTS = CARD.weights
FILE = WEIGHTS.path


def card_of(path: Path) -> EncoderCard:
    """The card of the file at `path`, of whatever is in it."""
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return replace(CARD, weights=WeightsFile(path=path, sha256=sha256, bytes=path.stat().st_size))


@pytest.fixture
def weights() -> Weights:
    return load_weights(CARD)


def test_weights_are_those_of_the_file_in_float32(weights: Weights) -> None:
    expected = load_file(FILE)
    assert weights.file == FILE
    assert weights.tensors.keys() == expected.keys()
    for name, tensor in weights.tensors.items():
        assert tensor.dtype == np.float32
        np.testing.assert_array_equal(tensor, expected[name])


def test_tensors_are_bound_by_name_without_a_copy(weights: Weights) -> None:
    bound = bind(CARD.encode_graph, weights)
    assert bound.tensors.keys() == weights.tensors.keys()
    assert all(bound.tensors[name] is weights.tensors[name] for name in bound.tensors)


def test_derived_tensors_are_computed_by_their_recipe(weights: Weights) -> None:
    bound = bind(CARD.step_graph, weights)
    np.testing.assert_array_equal(
        bound.tensors[f"{NAME}.flip_transpose"],
        np.flip(np.swapaxes(weights.tensors[NAME], 0, 1), (2, 3)),
    )


def test_flip_transpose_is_its_own_inverse() -> None:
    kernel = np.random.default_rng(0).random((4, 3, 5, 2), np.float32)
    assert flip_transpose(kernel).shape == (3, 4, 5, 2)
    np.testing.assert_array_equal(flip_transpose(flip_transpose(kernel)), kernel)


def test_recipes_follow_one_another(tmp_path: Path) -> None:
    """As for the convolution that gives mean and log-variance: the gradient needs the mean's kernels, flipped."""
    name = "moments.first_half.flip_transpose"
    recipes = {
        "moments.first_half": {"recipe": "first_half", "of": "moments"},
        name: {"recipe": "flip_transpose", "of": "moments.first_half"},
    }
    kernel = onnx.TensorProto(name=name, data_type=onnx.TensorProto.FLOAT, dims=(3, 2, 5, 5))
    kernel.data_location = onnx.TensorProto.EXTERNAL
    model = onnx.helper.make_model(onnx.helper.make_graph([], "empty", [], [], [kernel]))
    onnx.helper.set_model_props(model, {"derived": json.dumps(recipes)})
    (tmp_path / "half.onnx").write_bytes(model.SerializeToString())
    moments = np.random.default_rng(0).random((4, 3, 5, 5), np.float32)
    bound = bind(tmp_path / "half.onnx", Weights(file=FILE, tensors={"moments": moments}))
    np.testing.assert_array_equal(bound.tensors[name], flip_transpose(moments[:2]))
    with pytest.raises(
        WeightsError, match=r"'moments' of .* has the shape \(2, 3, 5, 5\), which does not give"
    ):
        bind(tmp_path / "half.onnx", Weights(file=FILE, tensors={"moments": moments[:2]}))


def test_missing_weights(tmp_path: Path) -> None:
    card = replace(CARD, weights=replace(WEIGHTS, path=tmp_path / "none.safetensors"))
    with pytest.raises(WeightsError, match=r"none.safetensors cannot be read: No such file"):
        load_weights(card)


def test_weights_other_than_on_record() -> None:
    with pytest.raises(WeightsError, match=r"sd1_surrogate_b.safetensors are damaged: their sha256"):
        load_weights(replace(CARD, weights=replace(WEIGHTS, sha256="0" * 64)))


def test_weights_that_were_never_added() -> None:
    with pytest.raises(WeightsError, match=r"sd1-b has no weights yet. Add them from a file"):
        load_weights(replace(CARD, weights=None))


@pytest.mark.parametrize("keep", [0, 7, 1000, 500_000], ids="{} bytes".format)
def test_truncated_weights(tmp_path: Path, keep: int) -> None:
    file = tmp_path / "cut.safetensors"
    file.write_bytes(FILE.read_bytes()[:keep])
    with pytest.raises(WeightsError, match=r"cut.safetensors are no safetensors file: .* Get the file again"):
        load_weights(card_of(file))


@pytest.mark.parametrize("graph", [CARD.encode_graph, CARD.step_graph], ids=["encode", "step"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (None, f"changed.safetensors lacks the tensor '{NAME}', which surrogate_b"),
        (lambda t: t[:, :7], rf"'{NAME}' of .*changed.safetensors has the shape \(32, 7, 3, 3\)"),
        (lambda t: t.ravel(), rf"'{NAME}' of .*changed.safetensors has the shape \(9216,\)"),
        (lambda t: t * np.float16(np.nan), f"'{NAME}' of .*changed.safetensors holds infinities or no num"),
        (lambda t: t + np.float16(np.inf), f"'{NAME}' of .*changed.safetensors holds infinities or no num"),
    ],
    ids=["missing", "misshapen", "flat", "not numbers", "infinite"],
)
def test_weights_that_do_not_fit(
    tmp_path: Path, graph: Path, change: Callable[[np.ndarray], np.ndarray] | None, message: str
) -> None:
    tensors = load_file(FILE)
    tensor = tensors.pop(NAME)
    if change is not None:
        tensors[NAME] = np.ascontiguousarray(change(tensor))
    save_file(tensors, tmp_path / "changed.safetensors")
    weights = load_weights(card_of(tmp_path / "changed.safetensors"))
    with pytest.raises(WeightsError, match=message):
        bind(graph, weights)


def test_weights_of_another_encoder() -> None:
    with pytest.raises(WeightsError, match=r"has the shape .* Use the weights of the encoder it"):
        bind(encoder_card("flux1-a").step_graph, load_weights(CARD))


def test_missing_graph(tmp_path: Path, weights: Weights) -> None:
    with pytest.raises(ModelError, match=r"none.onnx cannot be read: .*No such file.* Install glaze-edge"):
        bind(tmp_path / "none.onnx", weights)


@pytest.mark.parametrize("keep", [0, 1, 2000, -10], ids="{} bytes".format)
def test_truncated_graph(tmp_path: Path, weights: Weights, keep: int) -> None:
    graph = tmp_path / "cut.onnx"
    graph.write_bytes(CARD.step_graph.read_bytes()[:keep])
    with pytest.raises(ModelError, match=r"cut.onnx cannot be read"):
        bind(graph, weights)


@pytest.mark.parametrize(
    ("recipes", "message"),
    [
        ("{", r"strange.onnx cannot be read"),
        (json.dumps({f"{NAME}.flip_transpose": {"of": NAME}}), r"strange.onnx cannot be read"),
        (json.dumps({"x": {"recipe": "invert", "of": NAME}}), r"strange.onnx derives tensors by invert"),
    ],
    ids=["no JSON", "no recipe", "an unknown recipe"],
)
def test_strange_recipes(tmp_path: Path, weights: Weights, recipes: str, message: str) -> None:
    model = onnx.load(CARD.step_graph, load_external_data=False)
    onnx.helper.set_model_props(model, {"derived": recipes})
    graph = tmp_path / "strange.onnx"
    graph.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match=message):
        bind(graph, weights)


def test_flip_transpose_keeps_groups_apart() -> None:
    weight = np.arange(6 * 2 * 3 * 3, dtype=np.float32).reshape(6, 2, 3, 3)
    halves = [flip_transpose(weight[:3]), flip_transpose(weight[3:])]
    np.testing.assert_array_equal(flip_transpose(weight, groups=2), np.concatenate(halves))
