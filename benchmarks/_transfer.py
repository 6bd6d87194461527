"""The transfer matrix: its rows (the encoders of an optimisation), its columns (published encoders) and the figures of
a cell."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image as PillowImage

from glaze_edge import __version__
from glaze_edge.audit.machine import STYLE_SIDE, Eye, Sight, effect
from glaze_edge.audit.purifiers.jpeg import jpeg
from glaze_edge.audit.purifiers.resize import resize
from glaze_edge.audit.purifiers.shift import shift
from glaze_edge.preprocess import as_trained, control, from_pillow
from glaze_edge.settings import INTENSITIES
from glaze_models import DEFAULT_ENCODERS, ENCODERS, EncoderCard
from glaze_models.errors import ModelError, OptionError
from glaze_runtime.arrays import Image, Latent, planes, to_pillow
from glaze_runtime.decoder import decoder_of
from glaze_runtime.devices import CPU, open_session
from glaze_runtime.encoder import Encoder
from glaze_runtime.stylise import LiteStylist
from glaze_runtime.weights import catalogue, store
from glaze_runtime.weights.catalogue import addable
from glaze_runtime.weights.store import add_decoder

PUBLISHED_ROWS = "taesd", "taesdxl", "taef1"
"""Published encoders that get a row of their own: the most that a stand-in for the same generator could reach."""
MOVES = {"shift": shift(4)}
"""What every picture is measured after as well: it does not hang on where latent cells begin."""
DAMAGES = {"jpeg75": jpeg(75, "420"), "half": resize(0.5)}
"""What is done to a picture before an encoder sees it, where survival is asked for."""
FIGURES = "attainment", "control", "shift", "shift_control"
SURVIVAL_FIGURES = tuple(f"{name}{end}" for name in DAMAGES for end in ("", "_control"))
VIEW_FIGURES = "view", "view_control"

Figures = dict[str, float]
"""The figures of one cell on one picture: FIGURES, SURVIVAL_FIGURES where asked for, VIEW_FIGURES where the column has
a decoder."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row: its name, and the names of the encoders that take part in the optimisation."""

    name: str
    encoders: tuple[str, ...]

    def weights(self) -> list[str]:
        """The sha256 of each encoder's weights.

        Raises:
            OptionError: there is no such encoder.
            ModelError: an encoder has no weights here.
        """
        cards = [catalogue.find_encoder(name) for name in self.encoders]
        for card in cards:
            if card.weights is None:
                raise ModelError(f"The encoder {card.name!r} has no weights here. Put its file into WEIGHTS.")
        return [card.weights.sha256 for card in cards if card.weights]


def parsed_row(text: str) -> Row:
    """The row in `NAME=ENCODER[,ENCODER...]`.

    Raises:
        OptionError: it is written in another way, or it names an encoder twice.
    """
    name, equals, encoders = text.partition("=")
    names = tuple(each.strip() for each in encoders.split(","))
    if not (equals and name.strip() and all(names)):
        raise OptionError(f"--row {text!r} is not NAME=ENCODER[,ENCODER...].")
    if len(set(names)) < len(names):
        raise OptionError(f"--row {text!r} names an encoder twice.")
    return Row(name=name.strip(), encoders=names)


def default_rows() -> list[Row]:
    """Each bundled encoder alone, the sets that glaze-edge offers, and published encoders alone; no set is there
    twice."""
    bundled = [card for card in ENCODERS.values() if card.weights]
    generators = dict.fromkeys(card.stands_for for card in bundled)
    groups = [tuple(card.name for card in bundled if card.stands_for == each) for each in generators]
    table = (
        *((card.name, (card.name,)) for card in bundled),
        ("default", DEFAULT_ENCODERS),
        *((" + ".join(group), group) for group in groups),
        ("all bundled", tuple(card.name for card in bundled)),
        *((f"{name} itself", (name,)) for name in PUBLISHED_ROWS if name in catalogue.installed()),
    )
    rows: dict[frozenset[str], Row] = {}
    for name, encoders in table:
        rows.setdefault(frozenset(encoders), Row(name=name, encoders=encoders))
    return list(rows.values())


@contextmanager
def budget_scale(scale: float) -> Iterator[str]:
    """The name of an intensity with this scale of the visibility budget; it exists inside the block only."""
    name = f"scale {scale:.4f}"
    INTENSITIES[name] = scale
    try:
        yield name
    finally:
        del INTENSITIES[name]


class Looks(Protocol):
    """An encoder, and perhaps its decoder, that looks at pictures [H,W,3] in 0..1 (`glaze_edge.audit.machine.Eye`)."""

    def look(self, image: Image, *, decode: bool = True) -> Sight: ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Column:
    """A published encoder that results are measured on.

    Attributes:
        name: in the tables.
        weights: the sha256 of its weights, and of its decoder's.
        decodes: it has a decoder, so there is a view.
        eye: loads it.
    """

    name: str
    weights: str
    decodes: bool
    eye: Callable[[], Looks]


