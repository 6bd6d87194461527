"""The files of this package."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class WeightsFile:
    """A `.safetensors` file whose tensors are bound to graphs by name; `sha256` and `bytes` are the file's."""

    path: Path
    sha256: str
    bytes: int


def graph_file(name: str) -> Path:
    """`graphs/NAME.onnx`."""
    return _data() / "graphs" / f"{name}.onnx"


def bundled(name: str, sha256: str, size: int) -> WeightsFile:
    """`weights/NAME.safetensors`, of `size` bytes."""
    return WeightsFile(path=_data() / "weights" / f"{name}.safetensors", sha256=sha256, bytes=size)


@cache
def _data() -> Path:
    return Path(str(files("glaze_models")))
