"""Runs before the program: `onnx` is its protobuf classes alone.

glaze_runtime only reads graphs. The rest of the package, its checker and operator schemas, would add 9 MB with
ml_dtypes.
"""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

onnx: Any = ModuleType("onnx")
onnx.__path__ = [str(Path(__file__).parent / "onnx")]
sys.modules["onnx"] = onnx

from onnx.onnx_ml_pb2 import ModelProto, NodeProto, TensorProto  # noqa: E402


def load(path: Path, load_external_data: bool) -> ModelProto:
    """The graph in a file. Tensors that it only declares stay so."""
    assert not load_external_data
    model: ModelProto = ModelProto.FromString(path.read_bytes())
    return model


onnx.ModelProto, onnx.NodeProto, onnx.TensorProto = ModelProto, NodeProto, TensorProto
onnx.load = load
