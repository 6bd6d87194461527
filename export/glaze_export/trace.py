"""The forward trace: a torch encoder -> the `encode` graph, image [1,3,height,width] in 0..1 -> latent."""

import logging
import warnings
from collections.abc import Iterable, Mapping
from functools import partial

import torch
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper
from torch import Tensor, nn

from glaze_export import graphs
from glaze_models import EncoderCard
from glaze_models.errors import ModelError


def encode_graph(module: nn.Module, card: EncoderCard) -> tuple[GraphProto, graphs.Derived]:
    """Trace `module`; its parameters become declared weights. Also the recipes of those that are derived from others.

    Height and width are free, multiples of the stride, unless the card fixes them.

    Args:
        module: image [1,3,H,W] in 0..1 -> latent mean [1,channels,H/stride,W/stride], in eval mode. The values of its
            parameters are not read.
        card: gives stride, channels and side.

    Raises:
        ModelError: a part of a weight is used that no recipe gives.
    """
    parameters = module.state_dict()
    traced = _trace(module, parameters, card)
    constants = {t.name: t for t in traced.initializer}
    halves = _first_halves(traced, parameters, constants)
    weights = {name: tuple(tensor.shape) for name, tensor in parameters.items()}
    weights |= {half: (weights[of][0] // 2, *weights[of][1:]) for half, of in halves.values()}
    kept = [node for node in traced.node if node.output[0] not in halves]
    names = _canonical_names(kept, constants, weights) | {old: half for old, (half, _) in halves.items()}
    nodes = [_renamed(node, names) for node in kept]
    used = {name for node in nodes for name in node.input}
    tensors = [graphs.weight(name, shape) for name, shape in weights.items() if name in used]
    tensors += [
        numpy_helper.from_array(numpy_helper.to_array(t), names[t.name])
        for t in constants.values()
        if names[t.name] in used
    ]
    graph = helper.make_graph(
        nodes,
        f"{card.graph}.encode",
        [graphs.value("image", [1, 3, card.side or "height", card.side or "width"])],
        [graphs.value("latent", [1, card.channels, *_cells(card)])],
        sorted(tensors, key=lambda tensor: tensor.name),
    )
    return graph, {half: {"recipe": "first_half", "of": of} for half, of in halves.values()}


def _cells(card: EncoderCard) -> tuple[int | str, int | str]:
    if card.side is None:
        return "latent_height", "latent_width"
    return card.side // card.stride, card.side // card.stride


class _Functional(nn.Module):
    """A module whose parameters are inputs, so that the exporter folds none of them into a constant."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self._call = partial(torch.func.functional_call, module)  # hides the module's own parameters

    def forward(self, image: Tensor, parameters: dict[str, Tensor]) -> Tensor:
        latent: Tensor = self._call(parameters, (image,))
        return latent


def _trace(module: nn.Module, parameters: Mapping[str, Tensor], card: EncoderCard) -> GraphProto:
    # Without torchvision the exporter logs a warning for each of its operators, which no encoder here uses.
    logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)
    cells = {axis: torch.export.Dim(name, min=2, max=4096) for axis, name in ((2, "rows"), (3, "columns"))}
    free = {axis: card.stride * dim for axis, dim in cells.items()} if card.side is None else None
    size = (8 * card.stride, 12 * card.stride) if card.side is None else (card.side, card.side)
    with warnings.catch_warnings():
        # The exporter copies torch's own tree specs, which warn about their deprecation.
        warnings.filterwarnings("ignore", message=".*LeafSpec", category=FutureWarning)
        program = torch.onnx.export(
            _Functional(module).eval(),
            (torch.zeros(1, 3, *size),),
            kwargs={"parameters": dict(parameters)},
            dynamo=True,
            verbose=False,
            opset_version=graphs.OPSET,
            dynamic_shapes={"image": free, "parameters": dict.fromkeys(parameters)},
            input_names=["image", *parameters],
            output_names=["latent"],
        )
    assert program is not None
    graph: GraphProto = program.model_proto.graph
    return graph


def _first_halves(
    graph: GraphProto, parameters: Mapping[str, Tensor], constants: Mapping[str, TensorProto]
) -> dict[str, tuple[str, str]]:
    """Output of a Slice -> name of the derived tensor and of the weight whose first half along the first axis it takes."""
    found = {}
    for node in graph.node:
        if node.op_type == "Slice" and node.input[0] in parameters:
            name = node.input[0]
            bounds = [graphs.numbers(constants[bound]) for bound in node.input[1:]]
            if bounds != [[0], [len(parameters[name]) // 2], [0], [1]]:
                raise ModelError(
                    f"A part of the weight {name!r} is used that is not its first half. "
                    "Add a recipe to glaze_runtime/binding.py."
                )
            found[node.output[0]] = (f"{name}.first_half", name)
    return found


def _canonical_names(
    nodes: Iterable[NodeProto], constants: Iterable[str], weights: Iterable[str]
) -> dict[str, str]:
    """Names that depend on the order of the operators alone; image, latent and the weights keep theirs."""
    names = {name: name for name in ("image", "latent", *weights)}
    for index, name in enumerate(constants):
        names[name] = f"constant_{index}"
    for index, node in enumerate(nodes):
        for output in node.output:
            names.setdefault(output, f"{node.op_type.lower()}_{index}")
    return names


def _renamed(node: NodeProto, names: dict[str, str]) -> NodeProto:
    (output,) = node.output
    return graphs.node(
        node.op_type, [names[i] if i else "" for i in node.input], names[output], graphs.attributes(node)
    )
