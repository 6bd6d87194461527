"""Decoders that come in a file of their own, as those of TAESD do: each is stored with the encoder it belongs to."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from glaze_models.errors import OptionError, Remedy, WeightsError
from glaze_runtime.weights.recognise import decoders_in, named_in
from glaze_runtime.weights.sources import Checkpoint, open_checkpoint
from glaze_runtime.weights.store import (
    DECODER,
    Manifest,
    added,
    encoder_folder,
    read_manifest,
    store_decoder,
    unfinished,
    write_manifest,
)


def add_decoder(given: Path | Checkpoint, name: str | None = None) -> Manifest:
    """Add the decoder in what is `given`, without its encoder (`recognise.is_decoder`), to one that was added: all of it, or nothing.

    Args:
        given: as in `store.add`.
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
    with unfinished(place) as part:
        manifest = replace(manifest, **store_decoder(part, checkpoint.file, fitting[manifest.card]))
        write_manifest(part, manifest)
        (part / DECODER).replace(place / DECODER)
        (part / "manifest.json").replace(place / "manifest.json")
    return manifest


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
