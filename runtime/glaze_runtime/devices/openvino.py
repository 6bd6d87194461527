"""Intel's OpenVINO, on its graphics and on any x86 processor.

Its option `cache_dir` is left alone: sessions open no faster with it, and two checkpoints of one graph share a file.
"""

import onnx

from glaze_runtime.devices.base import Device


def unshared(model: bytes) -> bytes:
    """`model`, in which no square weight is a factor as it is and transposed.

    OpenVINO (of onnxruntime-openvino 1.24.1) may then take it one way in both places: the gradient of an SD VAE was 64
    % off, without an error. A Reshape to its own shape, which onnxruntime folds away, makes the second a constant of
    its own.
    """
    proto = onnx.ModelProto.FromString(model)
    square = {t.name for t in proto.graph.initializer if len(t.dims) == 2 and t.dims[0] == t.dims[1]}
    transposed = {node.input[1] for node in proto.graph.node if _transposes(node)}
    nodes = list(proto.graph.node)
    del proto.graph.node[:]
    for node in nodes:
        if node.op_type == "Gemm" and not _transposes(node) and node.input[1] in square & transposed:
            own, shape = f"{node.output[0]}_factor", f"{node.output[0]}_shape"
            side = next(t.dims[0] for t in proto.graph.initializer if t.name == node.input[1])
            proto.graph.initializer.add(
                name=shape, data_type=onnx.TensorProto.INT64, dims=[2], int64_data=[side, side]
            )
            proto.graph.node.add(op_type="Reshape", name=own, input=[node.input[1], shape], output=[own])
            node.input[1] = own
        proto.graph.node.append(node)
    serialised: bytes = proto.SerializeToString()
    return serialised


def _transposes(node: onnx.NodeProto) -> bool:
    """Whether it multiplies by its second factor transposed."""
    return node.op_type == "Gemm" and any(entry.name == "transB" and entry.i for entry in node.attribute)


OPENVINO = Device(
    name="openvino",
    provider="OpenVINOExecutionProvider",
    options={"device_type": "GPU", "precision": "ACCURACY"},
    variant=unshared,
    note="Intel graphics",
    needs="the package onnxruntime-openvino in place of onnxruntime, and Intel's graphics driver",
)
OPENVINO_CPU = Device(
    name="openvino-cpu",
    provider="OpenVINOExecutionProvider",
    options={"device_type": "CPU", "precision": "ACCURACY"},
    variant=unshared,
    note="the processor, through Intel's library",
    needs="the package onnxruntime-openvino in place of onnxruntime",
)
