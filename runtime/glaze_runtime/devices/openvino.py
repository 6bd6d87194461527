"""Intel's OpenVINO, on its graphics and on any x86 processor.

Its option `cache_dir` is left alone: sessions open no faster with it, and two checkpoints of one graph share a file.
"""

from glaze_runtime.devices.base import Device

OPENVINO = Device(
    name="openvino",
    provider="OpenVINOExecutionProvider",
    options={"device_type": "GPU", "precision": "ACCURACY"},
    note="Intel graphics",
    needs="the package onnxruntime-openvino in place of onnxruntime, and Intel's graphics driver",
)
OPENVINO_CPU = Device(
    name="openvino-cpu",
    provider="OpenVINOExecutionProvider",
    options={"device_type": "CPU", "precision": "ACCURACY"},
    note="the processor, through Intel's library",
    needs="the package onnxruntime-openvino in place of onnxruntime",
)
