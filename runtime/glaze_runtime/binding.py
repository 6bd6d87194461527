"""Binding: a graph without weights and a `.safetensors` file -> what a session is opened from, by tensor name."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from glaze_models import EncoderCard
from glaze_models.errors import ModelError, WeightsError
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

Tensor = NDArray[np.float32]


def flip_transpose(weight: Tensor) -> Tensor:
    """[out,in,kh,kw] -> [in,out,kh,kw], flipped: a stride-1 convolution with it is the adjoint of one with `weight`."""
    return np.ascontiguousarray(weight.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1])


RECIPES: dict[str, Callable[[Tensor], Tensor]] = {"flip_transpose": flip_transpose}


@dataclass(frozen=True, kw_only=True)
class Bound:
    """A graph and every tensor that it declares without values, in float32."""

    model: bytes
    tensors: Mapping[str, Tensor]


def load_weights(card: EncoderCard) -> dict[str, Tensor]:
    """The tensors of the card's weights file in float32.

    Raises:
        WeightsError: the file is missing, or it is not the one the card describes.
    """
    path = card.weights_file
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"The weights {path} cannot be read: {error.strerror}. Install glaze-edge again.") from error
    if hashlib.sha256(data).hexdigest() != card.sha256:
        raise WeightsError(f"The weights {path} are damaged: their sha256 is not the recorded one. Install glaze-edge again.")
    try:
        return {name: tensor.astype(np.float32) for name, tensor in load(data).items()}
    except SafetensorError as error:
        raise WeightsError(f"{path} is not a safetensors file: {error}.") from error


def bind(graph: Path, weights: Mapping[str, Tensor]) -> Bound:
    """Give each tensor that `graph` declares its values from `weights`, directly or by its recipe.

    Raises:
        ModelError: the graph cannot be read.
        WeightsError: a tensor is missing or has another shape; it is named.
    """
    try:
        model = onnx.load(graph, load_external_data=False)
    except (OSError, DecodeError) as error:
        raise ModelError(f"The graph {graph} cannot be read: {error}. Install glaze-edge again.") from error
    recipes = json.loads(next((p.value for p in model.metadata_props if p.key == "derived"), "{}"))
    tensors = {}
    for declared in model.graph.initializer:
        if declared.data_location != onnx.TensorProto.EXTERNAL:
            continue
        recipe = recipes.get(declared.name)
        source = recipe["of"] if recipe else declared.name
        if source not in weights:
            raise WeightsError(f"The weights lack the tensor {source!r}, which {graph.name} needs. Are they of another encoder?")
        tensor = RECIPES[recipe["recipe"]](weights[source]) if recipe else weights[source]
        if tensor.shape != tuple(declared.dims):
            raise WeightsError(
                f"The tensor {source!r} has the shape {tensor.shape}; {graph.name} needs {tuple(declared.dims)} for "
                f"{declared.name!r}. Are the weights of another encoder?"
            )
        tensors[declared.name] = tensor
    return Bound(model=model.SerializeToString(), tensors=tensors)
