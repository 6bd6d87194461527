"""Which encoders and decoders there are: bundled, added by the artist, or known and to be added.

What was added is in `encoders/NAME/` in the user's data folder: `weights.safetensors`, `manifest.json`, and
`decoder.safetensors` where the decoder was there too.
"""

import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import platformdirs

from glaze_models import DECODERS, ENCODERS, DecoderCard, EncoderCard, WeightsFile
from glaze_models.errors import OptionError, Remedy, WeightsError

WEIGHTS, DECODER, MANIFEST = "weights.safetensors", "decoder.safetensors", "manifest.json"
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,47}(?<!\.)")
"""Of an added encoder."""


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


def encoder_folder(name: str) -> Path:
    """Where the added encoder `name` is, or would be."""
    return data_folder() / "encoders" / name


def addable() -> dict[str, EncoderCard]:
    """The known cards whose weights are not bundled, by name."""
    return {name: card for name, card in ENCODERS.items() if card.weights is None}


def find_encoder(name: str) -> EncoderCard:
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


def find_decoder(card: EncoderCard) -> DecoderCard | None:
    """The card, with weights, of the best decoder of the latents of `card`: its own where it was added, else a bundled
    one.

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
    return sorted(p.name for p in folder.iterdir() if NAME.fullmatch(p.name)) if folder.is_dir() else []


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
    file = encoder_folder(name) / MANIFEST
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


def _card(manifest: Manifest) -> EncoderCard:
    weights = WeightsFile(
        path=encoder_folder(manifest.name) / WEIGHTS,
        sha256=manifest.sha256,
        bytes=manifest.bytes,
    )
    known = ENCODERS[manifest.card]
    decoder = manifest.name if manifest.decoder else known.decoder
    return replace(known, name=manifest.name, weights=weights, decoder=decoder)
