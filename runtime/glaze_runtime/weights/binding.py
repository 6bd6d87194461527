"""Binding: a graph without weights and a `.safetensors` file -> what a session is opened from, by name."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from glaze_models import DecoderCard, EncoderCard
from glaze_models.errors import ModelError, Remedy, WeightsError
from glaze_models.learned_step import LearnedStepCard
from glaze_runtime.weights.tensorfile import Entry, read_header, read_tensors

Card = EncoderCard | DecoderCard | LearnedStepCard
Tensor = NDArray[np.float32]
Shape = tuple[int, ...]


def flip_transpose(weight: Tensor, groups: int = 1) -> Tensor:
    """[out,in/groups,kh,kw] -> [in,out/groups,kh,kw], flipped: the kernels of the adjoint of a stride-1 convolution."""
    first, second, *kernel = weight.shape
    grouped = weight.reshape(groups, first // groups, second, *kernel).swapaxes(1, 2)[..., ::-1, ::-1]
    return np.ascontiguousarray(grouped).reshape(groups * second, first // groups, *kernel)


def first_half(weight: Tensor) -> Tensor:
    """[2n,...] -> [n,...]: of the convolution that gives mean and log-variance, what gives the mean."""
    return weight[: len(weight) // 2]


RECIPES: dict[str, Callable[..., Tensor]] = {"first_half": first_half, "flip_transpose": flip_transpose}
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


class Declared(NamedTuple):
    """A tensor that a graph only declares: what `recipes` make of the weight `of`, one after the other."""

    name: str
    shape: Shape
    of: str
    recipes: tuple[Callable[[Tensor], Tensor], ...]

    def made_from(self, weight: Tensor) -> Tensor:
        """Its values."""
        for recipe in self.recipes:
            weight = recipe(weight)
        return weight

    def fits(self, shape: Shape) -> bool:
        """Whether a weight of this shape gives it."""
        try:
            return self.made_from(np.broadcast_to(np.float32(0), shape)).shape == self.shape
        except (ValueError, IndexError):
            return False


class Misfit(NamedTuple):
    """The weight `of` is missing or misshapen: `text` says so."""

    of: str
    text: str


def load_weights(card: Card) -> Weights:
    """The weights of `card`.

    Raises:
        WeightsError: the card has none, the file is missing, is not the one that the card describes, or is no
            safetensors file.
    """
    file, entries = weights_entries(card)
    return Weights(file=file, tensors=read_tensors(file, entries))


def weights_entries(card: Card) -> tuple[Path, dict[str, Entry]]:
    """The weights file of `card`, once it is known to be the right one, and where its tensors are.

    Raises:
        WeightsError: as `load_weights`.
    """
    if card.weights is None:
        raise WeightsError(
            f"The {kind(card)} {card.name} has no weights yet. Add them from a file.",
            Remedy("add-weights", card.name),
        )
    file = card.weights.path
    advice = "Install glaze-edge again; if you added it, remove it and add it again."
    remedy = Remedy("remove", card.name)
    try:
        with file.open("rb") as opened:
            sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(
            f"The weights {file} cannot be read: {error.strerror}. {advice}", remedy
        ) from error
    if sha256 != card.weights.sha256:
        raise WeightsError(
            f"The weights {file} are damaged: their sha256 is not that on record. {advice}", remedy
        )
    return file, read_header(file)


def kind(card: Card) -> str:
    """What it is, for people."""
    return {EncoderCard: "encoder", DecoderCard: "decoder", LearnedStepCard: "network"}[type(card)]


def bind(graph: Path, weights: Weights) -> Bound:
    """Give each tensor that `graph` only declares its values from `weights`, as they are or by its recipe.

    Raises:
        ModelError: the graph cannot be read, or it asks for a recipe that is not known.
        WeightsError: a tensor is missing, misshapen or not finite.
    """
    model, tensors = _read(graph)
    shapes = {name: tensor.shape for name, tensor in weights.tensors.items()}
    for misfit in _misfits(graph, tensors, shapes, weights.file):
        raise WeightsError(misfit.text)
    for of in {tensor.of for tensor in tensors}:
        require_finite(of, weights.tensors[of], weights.file)
    return Bound(
        model=model.SerializeToString(),
        tensors={tensor.name: tensor.made_from(weights.tensors[tensor.of]) for tensor in tensors},
    )


def needs(graph: Path) -> set[str]:
    """The names of the weights that `graph` is bound from.

    Raises:
        ModelError: as `bind`.
    """
    return {tensor.of for tensor in _read(graph)[1]}


def misfits(graph: Path, shapes: Mapping[str, Shape], file: Path) -> list[Misfit]:
    """What keeps weights of these shapes, those of `file`, from being bound to `graph`.

    Raises:
        ModelError: as `bind`.
    """
    return list(_misfits(graph, _read(graph)[1], shapes, file))


def require_finite(name: str, tensor: NDArray[np.floating[Any]], file: Path) -> None:
    """Refuse a damaged tensor.

    Raises:
        WeightsError: the tensor called `name` of `file` holds infinities or no numbers.
    """
    if not np.isfinite(tensor).all():
        raise WeightsError(
            f"The tensor {name!r} of {file} holds infinities or no numbers. Get the file again."
        )


def _read(graph: Path) -> tuple[onnx.ModelProto, list[Declared]]:
    """The graph, and what it declares; its metadata keeps recipes as tensor -> {"recipe": a name, "of": a weight,
    parameters}."""
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
    tensors = [t for t in model.graph.initializer if t.data_location == onnx.TensorProto.EXTERNAL]
    return model, [Declared(t.name, tuple(t.dims), *_origin(t.name, recipes)) for t in tensors]


def _origin(
    name: str, about: Mapping[str, Mapping[str, Any]]
) -> tuple[str, tuple[Callable[[Tensor], Tensor], ...]]:
    """The weight that a tensor comes from, and by which recipes; one may be derived from another."""
    if name not in about:
        return name, ()
    parameters = dict(about[name])
    of, recipe = parameters.pop("of"), RECIPES[parameters.pop("recipe")]
    origin, before = _origin(of, about)
    return origin, (*before, partial(recipe, **parameters))


def _misfits(
    graph: Path, tensors: Iterable[Declared], shapes: Mapping[str, Shape], file: Path
) -> Iterator[Misfit]:
    for tensor in tensors:
        if tensor.of not in shapes:
            yield Misfit(
                tensor.of,
                f"{file} lacks the tensor {tensor.of!r}, which {graph.name} needs. "
                "Use the weights of the encoder it was made for.",
            )
        elif not tensor.fits(shapes[tensor.of]):
            yield Misfit(
                tensor.of,
                f"The tensor {tensor.of!r} of {file} has the shape {shapes[tensor.of]}, which does not give "
                f"{graph.name} its {tensor.name!r} of {tensor.shape}. "
                "Use the weights of the encoder it was made for.",
            )
