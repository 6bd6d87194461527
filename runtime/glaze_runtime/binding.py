"""Binding: a graph without weights and a `.safetensors` file -> what a session is opened from, by name."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from glaze_models import EncoderCard
from glaze_models.errors import ModelError, WeightsError

Tensor = NDArray[np.float32]


def flip_transpose(weight: Tensor) -> Tensor:
    """[out,in,kh,kw] -> [in,out,kh,kw], flipped: the kernels of the adjoint of a stride-1 convolution."""
    return np.ascontiguousarray(weight.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1])


def first_half(weight: Tensor) -> Tensor:
    """[2n,...] -> [n,...]: of the convolution that gives mean and log-variance, what gives the mean."""
    return weight[: len(weight) // 2]


RECIPES: dict[str, Callable[[Tensor], Tensor]] = {"first_half": first_half, "flip_transpose": flip_transpose}
"""How a graph's derived tensors are computed from its weights."""


@dataclass(frozen=True, kw_only=True)
class Weights:
    """The tensors of a weights file in float32, by name."""

    file: Path
    tensors: Mapping[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class Bound:
    """A serialised graph, and every tensor that it declares without values, in float32."""

    model: bytes
    tensors: Mapping[str, Tensor]


def load_weights(card: EncoderCard) -> Weights:
    """The weights of `card`.

    Raises:
        WeightsError: the card has none, the file is missing, is not the one that the card describes, or is no safetensors file.
    """
    if card.weights is None:
        raise WeightsError(
            f"The encoder {card.name} has no weights yet. Run: glaze-edge models add {card.name} --from FILE"
        )
    file = card.weights.path
    try:
        data = file.read_bytes()
    except OSError as error:
        raise WeightsError(
            f"The weights {file} cannot be read: {error.strerror}. Install glaze-edge again."
        ) from error
    if hashlib.sha256(data).hexdigest() != card.weights.sha256:
        raise WeightsError(
            f"The weights {file} are damaged: their sha256 is not that on record. Install glaze-edge again."
        )
    try:
        tensors = {name: tensor.astype(np.float32) for name, tensor in load(data).items()}
    except SafetensorError as error:
        raise WeightsError(
            f"The weights {file} are no safetensors file: {error}. Get the file again."
        ) from error
    return Weights(file=file, tensors=tensors)


def bind(graph: Path, weights: Weights) -> Bound:
    """Give each tensor that `graph` only declares its values from `weights`, as they are or by its recipe.

    Raises:
        ModelError: the graph cannot be read, or it asks for a recipe that is not known.
        WeightsError: a tensor is missing, misshapen or not finite.
    """
    model, recipes = _read(graph)
    declared = {
        tensor.name: tuple(tensor.dims)
        for tensor in model.graph.initializer
        if tensor.data_location == onnx.TensorProto.EXTERNAL
    }
    tensors = {}
    for name, shape in declared.items():
        steps, origin = [], name
        while origin in recipes:
            steps.append(RECIPES[recipes[origin]["recipe"]])
            origin = recipes[origin]["of"]
        source = tensors[name] = _source(origin, weights, graph)
        for recipe in reversed(steps):
            tensors[name] = recipe(tensors[name])
        if tensors[name].shape != shape:
            raise WeightsError(
                f"The tensor {origin!r} of {weights.file} has the shape {source.shape}, which does not "
                f"give {graph.name} its {name!r} of {shape}. Use the weights of the encoder it was made for."
            )
    return Bound(model=model.SerializeToString(), tensors=tensors)


def _read(graph: Path) -> tuple[onnx.ModelProto, dict[str, dict[str, str]]]:
    """The graph, and its recipes: derived tensor -> {"recipe": a name in `RECIPES`, "of": a weight}."""
    try:
        model = onnx.load(graph, load_external_data=False)
        recipes = json.loads({entry.key: entry.value for entry in model.metadata_props}["derived"])
        unknown = {recipe["recipe"] for recipe in recipes.values()} - RECIPES.keys()
    except (OSError, DecodeError, KeyError, ValueError) as error:
        raise ModelError(f"The graph {graph} cannot be read: {error!r}. Install glaze-edge again.") from error
    if unknown:
        raise ModelError(
            f"The graph {graph} derives tensors by {', '.join(sorted(unknown))}, which this glaze-edge does "
            "not know. Update glaze-edge."
        )
    return model, recipes


def _source(name: str, weights: Weights, graph: Path) -> Tensor:
    if name not in weights.tensors:
        raise WeightsError(
            f"{weights.file} lacks the tensor {name!r}, which {graph.name} needs. "
            "Use the weights of the encoder it was made for."
        )
    tensor = weights.tensors[name]
    if not np.isfinite(tensor).all():
        raise WeightsError(
            f"The tensor {name!r} of {weights.file} holds infinities or no numbers. Get the file again."
        )
    return tensor
