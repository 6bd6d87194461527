"""The work of a graph: multiplications and additions of its convolutions and matrix products."""

from collections.abc import Mapping
from math import prod
from pathlib import Path

import onnx

from glaze_export import graphs


def flops(file: Path, dims: Mapping[str, int]) -> int:
    """Floating-point operations of the graph in `file` at these sizes of its free dimensions, a multiply-add counted as
    two."""
    graph = onnx.load(file, load_external_data=False).graph
    shapes = graphs.example_shapes(graph, dims)
    total = 0
    for node in graph.node:
        if node.op_type == "Conv":
            total += 2 * prod(shapes[node.output[0]]) * prod(shapes[node.input[1]][1:])
        elif node.op_type == "ConvTranspose":
            total += 2 * prod(shapes[node.input[0]]) * prod(shapes[node.input[1]][1:])
        elif node.op_type in ("Gemm", "MatMul"):
            total += 2 * prod(shapes[node.output[0]]) * shapes[node.input[0]][-1]
    return total
