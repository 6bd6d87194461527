"""One network of a style engine, opened on a device for one size of picture."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glaze_models.errors import ModelError, Remedy
from glaze_runtime.devices import Device, open_session

TYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
}


class Network:
    """The network in `file`; `dims` are the sizes that it only names.

    Networks take gigabytes: keep one at a time.

    Raises:
        ModelError: the file cannot be loaded.
        DeviceError: the device refuses it.
    """

    def __init__(self, file: Path, device: Device, dims: Mapping[str, int]) -> None:
        self.file = file
        self.device = device
        try:
            self._session = open_session(file, device, dims={"batch_size": 1, **dims})
        except ModelError as error:
            raise ModelError(
                f"The network {file} cannot be loaded: {error.__cause__ or error}. Export the style engine again."
            ) from error
        self._types = {value.name: TYPES[value.type] for value in self._session.get_inputs()}

    def __call__(self, output: str, **inputs: NDArray[Any]) -> NDArray[np.float32]:
        """`output` for `inputs`, which are cast to what the network takes.

        Raises:
            ModelError: it does not take these inputs or give this output, memory ran out, or what it gives is no
                number.
        """
        try:
            feeds = {name: np.asarray(value, self._types[name]) for name, value in inputs.items()}
            (result,) = self._session.run([output], feeds)
        except Exception as error:  # onnxruntime's exceptions share no narrower base
            raise ModelError(
                f"The network {self.file} fails: {error!r}. If memory ran out, lower longest_side in engine.json; "
                "otherwise export the style engine again."
            ) from error
        if not np.isfinite(result).all():
            raise ModelError(
                f"The network {self.file} gives infinities on the device {self.device.name!r}. "
                "Use the CPU; if that fails too, export the style engine again.",
                Remedy("use-device", "cpu"),
            )
        return np.asarray(result, np.float32)
