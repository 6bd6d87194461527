"""Execution providers that are a package of their own, installed beside onnxruntime."""

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any


@cache
def plugin_hardware(module: str) -> Any | None:
    """The `OrtEpDevice` that the provider in `module` runs on: a card of its own before one in the processor.

    None where the package is not installed or finds nothing that it can use.
    """
    if find_spec(module) is None:
        return None
    import onnxruntime

    plugin = import_module(module)
    onnxruntime.register_execution_provider_library(plugin.get_ep_name(), plugin.get_library_path())
    found = [
        hardware for hardware in onnxruntime.get_ep_devices() if hardware.ep_name == plugin.get_ep_name()
    ]
    return min(found, key=lambda hardware: hardware.device.metadata.get("Discrete") != "1", default=None)
