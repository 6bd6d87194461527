"""Adding encoders and decoders to those of the catalogue, and removing them.

The way of a checkpoint: `sources` opens it, `recognise` finds the card that its tensors fit, and here they are copied
into a folder beside the encoder's place, which is renamed when all of it is there.
"""

import errno
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import date
from io import BufferedIOBase
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from glaze_models import ENCODERS
from glaze_models.errors import ModelError, OptionError, Remedy, WeightsError
from glaze_runtime.weights.binding import require_finite
from glaze_runtime.weights.catalogue import (
    DECODER,
    MANIFEST,
    NAME,
    WEIGHTS,
    Manifest,
    addable,
    added,
    bundled_decoders,
    encoder_folder,
    installed,
    read_manifest,
)
from glaze_runtime.weights.recognise import decoders_in, named_in, recognise
from glaze_runtime.weights.sources import SUBFOLDERS, Checkpoint, open_checkpoint
from glaze_runtime.weights.tensorfile import Entry, read_tensor, write_tensors

_UNFINISHED = ".unfinished-"
_ABANDONED_AFTER = 24 * 3600
"""Seconds: an unfinished folder older than this belongs to a run that was killed."""
_CHUNK = 1 << 20


def require_free(name: str) -> None:
    """Refuse a name that cannot be given to an added encoder.

    Raises:
        OptionError: it is taken, or no name.
    """
    if not NAME.fullmatch(name):
        raise OptionError(
            f"{name!r} cannot be the name of an encoder. Use at most 48 small letters, digits, '-', '_' and '.'."
        )
    if name in installed():
        raise OptionError(
            f"There is an encoder {name!r} already. Give another name, or remove that one.",
            Remedy("remove", name),
        )
    if name in bundled_decoders() or name in ENCODERS.keys() - addable().keys():
        raise OptionError(
            f"{name!r} is a bundled {'encoder' if name in ENCODERS else 'decoder'}. Give another NAME."
        )


def add(
    given: Path | Checkpoint,
    name: str | None = None,
    *,
    version: str,
    url: str | None = None,
    on_bytes: Callable[[int, int], None] = lambda done, whole: None,
) -> tuple[Manifest, str]:
    """Add the encoder in what is `given`: all of it, or nothing.

    Args:
        given: a `.safetensors` file, a diffusers folder, or one of them opened.
        name: of a known card, or a new one; by default that of the card which is recognised.
        version: of glaze-edge, for the manifest.
        url: where the file came from, for the manifest.
        on_bytes: told how many bytes of the source were read, and how many there are.

    Returns:
        The manifest, and what was assumed (empty where all was certain).

    Raises:
        OptionError: nothing is there; the name is taken; or it must be given.
        WeightsError: the file holds no encoder that fits, or is damaged.
        ModelError: it cannot be stored, as the disk is full.
    """
    if name is not None:
        require_free(name)
    if isinstance(given, Path):
        family = addable()[name].family if name in addable() else ""
        given = open_checkpoint(given, SUBFOLDERS[::-1] if family.startswith("clip") else SUBFOLDERS)
    checkpoint = given
    recognised = recognise(checkpoint, name)
    name = name or recognised.card.name
    require_free(name)
    with _new_encoder_folder(name) as folder:
        weights = folder / WEIGHTS
        with weights.open("x+b") as stored, checkpoint.file.open("rb") as source:
            _copy(recognised.tensors, source, stored)
            sha256 = _sha256(stored)
            decoder = (
                _store_decoder(folder, checkpoint.file, recognised.decoder) if recognised.decoder else {}
            )
            manifest = Manifest(
                name=name,
                card=recognised.card.name,
                family=recognised.card.family,
                layout=recognised.layout,
                source=checkpoint.file.name,
                source_sha256=_sha256(source, on_bytes),
                source_bytes=checkpoint.file.stat().st_size,
                url=url,
                dtype=max(entry.kept_as for entry in recognised.tensors.values()),
                sha256=sha256,
                bytes=stored.tell(),
                date=date.today().isoformat(),
                version=version,
                **decoder,
            )
        _write_manifest(folder, manifest)
    return manifest, recognised.notice


def add_decoder(given: Path | Checkpoint, name: str | None = None) -> Manifest:
    """Add the decoder in what is `given`, without its encoder (`recognise.is_decoder`), to one that was added: all of
    it, or nothing.

    Args:
        given: as in `add`.
        name: of the added encoder; by default the one that it fits, by the file's name if there are several.

    Raises:
        OptionError: nothing is there; several encoders fit, so that the name must be given; or it has a decoder.
        WeightsError: the file holds no decoder that fits, its encoder was not added, or it is damaged.
        ModelError: it cannot be stored, as the disk is full.
    """
    checkpoint = open_checkpoint(given) if isinstance(given, Path) else given
    fitting = decoders_in(checkpoint)
    manifest = read_manifest(_owner(checkpoint.given, fitting, name))
    if manifest.decoder:
        raise OptionError(
            f"The encoder {manifest.name} has a decoder already, from {manifest.decoder}. "
            "To replace it, remove the encoder and add both again.",
            Remedy("remove", manifest.name),
        )
    place = encoder_folder(manifest.name)
    with _unfinished(place) as part:
        manifest = replace(manifest, **_store_decoder(part, checkpoint.file, fitting[manifest.card]))
        _write_manifest(part, manifest)
        (part / DECODER).replace(place / DECODER)
        (part / MANIFEST).replace(place / MANIFEST)
    return manifest


