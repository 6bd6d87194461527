"""The one place that opens an onnxruntime session.

onnxruntime falls back to the CPU with no more than a warning. Nothing here does: what was asked for runs,
or a `DeviceError` says why not and what to do.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import onnx
import platformdirs
from numpy.typing import NDArray

from glaze_models.errors import DeviceError, ModelError, Remedy
from glaze_runtime.devices.base import Device
from glaze_runtime.devices.cpu import CPU
from glaze_runtime.devices.plugins import plugin_hardware

if TYPE_CHECKING:
    import onnxruntime

ON_CPU = Remedy("use-device", CPU.name)
_TURN = Lock()
_WORK = {"Conv", "ConvTranspose", "Gemm", "MatMul"}


class Placement(NamedTuple):
    """How many operators of a session run on its device, and how many are left to the CPU."""

    device: int
    cpu: int


def open_session(
    model: bytes | Path,
    device: Device,
    *,
    dims: Mapping[str, int] = MappingProxyType({}),
    initializers: Mapping[str, NDArray[Any]] = MappingProxyType({}),
) -> "onnxruntime.InferenceSession":
    """A session that runs `model` on `device`, and not by surprise on another. Its attribute `placement` is its
    `Placement`.

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
    import onnxruntime  # takes long to load, so not before it is needed

    require(device)
    # Providers that cannot start write to the terminal; here that is an error.
    onnxruntime.set_default_logger_severity(4)
    options = _session_options()
    for name, size in dims.items():
        options.add_free_dimension_override_by_name(name, size)
    arrays = {name: np.ascontiguousarray(array) for name, array in initializers.items()}
    tensors = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in arrays.values()]
    options.add_external_initializers(list(arrays), tensors)
    of_provider = dict(device.options)
    given = model
    if isinstance(given, bytes):
        if device.variant:
            given = device.variant(given)
        if device.cache and (folder := _cache_folder(device)):
            of_provider[device.cache.option] = str(folder)
            given = _named(given, device.cache.name, _fingerprint(given, device, dims, arrays))
    providers = None
    if _built_in(device):
        providers = [(device.provider, of_provider)]
    else:
        options.add_provider_for_devices([plugin_hardware(device.plugin)], of_provider)
    kind = onnxruntime.InferenceSession
    if device.one_at_a_time:
        kind = _in_turn(kind)
    try:
        session = kind(
            str(given) if isinstance(given, Path) else given,
            options,
            providers=providers,
            enable_fallback=False,
            # It would undo the recomputation that keeps the memory of a step graph down.
            disabled_optimizers=["CommonSubexpressionElimination"],
        )
    except Exception as error:  # onnxruntime's exceptions share no narrower base
        if device == CPU:
            raise ModelError(f"The model cannot be loaded: {error}. Install glaze-edge again.") from error
        said = str(error).strip().rstrip(".")
        raise DeviceError(
            f"The device {device.name!r} refuses the model: {said}. Use the CPU.", ON_CPU
        ) from error
    for value in session.get_inputs():
        if not all(isinstance(size, int) for size in value.shape):
            raise ModelError(f"The input {value.name!r} has no fixed size: {value.shape}. Give it in `dims`.")
    session.placement = _placement(session, model, device)
    session.initializers = tensors  # onnxruntime reads the numpy buffers in place, so they stay with it
    return session


def installed(device: Device) -> bool:
    """Whether its provider is here. It may still find nothing to run on."""
    return _built_in(device) or (device.plugin is not None and plugin_hardware(device.plugin) is not None)


def require(device: Device) -> None:
    """Do nothing where `device` is installed.

    Raises:
        DeviceError: it is not, and what it needs.
    """
    if not installed(device):
        raise DeviceError(
            f"The device {device.name!r} ({device.note}) is not available here. "
            f"It needs {device.needs}. Install that, or use the CPU.",
            ON_CPU,
        )


def _session_options() -> "onnxruntime.SessionOptions":
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.intra_op_num_threads = _threads()
    # Both would hold on to buffers: a step of an SD VAE at 512x512 takes 2.2 GiB without, over 5 with them, in the same
    # time.
    options.enable_mem_reuse = False
    options.enable_mem_pattern = False
    # Threads that spin between two runs would take the processor from numpy.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Packed copies of the weights: a step of CLIP ViT-H/14 takes 5.5 GiB without, 7.9 with them, in the same time.
    options.add_session_config_entry("session.disable_prepacking", "1")
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    return options


def _built_in(device: Device) -> bool:
    import onnxruntime

    return device.provider in onnxruntime.get_available_providers()


def _cache_folder(device: Device) -> Path | None:
    """Where the provider keeps what it compiled; None where that cannot be made, which costs time and no more."""
    folder = platformdirs.user_cache_path("glaze-edge") / device.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder


def _named(model: bytes, entry: str, name: str) -> bytes:
    """`model` with an entry in its metadata."""
    proto = onnx.ModelProto.FromString(model)
    proto.metadata_props.add(key=entry, value=name)
    serialised: bytes = proto.SerializeToString()
    return serialised


def _fingerprint(
    model: bytes, device: Device, dims: Mapping[str, int], arrays: Mapping[str, NDArray[Any]]
) -> str:
    """64 hexadecimal digits that change with all that a compiled model depends on."""
    import onnxruntime

    digest = hashlib.sha256(model)
    digest.update(
        repr([onnxruntime.__version__, sorted(device.options.items()), sorted(dims.items())]).encode()
    )
    for name, array in sorted(arrays.items()):
        digest.update(repr([name, array.dtype.str, array.shape]).encode())
        digest.update(array.data)
    return digest.hexdigest()


def _placement(session: "onnxruntime.InferenceSession", model: bytes | Path, device: Device) -> Placement:
    """Where the operators of `model` run.

    onnxruntime lists every operator that it left to the CPU, but of WebGPU's own (1.27) only those it added to the
    graph.

    Raises:
        DeviceError: all of the work is on the CPU, and the device is another.
    """
    parts = session.get_provider_graph_assignment_info()
    left = [node.op_type for part in parts if part.ep_name == CPU.provider for node in part.get_nodes()]
    if device == CPU:
        return Placement(len(left), 0)
    graph = (
        onnx.ModelProto.FromString(model)
        if isinstance(model, bytes)
        else onnx.load(model, load_external_data=False)
    ).graph
    operators = [node.op_type for node in graph.node]
    work, left_work = (sum(name in _WORK for name in names) for names in (operators, left))
    listed = any(part.ep_name == device.provider for part in parts)
    if left and not listed and left_work >= work:
        raise DeviceError(
            f"The device {device.name!r} takes no part of the model: all of it would run on the CPU. "
            f"Check that there is {device.needs}, or use the CPU.",
            ON_CPU,
        )
    return Placement(max(len(operators) - len(left), 0), len(left))


def _in_turn(kind: Any) -> Any:
    """The class `kind` of sessions, but one run at a time."""

    def run(session: Any, *arguments: Any, **options: Any) -> Any:
        with _TURN:
            return kind.run(session, *arguments, **options)

    return type("InTurn", (kind,), {"run": run})


def _threads() -> int:
    """0, for a thread a physical core, unless this process is held to fewer processors than there are."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return 0 if usable is None or usable == os.cpu_count() else usable
