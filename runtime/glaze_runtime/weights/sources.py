"""What an artist gives as weights, a file or a folder -> the tensors in it and what else it tells."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glaze_models.errors import OptionError, WeightsError
from glaze_runtime.weights.tensorfile import Entry, read_header

PICKLED_SUFFIXES = (".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth")
SUBFOLDERS = ("vae", "image_encoder")
"""Of a diffusers pipeline, the first one first."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """An opened source.

    Attributes:
        file: the `.safetensors` file.
        given: what the artist named: the file, or a folder around it.
        entries: its tensors by name.
        config: of the `config.json` beside it; empty without one.
    """

    file: Path
    given: Path
    entries: Mapping[str, Entry]
    config: Mapping[str, Any]


def open_checkpoint(path: Path, subfolders: tuple[str, ...] = SUBFOLDERS) -> Checkpoint:
    """The checkpoint at `path`, a `.safetensors` file or a diffusers folder; only headers are read.

    Args:
        path: a file; a folder with a `config.json`; or a pipeline's folder, with one of `subfolders` in it.
        subfolders: which part of a pipeline is wanted, the first one first.

    Raises:
        OptionError: there is nothing at `path`, or nothing in the folder.
        WeightsError: the file is pickled, a GGUF, no safetensors file, or cut off.
    """
    if not os.path.exists(path):  # noqa: PTH110  Path.exists may raise where a name is too long
        raise OptionError(f"{path}: there is no such file or folder. Check the path.")
    if path.is_file():
        return Checkpoint(file=path, given=path, entries=_entries(path), config={})
    folder = next(
        (path / name for name in ("", *subfolders) if (path / name / "config.json").is_file()), None
    )
    if folder is None:
        raise OptionError(
            f"{path}: the folder has no config.json, nor a folder {' or '.join(SUBFOLDERS)} with one. "
            "Give a diffusers folder, or a .safetensors file."
        )
    file = _weights_in(folder)
    return Checkpoint(file=file, given=path, entries=_entries(file), config=_config(folder / "config.json"))


def _weights_in(folder: Path) -> Path:
    """The weights file of a model's folder; of several precisions the most exact, which has the shortest name."""
    found = sorted(folder.glob("*.safetensors"), key=lambda file: (len(file.name), file.name))
    if found and "-of-" not in found[0].name:
        return found[0]
    if found:
        raise WeightsError(
            f"The weights in {folder} are in several files ({found[0].name} …). "
            "Use a folder or a checkpoint with one .safetensors file."
        )
    pickled = [file for file in sorted(folder.iterdir()) if file.suffix.lower() in PICKLED_SUFFIXES]
    if pickled:
        raise _pickled(pickled[0])
    raise OptionError(f"{folder}: the folder has no .safetensors file. Download it completely.")


def _config(file: Path) -> dict[str, Any]:
    try:
        config = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise WeightsError(f"{file} cannot be read: {error}. Get the file again.") from error
    return config if isinstance(config, dict) else {}


def _entries(file: Path) -> dict[str, Entry]:
    try:
        with file.open("rb") as opened:
            start = opened.read(9)
    except OSError as error:
        raise WeightsError(
            f"{file} cannot be read: {error.strerror}. Check the file and its folder."
        ) from error
    is_safetensors = start[8:] == b"{"
    if start.startswith(b"GGUF"):
        raise WeightsError(
            f"{file} is a GGUF file: its weights are rounded, and it holds no image encoder. "
            "Use the .safetensors checkpoint or VAE file it was made from."
        )
    if not is_safetensors and (
        start.startswith(b"PK") or start[:2] in _PICKLE_STARTS or file.suffix.lower() in PICKLED_SUFFIXES
    ):
        raise _pickled(file)
    return read_header(file)


_PICKLE_STARTS = tuple(bytes((0x80, protocol)) for protocol in range(2, 6))


def _pickled(file: Path) -> WeightsError:
    return WeightsError(
        f"{file} is pickled, and a pickled file can run any program when it is opened. Use the .safetensors file of "
        "the same model, or convert it with torch: torch.load(FILE, weights_only=True), which runs nothing, "
        "then safetensors.torch.save_file."
    )