def published(folder: Path) -> list[Column]:
    """A column for each published encoder in `folder`. Those in `.safetensors` files are added to the data folder, for
    rows too.

    Raises:
        GlazeError: a file is damaged or holds another network.
    """
    columns = []
    for name in addable():
        encoder, decoder = (folder / f"{name}_{part}.safetensors" for part in ("encoder", "decoder"))
        if not encoder.exists():
            continue
        if name in catalogue.installed():
            store.remove(name)
        store.add(encoder, name, version=__version__)
        if decoder.exists():
            add_decoder(decoder, name)
        columns.append(_column(catalogue.find_encoder(name)))
    light = [folder / f"vaelight_{part}.onnx" for part in ("encoder", "decoder")]
    if light[0].exists():
        weights = " ".join(sha256(file) for file in light if file.exists())
        eye = partial(Vaelight, folder)
        columns.append(Column(name="vaelight", weights=weights, decodes=light[1].exists(), eye=eye))
    return columns


def _column(card: EncoderCard) -> Column:
    decoder = catalogue.find_decoder(card)
    weights = " ".join(each.weights.sha256 for each in (card, decoder) if each and each.weights)
    return Column(name=card.name, weights=weights, decodes=decoder is not None, eye=partial(_eye, card))


def _eye(card: EncoderCard) -> Eye:
    return Eye(encoder=Encoder(card, CPU), decoder=decoder_of(card, CPU), embed=LiteStylist().embed)


class Vaelight:
    """VAElight's encoder and decoder of Stable Diffusion 1's latent space: ONNX files in `folder`, for images in
    −1..1."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._session = cache(self._open)

    def look(self, image: Image, *, decode: bool = True) -> Sight:
        """What is seen of `image` [H,W,3] in 0..1, whose sides are multiples of 8 pixels."""
        latent = self._run("encoder", planes(image * 2 - 1))[0]
        if not decode or not self._file("decoder").exists():
            return Sight(latent=latent)
        decoded = self._decoded(latent)
        square = to_pillow(decoded).resize((STYLE_SIDE, STYLE_SIDE), PillowImage.Resampling.LANCZOS)
        return Sight(latent=latent, decoded=decoded, style=LiteStylist().embed(from_pillow(square)))

    def _decoded(self, latent: Latent) -> Image:
        """[8h,8w,3] in 0..1 of `latent` [1,4,h,w]: the sum of the decoder's bands, each enlarged to full size."""
        height, width = (8 * n for n in latent.shape[2:])
        total = np.zeros((height, width, 3), np.float32)
        for band in self._run("decoder", latent):
            for channel, plane in enumerate(band[0]):
                enlarged = PillowImage.fromarray(plane).resize(
                    (width, height), PillowImage.Resampling.BILINEAR
                )
                total[..., channel] += np.asarray(enlarged)
        return (total / 2 + 0.5).clip(0, 1)

    def _run(self, part: str, array: Latent) -> list[Latent]:
        height, width = array.shape[2:]
        outputs: list[Latent] = self._session(part, height, width).run(
            None, {"encoder": {"input": array}, "decoder": {"latent": array}}[part]
        )
        return outputs

    def _open(self, part: str, height: int, width: int) -> Any:
        return open_session(self._file(part), CPU, dims={"batch_size": 1, "height": height, "width": width})

    def _file(self, part: str) -> Path:
        return self.folder / f"vaelight_{part}.onnx"


class Scene:
    """A picture and its style target as the columns see them, which is the same for all rows.

    Args:
        original, target: RGB of one size; measured as a trainer sees them.
        view: decode as well, where a column can.
        survival: look at damaged pictures too.
    """

    def __init__(
        self, original: PillowImage.Image, target: PillowImage.Image, *, view: bool, survival: bool
    ) -> None:
        self.image, self.target, self.view = as_trained(original), as_trained(target), view
        self.damages = {**MOVES, **(DAMAGES if survival else {})}
        self._seen = cache(self._looked)

    def figures(self, glazed: PillowImage.Image, columns: Sequence[Column]) -> dict[str, Figures]:
        """Column -> the figures of `glazed`, an RGB picture of the same size, each beside its control."""
        reached = as_trained(glazed)
        pictures = {"": reached, "_control": control(self.image, reached)}
        found: dict[str, Figures] = {column.name: {} for column in columns}
        for column in columns:
            eye, start, end, damaged = self._seen(column)
            cell = found[column.name]
            for ending, picture in pictures.items():
                seen = effect(eye.look(picture, decode=self.view), start, end)
                assert seen.attainment is not None
                cell[ending.removeprefix("_") or "attainment"] = seen.attainment
                if seen.view is not None:
                    cell[f"view{ending}"] = seen.view
                for name, purifier in self.damages.items():
                    left = effect(eye.look(purifier.purify(picture), decode=False), *damaged[name])
                    assert left.attainment is not None
                    cell[f"{name}{ending}"] = left.attainment
        return found

    def _looked(self, column: Column) -> tuple[Looks, Sight, Sight, dict[str, tuple[Sight, Sight]]]:
        """The loaded column, and what it sees of the original and the target, and of both for each damage."""
        eye = column.eye()
        start, end = (eye.look(image, decode=self.view) for image in (self.image, self.target))
        damaged = {
            name: (
                eye.look(each.purify(self.image), decode=False),
                eye.look(each.purify(self.target), decode=False) if each.moves else end,
            )
            for name, each in self.damages.items()
        }
        return eye, start, end, damaged


def sha256(file: Path) -> str:
    """Of a file, in hexadecimal digits."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
