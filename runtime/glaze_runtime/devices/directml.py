"""Microsoft's DirectML, on any DirectX 12 graphics.

Its provider asks for sequential execution and no memory pattern, which every session here has. Runs of one session must
not overlap; those of several have stalled since 1.18 (microsoft/onnxruntime#20713).
"""

from glaze_runtime.devices.base import Device

DIRECTML = Device(
    name="directml",
    provider="DmlExecutionProvider",
    options={"performance_preference": "high_performance"},
    one_at_a_time=True,
    note="any DirectX 12 graphics",
    needs="Windows and the package onnxruntime-windowsml in place of onnxruntime",
)
