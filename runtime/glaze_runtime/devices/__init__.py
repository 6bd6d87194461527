"""Devices: what can run a graph here. One is a file with its entry, and its place in the table."""

from collections.abc import Callable

from glaze_models.errors import DeviceError, OptionError, Remedy
from glaze_runtime.devices.base import Device
from glaze_runtime.devices.coreml import COREML
from glaze_runtime.devices.cpu import CPU
from glaze_runtime.devices.cuda import CUDA
from glaze_runtime.devices.directml import DIRECTML
from glaze_runtime.devices.openvino import OPENVINO, OPENVINO_CPU
from glaze_runtime.devices.session import Placement, installed, open_session, require
from glaze_runtime.devices.sizes import sized_sessions
from glaze_runtime.devices.verdicts import Verdict
from glaze_runtime.devices.webgpu import WEBGPU

__all__ = ["CPU", "DEVICES", "Device", "Placement", "available", "choose", "open_session", "sized_sessions"]

DEVICES: dict[str, Device] = {
    device.name: device for device in (CUDA, COREML, DIRECTML, WEBGPU, OPENVINO, OPENVINO_CPU, CPU)
}
"""In the order `auto` tries them."""


def available() -> tuple[Device, ...]:
    """The devices whose provider is installed, in the order `auto` tries them."""
    return tuple(device for device in DEVICES.values() if installed(device))


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
    require(device)
    if device != CPU and not (verdict := test(device)).passed:
        raise DeviceError(
            f"The device {name!r} failed its self-test: {verdict.reason}. Let the device be chosen for you.",
            Remedy("use-device", "auto"),
        )
    return device
