"""`.safetensors` files: the header alone, single tensors from any place in the file, and writing tensor by tensor.

The package `safetensors` cannot read bfloat16 into numpy, and writes only what is in memory as a whole. The format
(https://github.com/huggingface/safetensors#format): the header's length in 8 bytes, the header in JSON, the data.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from glaze_models.errors import WeightsError

LONGEST_HEADER = 100_000_000
"""Bytes; the format's own limit."""

ITEM_BYTES = {
    **dict.fromkeys(("F64", "I64", "U64"), 8),
    **dict.fromkeys(("F32", "I32", "U32"), 4),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 2),
    **dict.fromkeys(("BOOL", "I8", "U8", "F8_E4M3", "F8_E5M2"), 1),
}
"""Of the types whose size is checked; others are newer than this table."""

READABLE = ("F16", "BF16", "F32")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Where a tensor is: its `name` in the file, and the bytes from `start` to `stop` of it."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int

    @property
    def kept_as(self) -> str:
        """F16 or F32: the type that holds all of its numbers, as numpy has no bfloat16."""
        return "F16" if self.dtype == "F16" else "F32"


def read_header(path: Path) -> dict[str, Entry]:
    """The tensors of the file at `path`; nothing but the header is read.

    Raises:
        WeightsError: the file cannot be read, is no safetensors file, or is cut off.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            text = file.read(length) if length <= min(LONGEST_HEADER, size - 8) else b""
    except OSError as error:
        raise WeightsError(
            f"{path} cannot be read: {error.strerror}. Check the file and its folder."
        ) from error
    try:
        entries = _entries(json.loads(text), start=8 + length)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _broken(path, "its header is damaged or cut off") from error
    end = max((entry.stop for entry in entries.values()), default=0)
    if end > size:
        raise _broken(path, f"it is cut off: {size} of {end} bytes are there")
    return entries


def read_tensor(file: IO[bytes], entry: Entry) -> NDArray[Any]:
    """The tensor at `entry` of an open file, as float16 where it is stored so, else as float32.

    Raises:
        WeightsError: its type is not one of `READABLE`, or the file ends too early.
    """
    if entry.dtype not in READABLE:
        raise WeightsError(
            f"The tensor {entry.name!r} of {file.name} is stored as {entry.dtype}. "
            f"Use a file with {', '.join(READABLE)}: anything coarser is another encoder."
        )
    try:
        file.seek(entry.start)
        data = file.read(entry.stop - entry.start)
    except OSError as error:
        raise WeightsError(
            f"{file.name} cannot be read: {error.strerror}. Check the file and its folder."
        ) from error
    if len(data) != entry.stop - entry.start:
        raise _broken(Path(file.name), f"it ends inside of the tensor {entry.name!r}")
    if entry.dtype == "BF16":
        # The upper half of a float32.
        array = (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
    else:
        array = np.frombuffer(data, "<f2" if entry.dtype == "F16" else "<f4")
    return array.reshape(entry.shape)


def read_tensors(path: Path, entries: Mapping[str, Entry]) -> dict[str, NDArray[np.float32]]:
    """The tensors at `entries` of the file at `path` in float32, by the names they have there.

    Raises:
        WeightsError: as `read_tensor`.
    """
    with path.open("rb") as file:
        return {n: read_tensor(file, entry).astype(np.float32, copy=False) for n, entry in entries.items()}


def write_tensors(
    file: IO[bytes], entries: Mapping[str, Entry], tensor: Callable[[str], NDArray[Any]]
) -> None:
    """Write `tensor(name)` of each of `entries`, of its shape and its type `kept_as`, one after the other."""
    header = {}
    end = 0
    for name, entry in entries.items():
        start = end
        end += math.prod(entry.shape) * ITEM_BYTES[entry.kept_as]
        header[name] = {"dtype": entry.kept_as, "shape": entry.shape, "data_offsets": (start, end)}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    file.write(len(text).to_bytes(8, "little") + text)
    for name, entry in entries.items():
        file.write(np.ascontiguousarray(tensor(name), "<f2" if entry.kept_as == "F16" else "<f4").tobytes())


def _entries(header: dict[str, Any], start: int) -> dict[str, Entry]:
    found = {}
    for name, about in header.items():
        if name == "__metadata__":
            continue
        first, last = about["data_offsets"]
        shape = tuple(about["shape"])
        size = ITEM_BYTES.get(about["dtype"])
        if not all(type(n) is int and n >= 0 for n in (first, last - first, *shape)):
            raise ValueError(f"{name}: not a shape or a place")
        if size is not None and math.prod(shape) * size != last - first:
            raise ValueError(f"{name}: shape and bytes differ")
        found[name] = Entry(
            name=name, dtype=about["dtype"], shape=shape, start=start + first, stop=start + last
        )
    return found


def _broken(path: Path, why: str) -> WeightsError:
    return WeightsError(f"The weights {path} are no safetensors file: {why}. Get the file again.")
