"""NVIDIA's graphics cards."""

from glaze_runtime.devices.base import Device

CUDA = Device(
    name="cuda",
    provider="CUDAExecutionProvider",
    options={"use_tf32": "0"},
    note="an NVIDIA graphics card",
    needs="the package onnxruntime-gpu in place of onnxruntime",
)
