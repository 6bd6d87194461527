"""Devices: what can run a graph here, and the one place that opens an onnxruntime session.

onnxruntime falls back to the CPU with no more than a warning. Nothing here does: what was asked for runs,
or a `DeviceError` says why not and what to do.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from glaze_models.errors import DeviceError, ModelError, OptionError
from glaze_runtime.plugins import plugin_hardware
from glaze_runtime.verdicts import Verdict


@dataclass(frozen=True, kw_only=True)
class Device:
    """Something that can run a graph.

    Attributes:
        name: what `--device` takes.
        provider: the onnxruntime execution provider.
        options: of the provider; they keep the arithmetic in float32.
        plugin: the module that brings the provider, where onnxruntime itself does not.
        note: what it is.
        needs: what must be there for it.
    """

    name: str
    provider: str
    options: Mapping[str, str] = field(default_factory=dict, hash=False)
    plugin: str | None = None
    note: str
    needs: str


CPU = Device(
    name="cpu",
    provider="CPUExecutionProvider",
    note="the processor; what the others are measured against",
    needs="the package onnxruntime",
)

DEVICES: dict[str, Device] = {
    device.name: device
    for device in (
        Device(
            name="cuda",
            provider="CUDAExecutionProvider",
            options={"use_tf32": "0"},
            note="an NVIDIA graphics card",
            needs="the package onnxruntime-gpu in place of onnxruntime",
        ),
        Device(
            name="coreml",
            provider="CoreMLExecutionProvider",
            options={
                "ModelFormat": "MLProgram",
                "MLComputeUnits": "CPUAndGPU",
            },  # the Neural Engine is float16
            note="the graphics of a Mac",
            needs="macOS and the package onnxruntime",
        ),
        Device(
            name="directml",
            provider="DmlExecutionProvider",
            options={"performance_preference": "high_performance"},
            note="any DirectX 12 graphics",
            needs="Windows and the package onnxruntime-windowsml in place of onnxruntime",
        ),
        Device(
            name="webgpu",
            provider="WebGpuExecutionProvider",
            plugin="onnxruntime_ep_webgpu",
            note="any graphics, through Direct3D, Metal or Vulkan",
            needs="the package onnxruntime-ep-webgpu beside onnxruntime, and a current graphics driver",
        ),
        Device(
            name="openvino",
            provider="OpenVINOExecutionProvider",
            options={"device_type": "GPU", "precision": "ACCURACY"},
            note="Intel graphics",
            needs="the package onnxruntime-openvino in place of onnxruntime, and Intel's graphics driver",
        ),
        Device(
            name="openvino-cpu",
            provider="OpenVINOExecutionProvider",
            options={"device_type": "CPU", "precision": "ACCURACY"},
            note="the processor, through Intel's library",
            needs="the package onnxruntime-openvino in place of onnxruntime",
        ),
        CPU,
    )
}
"""In the order `auto` tries them."""


def available() -> tuple[Device, ...]:
    """The devices whose provider is installed, in the order `auto` tries them."""
    return tuple(device for device in DEVICES.values() if _installed(device))


def open_session(
    model: bytes | Path,
    device: Device,
    *,
    dims: Mapping[str, int] = MappingProxyType({}),
    initializers: Mapping[str, NDArray[Any]] = MappingProxyType({}),
) -> onnxruntime.InferenceSession:
    """A session that runs `model` on `device`, and not by surprise on another.

    Args:
        model: a serialised ONNX model, or the file of one, which may keep its tensors in a file beside it.
        device: an entry of `DEVICES`.
        dims: sizes for the dimensions that the model only names, `{"height": 512, "width": 512}`.
        initializers: tensors that the model leaves out. The model declares each as an initializer of the same
            name, type and shape with `data_location` EXTERNAL and any `location`; to the optimiser and the
            provider it is a constant like any other. The arrays are not copied: leave them as they are.
            Small tensors that shapes depend on (of Reshape, axes) must be in the model itself.

    Raises:
        DeviceError: the device is missing, refuses the model, or would have left all of it to another.
        ModelError: the model cannot be loaded, or a dimension was left open.
    """
    _require(device)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = _threads()
    # Both would hold on to buffers: a step of an SD VAE at 512x512 takes 2.2 GiB without, over 5 with them, in the same time.
    options.enable_mem_reuse = False
    options.enable_mem_pattern = False
    # Threads that spin between two runs would take the processor from numpy.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Packed copies of the weights: a step of CLIP ViT-H/14 takes 5.5 GiB without, 7.9 with them, in the same time.
    options.add_session_config_entry("session.disable_prepacking", "1")
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    for name, size in dims.items():
        options.add_free_dimension_override_by_name(name, size)
    tensors = [
        onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(a)) for a in initializers.values()
    ]
    options.add_external_initializers(list(initializers), tensors)
    providers = None
    if _built_in(device):
        providers = [(device.provider, dict(device.options))]
    else:
        options.add_provider_for_devices([plugin_hardware(device.plugin)], dict(device.options))
    try:
        session = onnxruntime.InferenceSession(
            str(model) if isinstance(model, Path) else model,
            options,
            providers=providers,
            enable_fallback=False,
            # It would undo the recomputation that keeps the memory of a step graph down.
            disabled_optimizers=["CommonSubexpressionElimination"],
        )
    except Exception as error:  # onnxruntime's exceptions share no narrower base
        if device == CPU:
            raise ModelError(f"The model cannot be loaded: {error}. Install glaze-edge again.") from error
        raise DeviceError(
            f"The device {device.name!r} refuses the model: {error}. Use --device cpu."
        ) from error
    for value in session.get_inputs():
        if not all(isinstance(size, int) for size in value.shape):
            raise ModelError(f"The input {value.name!r} has no fixed size: {value.shape}. Give it in `dims`.")
    at_work = {part.ep_name for part in session.get_provider_graph_assignment_info()}
    if device != CPU and device.provider not in at_work:
        raise DeviceError(
            f"The device {device.name!r} takes no part of the model: all of it would run on the CPU. "
            f"Check that there is {device.needs}, or use --device cpu."
        )
    session.initializers = tensors  # onnxruntime reads the numpy buffers in place, so they stay with it
    return session


def choose(name: str, test: Callable[[Device], Verdict]) -> Device:
    """The device called `name` once it passed `test`; for `auto`, the first that passes and beats the CPU.

    Raises:
        OptionError: no device has this name.
        DeviceError: the device is missing, or failed its test.
    """
    if name == "auto":
        return next(device for device in available() if device == CPU or test(device).worth_using)
    if name not in DEVICES:
        raise OptionError(f"There is no device called {name!r}. Known: auto, {', '.join(DEVICES)}.")
    device = DEVICES[name]
    _require(device)
    if device != CPU and not (verdict := test(device)).passed:
        raise DeviceError(f"The device {name!r} failed its self-test: {verdict.reason}. Use --device auto.")
    return device


def _built_in(device: Device) -> bool:
    return device.provider in onnxruntime.get_available_providers()


def _installed(device: Device) -> bool:
    return _built_in(device) or (device.plugin is not None and plugin_hardware(device.plugin) is not None)


def _require(device: Device) -> None:
    if not _installed(device):
        raise DeviceError(
            f"The device {device.name!r} ({device.note}) is not available here. "
            f"It needs {device.needs}. Install that, or use --device cpu."
        )


def _threads() -> int:
    """0, for a thread a physical core, unless this process is held to fewer processors than there are."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return 0 if usable is None or usable == os.cpu_count() else usable
