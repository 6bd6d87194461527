"""The forward trace: a torch encoder -> the `encode` graph, image [1,3,height,width] in 0..1 -> latent."""

import logging
import warnings
from collections.abc import Sequence

import torch
from onnx import GraphProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper
from onnxscript.optimizer import optimize_ir
from torch import nn

from glaze_export import graphs
from glaze_models import EncoderCard


def encode_graph(module: nn.Module, card: EncoderCard) -> GraphProto:
    """Trace `module` with free height and width, multiples of the stride; parameters become declared weights.

    Args:
        module: image [1,3,H,W] in 0..1 -> latent mean [1,channels,H/stride,W/stride], in eval mode.
        card: gives stride and channels.
    """
    return forward_graph(
        module,
        name=f"{card.graph}.encode",
        images=["image"],
        output=graphs.value("latent", [1, card.channels, "latent_height", "latent_width"]),
        stride=card.stride,
    )


def forward_graph(
    module: nn.Module, *, name: str, images: Sequence[str], output: ValueInfoProto, stride: int
) -> GraphProto:
    """Trace `module`, which makes one `output` of `images` [1,3,height,width] of the same size, multiples of `stride`."""
    traced = _trace(module, images, output.name, stride)
    parameters = dict(module.named_parameters()) | dict(module.named_buffers())
    constants = {t.name: t for t in traced.initializer if t.name not in parameters}
    names = _canonical_names(traced, constants, [*images, output.name, *parameters])
    nodes = [_renamed(node, names) for node in traced.node]
    used = {name for node in nodes for name in node.input}
    tensors = [graphs.weight(name, p.shape) for name, p in parameters.items() if name in used]
    tensors += [numpy_helper.from_array(numpy_helper.to_array(t), names[t.name]) for t in constants.values()]
    return helper.make_graph(
        nodes,
        name,
        [graphs.value(image, [1, 3, "height", "width"]) for image in images],
        [output],
        sorted(tensors, key=lambda tensor: tensor.name),
    )


def _trace(module: nn.Module, images: Sequence[str], output: str, stride: int) -> GraphProto:
    # Without torchvision the exporter logs a warning for each of its operators, which no encoder here uses.
    logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)
    cells = {axis: torch.export.Dim(name, min=2, max=4096) for axis, name in ((2, "rows"), (3, "columns"))}
    free = {axis: stride * dim for axis, dim in cells.items()}
    with warnings.catch_warnings():
        # The exporter copies torch's own tree specs, which warn about their deprecation.
        warnings.filterwarnings("ignore", message=".*LeafSpec", category=FutureWarning)
        # Two images of one size share their axes, as they should.
        warnings.filterwarnings("ignore", message=".*shares the same shape constraints", category=UserWarning)
        program = torch.onnx.export(
            module,
            tuple(torch.rand(1, 3, 8 * stride, 12 * stride) for _ in images),
            dynamo=True,
            verbose=False,
            opset_version=graphs.OPSET,
            dynamic_shapes=tuple(free for _ in images),
            input_names=list(images),
            output_names=[output],
            optimize=False,
        )
    assert program is not None
    weights = module.state_dict().keys()
    # Folding would bake weights in; equal ones would become one.
    optimize_ir(
        program.model, should_fold=lambda node: None if weights.isdisjoint(v.name for v in node.inputs if v) else False
    )
    graph: GraphProto = program.model_proto.graph
    return graph


def _canonical_names(
    graph: GraphProto, constants: dict[str, TensorProto], kept: Sequence[str]
) -> dict[str, str]:
    """Names that depend on the order of the operators alone, but for those that are `kept`."""
    names = {name: name for name in kept}
    for index, name in enumerate(constants):
        names[name] = f"constant_{index}"
    for index, node in enumerate(graph.node):
        for output in node.output:
            names.setdefault(output, f"{node.op_type.lower()}_{index}")
    return names


def _renamed(node: NodeProto, names: dict[str, str]) -> NodeProto:
    (output,) = node.output
    return graphs.node(
        node.op_type, [names[i] if i else "" for i in node.input], names[output], graphs.attributes(node)
    )
