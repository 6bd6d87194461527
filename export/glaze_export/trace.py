"""The forward trace: a torch encoder -> the `encode` graph, image [1,3,height,width] in 0..1 -> latent."""

import logging
import warnings

import torch
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper
from torch import nn

from glaze_export import graphs
from glaze_models import EncoderCard


def encode_graph(module: nn.Module, card: EncoderCard) -> GraphProto:
    """Trace `module` with free height and width, multiples of the stride; parameters become declared weights.

    Args:
        module: image [1,3,H,W] in 0..1 -> latent mean [1,channels,H/stride,W/stride], in eval mode.
        card: gives stride and channels.
    """
    traced = _trace(module, card.stride)
    parameters = dict(module.named_parameters()) | dict(module.named_buffers())
    constants = {t.name: t for t in traced.initializer if t.name not in parameters}
    names = _canonical_names(traced, constants, parameters)
    nodes = [_renamed(node, names) for node in traced.node]
    used = {name for node in nodes for name in node.input}
    tensors = [graphs.weight(name, p.shape) for name, p in parameters.items() if name in used]
    tensors += [numpy_helper.from_array(numpy_helper.to_array(t), names[t.name]) for t in constants.values()]
    return helper.make_graph(
        nodes,
        f"{card.graph}.encode",
        [graphs.value("image", [1, 3, "height", "width"])],
        [graphs.value("latent", [1, card.channels, "latent_height", "latent_width"])],
        sorted(tensors, key=lambda tensor: tensor.name),
    )


def _trace(module: nn.Module, stride: int) -> GraphProto:
    # Without torchvision the exporter logs a warning for each of its operators, which no encoder here uses.
    logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)
    cells = {axis: torch.export.Dim(name, min=2, max=4096) for axis, name in ((2, "rows"), (3, "columns"))}
    example = torch.zeros(1, 3, 8 * stride, 12 * stride)
    with warnings.catch_warnings():
        # The exporter copies torch's own tree specs, which warn about their deprecation.
        warnings.filterwarnings("ignore", message=".*LeafSpec", category=FutureWarning)
        program = torch.onnx.export(
            module,
            (example,),
            dynamo=True,
            verbose=False,
            opset_version=graphs.OPSET,
            dynamic_shapes=({axis: stride * dim for axis, dim in cells.items()},),
            input_names=["image"],
            output_names=["latent"],
        )
    assert program is not None
    graph: GraphProto = program.model_proto.graph
    return graph


def _canonical_names(
    graph: GraphProto, constants: dict[str, TensorProto], parameters: dict[str, torch.Tensor]
) -> dict[str, str]:
    """Names that depend on the order of the operators alone; image, latent and the parameters keep theirs."""
    names = {name: name for name in ("image", "latent", *parameters)}
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