def remove(name: str) -> None:
    """Remove the added encoder `name`.

    Raises:
        OptionError: it was not added.
        ModelError: its files cannot be removed.
    """
    if name not in installed():
        what = "is bundled" if name in ENCODERS.keys() - addable().keys() else "was not added"
        raise OptionError(f"The encoder {name!r} {what}, so it cannot be removed. Check its name.")
    doomed = encoder_folder(name).with_name(_UNFINISHED + name)
    try:
        shutil.rmtree(doomed, ignore_errors=True)
        encoder_folder(name).rename(doomed)
        shutil.rmtree(doomed)
    except OSError as error:
        raise ModelError(
            f"{error.filename} cannot be removed: {error.strerror}. Close what is using it, and try again."
        ) from error


def _owner(path: Path, fitting: Iterable[str], name: str | None) -> str:
    """The added encoder that a decoder of the cards `fitting` is for."""
    told = named_in(path, fitting)
    own = {each: card for each in added() if (card := read_manifest(each).card) in fitting}
    owners = [each for each, card in own.items() if (each == name if name else told in (None, card))]
    if len(owners) > 1:
        raise OptionError(
            f"{path} fits the encoders {' and '.join(owners)}. Say which it is for.",
            Remedy("name-encoder", str(path)),
        )
    if not owners:
        missing = f"there is no such added encoder {name!r}" if name else "no such encoder was added"
        raise WeightsError(
            f"{path} is a decoder of {told or ' or '.join(fitting)}, but {missing}. "
            "Add the encoder first, then its decoder.",
            Remedy("add-weights"),
        )
    return owners[0]


def _write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `manifest.json` into `folder`."""
    (folder / MANIFEST).write_text(json.dumps(asdict(manifest), indent=2) + "\n", encoding="utf-8")


def _store_decoder(folder: Path, file: Path, tensors: Mapping[str, Entry]) -> dict[str, Any]:
    """Copy a decoder into `folder`; what the manifest says of it."""
    with (folder / DECODER).open("x+b") as stored, file.open("rb") as source:
        _copy(tensors, source, stored)
        sha256 = _sha256(stored)
        return {"decoder": file.name, "decoder_sha256": sha256, "decoder_bytes": stored.tell()}


def _copy(tensors: Mapping[str, Entry], source: IO[bytes], stored: IO[bytes]) -> None:
    def tensor(name: str) -> NDArray[np.floating[Any]]:
        entry = tensors[name]
        array = read_tensor(source, entry)
        require_finite(entry.name, array, Path(source.name))
        return array

    write_tensors(stored, tensors, tensor)
    stored.flush()
    os.fsync(stored.fileno())


def _sha256(file: BufferedIOBase, on_bytes: Callable[[int, int], None] = lambda done, whole: None) -> str:
    """Of all of an open file, which is left at its end."""
    whole = file.seek(0, os.SEEK_END)
    file.seek(0)
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(_CHUNK))
    while count := file.readinto(buffer):
        digest.update(buffer[:count])
        on_bytes(file.tell(), whole)
    return digest.hexdigest()


@contextmanager
def _new_encoder_folder(name: str) -> Iterator[Path]:
    """A folder to fill, which takes the place of the encoder `name` at the end of the block.

    Raises:
        OptionError: the name was taken meanwhile.
        ModelError: the disk is full, or the place cannot be written.
    """
    place = encoder_folder(name)
    with _unfinished(place) as part:
        yield part
        require_free(name)
        part.rename(place)


@contextmanager
def _unfinished(place: Path) -> Iterator[Path]:
    """An unfinished folder beside that of the encoder at `place`, which is gone after the block.

    Raises:
        ModelError: the disk is full, or the place cannot be written.
    """
    name, part = place.name, None
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        _sweep(place.parent)
        part = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=place.parent))
        yield part
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise ModelError(
            f"The encoder {name} cannot be stored in {place.parent}: {error.strerror}. "
            f"{'Make room' if full else 'Check the folder'}, or name another folder in GLAZE_EDGE_DATA."
        ) from error
    finally:
        if part is not None:
            shutil.rmtree(part, ignore_errors=True)


def _sweep(folder: Path) -> None:
    for part in folder.glob(_UNFINISHED + "*"):
        if time.time() - part.stat().st_mtime > _ABANDONED_AFTER:
            shutil.rmtree(part, ignore_errors=True)
