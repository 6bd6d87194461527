"""The encoders that an artist added: `encoders/NAME/` in the user's data folder, with `weights.safetensors` and `manifest.json`,
and `decoder.safetensors` where the decoder was there too.

An encoder is written into a folder beside its place, which is renamed when all of it is there.
"""

import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import date
from io import BufferedIOBase
from pathlib import Path
from typing import IO, Any

import numpy as np
import platformdirs
from numpy.typing import NDArray

from glaze_models import DECODERS, ENCODERS, DecoderCard, EncoderCard, WeightsFile
from glaze_models.errors import ModelError, OptionError, Remedy, WeightsError
from glaze_runtime.weights.binding import misfits, require_finite, weights_entries
from glaze_runtime.weights.recognise import addable, recognise
from glaze_runtime.weights.sources import SUBFOLDERS, Checkpoint, open_checkpoint
from glaze_runtime.weights.tensorfile import Entry, read_tensor, write_tensors

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,47}(?<!\.)")
_UNFINISHED = ".unfinished-"
_ABANDONED_AFTER = 24 * 3600
"""Seconds: an unfinished folder older than this belongs to a run that was killed."""
_CHUNK = 1 << 20
DECODER = "decoder.safetensors"


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What is known of an added encoder.

    Attributes:
        name: what it is chosen by.
        card: the known encoder that it is one of.
        family: the architecture.
        layout: of the source.
        source: name of the source's file; `source_sha256` and `source_bytes` are that file's.
        url: where it was downloaded from; None for a file of the artist's own.
        dtype: F16 or F32, of the stored weights; `sha256` and `bytes` are the stored file's.
        date: when it was added, YYYY-MM-DD.
        version: of the glaze-edge that added it.
        decoder: name of the file that its decoder is from; None without one.
        decoder_sha256, decoder_bytes: of the stored decoder.
    """

    name: str
    card: str
    family: str
    layout: str
    source: str
    source_sha256: str
    source_bytes: int
    url: str | None
    dtype: str
    sha256: str
    bytes: int
    date: str
    version: str
    decoder: str | None = None
    decoder_sha256: str | None = None
    decoder_bytes: int | None = None


def data_folder() -> Path:
    """Where what the artist added is kept: $GLAZE_EDGE_DATA, by default in the user's data folder."""
    given = os.environ.get("GLAZE_EDGE_DATA")
    return Path(given) if given else platformdirs.user_data_path("glaze-edge", appauthor=False)


def encoder_card(name: str) -> EncoderCard:
    """The card called `name`, bundled, added or known; `weights` is None for one that is only known.

    Raises:
        OptionError: there is none.
        WeightsError: it was added, and its manifest is damaged.
    """
    if name in installed():
        return _card(read_manifest(name))
    if name not in ENCODERS:
        known = ", ".join([*ENCODERS, *(added() - ENCODERS.keys())])
        raise OptionError(f"There is no encoder called {name!r}. Known: {known}.")
    return ENCODERS[name]


def decoder_card(card: EncoderCard) -> DecoderCard | None:
    """The card, with weights, of the best decoder of the latents of `card`: its own where it was added, else a bundled one.

    Raises:
        WeightsError: the encoder was added, and its manifest is damaged.
    """
    if card.decoder is not None and card.decoder == card.name:
        manifest = read_manifest(card.name)
        assert manifest.decoder_sha256 is not None
        assert manifest.decoder_bytes is not None
        weights = WeightsFile(
            path=encoder_folder(card.name) / DECODER,
            sha256=manifest.decoder_sha256,
            bytes=manifest.decoder_bytes,
        )
        return replace(DECODERS[manifest.card], name=card.name, weights=weights)
    return DECODERS[card.decoder] if card.decoder else None


def bundled_decoders() -> list[str]:
    """The names of the decoders that come with glaze-edge."""
    return [name for name, card in DECODERS.items() if card.weights]


def installed() -> list[str]:
    """The names of the added encoders, in order, those with a damaged manifest as well."""
    folder = data_folder() / "encoders"
    return sorted(p.name for p in folder.iterdir() if _NAME.fullmatch(p.name)) if folder.is_dir() else []


