"""The processor."""

from glaze_runtime.devices.base import Device

CPU = Device(
    name="cpu",
    provider="CPUExecutionProvider",
    note="the processor; what the others are measured against",
    needs="the package onnxruntime",
)
