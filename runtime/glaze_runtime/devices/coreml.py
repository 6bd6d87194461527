"""Apple's CoreML. Options and the key of its cache: the page "CoreML Execution Provider" of onnxruntime.ai."""

import onnx

from glaze_runtime.devices.base import Device

CACHE_KEY = "COREML_CACHE_KEY"
"""Metadata of a model: the name of what is kept of it, letters and digits, 64 of them at most. It is taken unseen."""


def keyed(model: bytes, fingerprint: str) -> bytes:
    """`model`, with `fingerprint` as its name in CoreML's cache.

    The provider's own name for a model looks at neither its weights nor its sizes, and checkpoints share a graph.
    """
    proto = onnx.ModelProto.FromString(model)
    proto.metadata_props.add(key=CACHE_KEY, value=fingerprint)
    serialised: bytes = proto.SerializeToString()
    return serialised


COREML = Device(
    name="coreml",
    provider="CoreMLExecutionProvider",
    options={
        "ModelFormat": "MLProgram",
        "MLComputeUnits": "CPUAndGPU",  # the Neural Engine is float16
        "RequireStaticInputShapes": "1",
        "AllowLowPrecisionAccumulationOnGPU": "0",
    },
    cache="ModelCacheDirectory",
    variant=keyed,
    note="the graphics of a Mac",
    needs="macOS and the package onnxruntime",
)
