"""Apple's CoreML. Its options and its cache: the page "CoreML Execution Provider" of onnxruntime.ai."""

from glaze_runtime.devices.base import Cache, Device

COREML = Device(
    name="coreml",
    provider="CoreMLExecutionProvider",
    options={
        "ModelFormat": "MLProgram",
        "MLComputeUnits": "CPUAndGPU",  # the Neural Engine is float16
        "RequireStaticInputShapes": "1",
        "AllowLowPrecisionAccumulationOnGPU": "0",
    },
    # The provider's own name for a model looks at neither its weights nor its sizes, and checkpoints share a graph.
    cache=Cache(option="ModelCacheDirectory", name="COREML_CACHE_KEY"),
    note="the graphics of a Mac",
    needs="macOS and the package onnxruntime",
)
