"""What a device runs on, as far as onnxruntime tells."""

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from glaze_runtime.devices.base import Device


def hardware_name(device: Device) -> str:
    """For people; "" where onnxruntime names none: of providers that it has built in it often does not."""
    return ", ".join(
        found.device.metadata.get("Description") or f"{found.device.vendor} {found.device.type.name}"
        for found in _of(device)
    )


def identity(device: Device) -> list[Any]:
    """What changes when another device, driver or provider library stands behind the name, for a cache's key."""
    known: list[Any] = [
        [
            found.device.vendor_id,
            found.device.device_id,
            sorted(found.device.metadata.items()),
            sorted(found.ep_metadata.items()),
        ]
        for found in _of(device)
    ]
    if device.plugin is not None:
        try:
            known.append(version(device.plugin))
        except PackageNotFoundError:
            known.append(None)
    return known


def _of(device: Device) -> list[Any]:
    """The `OrtEpDevice`s of its provider."""
    import onnxruntime

    return [found for found in onnxruntime.get_ep_devices() if found.ep_name == device.provider]
