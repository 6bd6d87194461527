"""WebGPU: any graphics, through Direct3D, Metal or Vulkan."""

from glaze_runtime.devices.base import Device

WEBGPU = Device(
    name="webgpu",
    provider="WebGpuExecutionProvider",
    plugin="onnxruntime_ep_webgpu",
    note="any graphics, through Direct3D, Metal or Vulkan",
    needs=(
        "the package onnxruntime-ep-webgpu beside onnxruntime, or onnxruntime-webgpu in place of it, and a "
        "current graphics driver"
    ),
)