def added() -> dict[str, EncoderCard]:
    """The cards of the added encoders by name; those with a damaged manifest are left out."""
    return {manifest.name: _card(manifest) for manifest in _manifests()}


def added_as(card: str) -> list[EncoderCard]:
    """The cards of the added encoders that are the known encoder `card`, whatever their names."""
    return [_card(manifest) for manifest in _manifests() if manifest.card == card]


def _manifests() -> Iterator[Manifest]:
    """Those of the added encoders, but for damaged ones."""
    for name in installed():
        with suppress(WeightsError):
            yield read_manifest(name)


def read_manifest(name: str) -> Manifest:
    """The manifest of the added encoder `name`.

    Raises:
        WeightsError: it is damaged, or of a newer glaze-edge.
    """
    file = encoder_folder(name) / "manifest.json"
    try:
        manifest = Manifest(**json.loads(file.read_bytes()))
        if manifest.name != name or manifest.card not in ENCODERS:
            raise ValueError("it is of another encoder")
        if manifest.decoder and not (
            manifest.card in DECODERS and manifest.decoder_sha256 and manifest.decoder_bytes
        ):
            raise ValueError("what it says of the decoder is not complete")
    except (OSError, ValueError, TypeError) as error:
        raise WeightsError(
            f"The manifest {file} cannot be used: {error}. Remove the encoder, and add it again.",
            Remedy("remove", name),
        ) from error
    return manifest


def require_free(name: str) -> None:
    """Refuse a name that cannot be given to an added encoder.

    Raises:
        OptionError: it is taken, or no name.
    """
    if not _NAME.fullmatch(name):
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
        weights = folder / "weights.safetensors"
        with weights.open("x+b") as stored, checkpoint.file.open("rb") as source:
            _copy(recognised.tensors, source, stored)
            sha256 = _sha256(stored)
            decoder = store_decoder(folder, checkpoint.file, recognised.decoder) if recognised.decoder else {}
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
        write_manifest(folder, manifest)
    return manifest, recognised.notice


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


def verify(name: str) -> None:
    """Check the encoder `name` and its own decoder, or the bundled decoder `name`: the sha256, that the tensors are those that the
    graphs need, that all are numbers.

    Raises:
        OptionError: there is none.
        ModelError, WeightsError: what is wrong with it.
    """
    if name in bundled_decoders():
        _verify(DECODERS[name])
        return
    card = encoder_card(name)
    _verify(card)
    decoder = decoder_card(card)
    if decoder is not None and decoder.name == name:
        _verify(decoder)


def _verify(card: EncoderCard | DecoderCard) -> None:
    file, entries = weights_entries(card)
    shapes = {tensor: entry.shape for tensor, entry in entries.items()}
    for graph in card.graphs:
        for misfit in misfits(graph, shapes, file):
            raise WeightsError(misfit.text)
    with file.open("rb") as opened:
        for tensor, entry in entries.items():
            require_finite(tensor, read_tensor(opened, entry), file)


def _card(manifest: Manifest) -> EncoderCard:
    weights = WeightsFile(
        path=encoder_folder(manifest.name) / "weights.safetensors",
        sha256=manifest.sha256,
        bytes=manifest.bytes,
    )
    known = ENCODERS[manifest.card]
    decoder = manifest.name if manifest.decoder else known.decoder
    return replace(known, name=manifest.name, weights=weights, decoder=decoder)


def encoder_folder(name: str) -> Path:
    """Where the added encoder `name` is, or would be."""
    return data_folder() / "encoders" / name


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `manifest.json` into `folder`."""
    (folder / "manifest.json").write_text(json.dumps(asdict(manifest), indent=2) + "\n", encoding="utf-8")


def store_decoder(folder: Path, file: Path, tensors: Mapping[str, Entry]) -> dict[str, Any]:
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
    with unfinished(place) as part:
        yield part
        require_free(name)
        part.rename(place)


@contextmanager
def unfinished(place: Path) -> Iterator[Path]:
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
