"""The forward trace: a torch module -> its graph. An encoder's takes an image to its latent, a decoder's a latent to
its image."""

import logging
import warnings
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

import torch
from onnx import GraphProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper
from torch import Tensor, nn

from glaze_export import graphs
from glaze_models import DecoderCard, EncoderCard
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
    size = [card.side or "height", card.side or "width"]
    return forward_graph(
        module,
        name=f"{card.graph}.encode",
        inputs=[graphs.value("image", [1, 3, *size])],
        output=graphs.value("latent", [1, card.channels, *_cells(card)]),
        stride=card.stride,
    )


def decode_graph(module: nn.Module, card: DecoderCard) -> tuple[GraphProto, graphs.Derived]:
    """As `encode_graph`, of a decoder: latent mean [1,channels,h,w] -> image [1,3,stride·h,stride·w], about 0..1."""
    return forward_graph(
        module,
        name=f"{card.graph}.decode",
        inputs=[graphs.value("latent", [1, card.channels, "latent_height", "latent_width"])],
        output=graphs.value("image", [1, 3, "height", "width"]),
        stride=1,
    )


def forward_graph(
    module: nn.Module,
    *,
    name: str,
    inputs: Sequence[ValueInfoProto],
    output: ValueInfoProto,
    stride: int,
) -> tuple[GraphProto, graphs.Derived]:
    """Trace `module`, which makes one `output` of `inputs` of one size, a multiple of `stride`; otherwise as
    `encode_graph`."""
    parameters = module.state_dict()
    traced = _trace(module, parameters, inputs, output.name, stride)
    constants = {t.name: t for t in traced.initializer}
    halves = _first_halves(traced, parameters, constants)
    weights = {name: tuple(tensor.shape) for name, tensor in parameters.items()}
    weights |= {half: (weights[of][0] // 2, *weights[of][1:]) for half, of in halves.values()}
    kept = [node for node in traced.node if node.output[0] not in halves]
    fixed = [*(value.name for value in inputs), output.name, *weights]
    names = _canonical_names(kept, constants, fixed) | {old: half for old, (half, _) in halves.items()}
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
        name,
        inputs,
        [output],
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

    def forward(self, inputs: tuple[Tensor, ...], parameters: dict[str, Tensor]) -> Tensor:
        output: Tensor = self._call(parameters, inputs)
        return output


def _trace(
    module: nn.Module,
    parameters: Mapping[str, Tensor],
    inputs: Sequence[ValueInfoProto],
    output: str,
    stride: int,
) -> GraphProto:
    # Without torchvision the exporter logs a warning for each of its operators, which no encoder here uses.
    logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)
    cells = {axis: torch.export.Dim(name, min=2, max=4096) for axis, name in ((2, "rows"), (3, "columns"))}
    sizes = [size for size in graphs.sizes(inputs[0]) if isinstance(size, int)]
    fixed = len(sizes) == 4
    free = None if fixed else {axis: stride * dim for axis, dim in cells.items()}
    example = sizes if fixed else [*sizes, 8 * stride, 12 * stride]
    with warnings.catch_warnings():
        # The exporter copies torch's own tree specs, which warn about their deprecation.
        warnings.filterwarnings("ignore", message=".*LeafSpec", category=FutureWarning)
        # Two inputs of one size share their axes, as they should.
        warnings.filterwarnings("ignore", message=".*shares the same shape constraints", category=UserWarning)
        program = torch.onnx.export(
            _Functional(module).eval(),
            (tuple(torch.rand(example) for _ in inputs),),
            kwargs={"parameters": dict(parameters)},
            dynamo=True,
            verbose=False,
            opset_version=graphs.OPSET,
            dynamic_shapes={"inputs": tuple(free for _ in inputs), "parameters": dict.fromkeys(parameters)},
            input_names=[*(value.name for value in inputs), *parameters],
            output_names=[output],
        )
    assert program is not None
    graph: GraphProto = program.model_proto.graph
    return graph


def _first_halves(
    graph: GraphProto, parameters: Mapping[str, Tensor], constants: Mapping[str, TensorProto]
) -> dict[str, tuple[str, str]]:
    """Output of a Slice -> name of the derived tensor and of the weight whose first half along the first axis it
    takes."""
    found = {}
    for node in graph.node:
        if node.op_type == "Slice" and node.input[0] in parameters:
            name = node.input[0]
            bounds = [graphs.numbers(constants[bound]) for bound in node.input[1:]]
            if bounds != [[0], [len(parameters[name]) // 2], [0], [1]]:
                raise ModelError(
                    f"A part of the weight {name!r} is used that is not its first half. "
                    "Add a recipe to glaze_runtime/weights/binding.py."
                )
            found[node.output[0]] = (f"{name}.first_half", name)
    return found


def _canonical_names(
    nodes: Iterable[NodeProto], constants: Iterable[str], fixed: Iterable[str]
) -> dict[str, str]:
    """Names that depend on the order of the operators alone, but for those that are fixed."""
    names = {name: name for name in fixed}
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
