"""Recognising encoders and decoders: which card's graphs the tensors of a checkpoint fit, name by name and shape by
shape."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from glaze_models import DECODERS, ENCODERS, DecoderCard, EncoderCard
from glaze_models.errors import OptionError, Remedy, WeightsError
from glaze_runtime.weights.binding import kind, misfits, needs
from glaze_runtime.weights.catalogue import addable
from glaze_runtime.weights.layouts import DECODER_LAYOUTS, LAYOUTS
from glaze_runtime.weights.sources import Checkpoint
from glaze_runtime.weights.tensorfile import Entry

CLUES: Mapping[str, str] = {
    "conditioner.embedders.": "sdxl",
    "cond_stage_model.": "sd1",
    "model.diffusion_model.joint_blocks.": "sd3",
    "model.diffusion_model.double_blocks.": "flux1",
}
"""Beginning of the names of a full checkpoint's other tensors -> card. Needed where encoders have the same shapes."""

LIKELIEST = ("sd1",)
"""Cards that are taken, with a notice, where nothing tells them from others of the same shapes."""


@dataclass(frozen=True, kw_only=True)
class Recognised:
    """An encoder found in a checkpoint.

    Attributes:
        card: the known encoder it is one of.
        layout: name of the file's layout.
        tensors: where its tensors are, by canonical name.
        decoder: where those of its decoder are; empty where the checkpoint has none that fits.
        notice: what was assumed or left out, for people; empty where all is certain and there.
    """

    card: EncoderCard
    layout: str
    tensors: Mapping[str, Entry]
    decoder: Mapping[str, Entry] = field(default_factory=dict)
    notice: str = ""


def recognise(checkpoint: Checkpoint, name: str | None = None) -> Recognised:
    """The encoder in `checkpoint`, and its decoder where that is there too.

    Args:
        checkpoint: what was opened.
        name: of a known card, which it must then be; another name, or none, leaves it open.

    Raises:
        WeightsError: there is no encoder in it, a tensor is missing or misshapen, or it is another encoder than `name`.
        OptionError: several cards fit and nothing tells which it is: the name must be given.
    """
    found = [(layout.name, layout.canonical(checkpoint.entries)) for layout in LAYOUTS]
    found = [(layout, tensors) for layout, tensors in found if tensors]
    if not found:
        raise _without_encoder(checkpoint)
    fitting = {
        card.name: Recognised(card=card, layout=layout, tensors=tensors)
        for layout, tensors in found
        for card in addable().values()
        if _misfit(card, tensors, checkpoint) is None
    }
    if not fitting:
        card = addable().get(name or "")
        raise _nearest([card] if card else addable().values(), [tensors for _, tensors in found], checkpoint)
    told = _told(checkpoint, fitting)
    if name in addable():
        if name in (told or fitting):
            return _with_decoder(fitting[name], checkpoint)
        real = " or ".join(told or fitting)
        raise WeightsError(
            f"{checkpoint.given} holds an encoder of {real}, not of {name}. "
            f"Add it under that name, or under a name of your own."
        )
    return _with_decoder(_choose({card: fitting[card] for card in told or fitting}, checkpoint), checkpoint)


def decoders_in(checkpoint: Checkpoint) -> dict[str, Mapping[str, Entry]]:
    """Names of the encoders whose decoder `checkpoint` fits, and where its tensors are by canonical name.

    Raises:
        WeightsError: there is an encoder in it, or no decoder that is known.
    """
    found = [tensors for layout in DECODER_LAYOUTS if (tensors := layout.canonical(checkpoint.entries))]
    fitting: dict[str, Mapping[str, Entry]] = {
        card.name: tensors
        for tensors in found
        for card in DECODERS.values()
        if card.weights is None and _misfit(card, tensors, checkpoint) is None
    }
    if not fitting or not is_decoder(checkpoint):
        raise _without_encoder(checkpoint)
    return fitting


def is_decoder(checkpoint: Checkpoint) -> bool:
    """Whether `checkpoint` has the names of a decoder, and none of an encoder."""
    return not any(layout.canonical(checkpoint.entries) for layout in LAYOUTS) and any(
        layout.canonical(checkpoint.entries) for layout in DECODER_LAYOUTS
    )


def named_in(file: Path, names: Iterable[str]) -> str | None:
    """The longest of `names` that is in the name of `file`; signs and capitals do not count."""
    return max((name for name in names if _plain(name) in _plain(file.name)), key=len, default=None)


def _with_decoder(recognised: Recognised, checkpoint: Checkpoint) -> Recognised:
    card = DECODERS.get(recognised.card.name)
    if card is None:
        return recognised
    found = [tensors for layout in DECODER_LAYOUTS if (tensors := layout.canonical(checkpoint.entries))]
    for tensors in found:
        misfit = _misfit(card, tensors, checkpoint)
        if misfit is None:
            return replace(recognised, decoder=tensors)
        notice = f"{recognised.notice} Its decoder was left out. {misfit}".strip()
        recognised = replace(recognised, notice=notice)
    return recognised


def _misfit(
    card: EncoderCard | DecoderCard, tensors: Mapping[str, Entry], checkpoint: Checkpoint
) -> str | None:
    """Why `tensors` are not what `card` speaks of; None if they are."""
    shapes = {name: entry.shape for name, entry in tensors.items()}
    used: set[str] = set()
    for graph in card.graphs:
        for misfit in misfits(graph, shapes, checkpoint.file):
            own = tensors[misfit.of].name if misfit.of in tensors else misfit.of
            return misfit.text + (f" In the file it is called {own!r}." if own != misfit.of else "")
        used |= needs(graph)
    for name in tensors.keys() - used:
        return (
            f"{checkpoint.file} has the tensor {tensors[name].name!r}, which the {kind(card)} {card.name} does not. "
            "It is another architecture, which glaze-edge does not know."
        )
    return None


def _told(checkpoint: Checkpoint, fitting: Iterable[str]) -> list[str]:
    """Those of `fitting` that the rest of the checkpoint speaks for."""
    by_keys = {
        card for start, card in CLUES.items() if any(name.startswith(start) for name in checkpoint.entries)
    }
    scale = checkpoint.config.get("scaling_factor")
    by_scale = {
        name
        for name in fitting
        if isinstance(scale, float) and math.isclose(scale, ENCODERS[name].scale, rel_tol=1e-3)
    }
    return [name for name in fitting if name in by_keys | by_scale]


def _choose(fitting: Mapping[str, Recognised], checkpoint: Checkpoint) -> Recognised:
    """One of several that fit: by the file's name, else the likeliest."""
    if len(fitting) == 1:
        return next(iter(fitting.values()))
    named = named_in(checkpoint.given, fitting)
    likely = [name for name in LIKELIEST if name in fitting]
    if not named and not likely:
        raise OptionError(
            f"{checkpoint.given} fits {' and '.join(fitting)}, which have the same shapes. Say which it is.",
            Remedy("name-encoder", str(checkpoint.given)),
        )
    chosen = named or likely[0]
    others = " or ".join(name for name in fitting if name != chosen)
    why = "for its file name" if named else "as nothing says otherwise"
    return replace(
        fitting[chosen],
        notice=f"Taken for {chosen}, {why}; {others} would fit as well. If it is that, remove it and give NAME.",
    )


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _nearest(
    cards: Iterable[EncoderCard], found: Iterable[Mapping[str, Entry]], checkpoint: Checkpoint
) -> WeightsError:
    """What keeps the checkpoint from being the encoder that it is most like."""

    def wrong(card: EncoderCard, tensors: Mapping[str, Entry]) -> float:
        shapes = {name: entry.shape for name, entry in tensors.items()}
        return len(misfits(card.encode_graph, shapes, checkpoint.file)) / len(needs(card.encode_graph))

    pairs = [(card, tensors) for card in cards for tensors in found]
    card, tensors = min(pairs, key=lambda pair: wrong(*pair))
    text = _misfit(card, tensors, checkpoint)
    return WeightsError(f"The encoder {card.name} comes nearest to this file, but does not fit. {text}")


def _without_encoder(checkpoint: Checkpoint) -> WeightsError:
    """Why nothing in the checkpoint is an encoder, as far as its names tell."""
    names = checkpoint.entries
    given = checkpoint.given
    if any("lora_" in name or ".lora." in name for name in names):
        return WeightsError(
            f"{given} is a LoRA: it changes a generator and holds no encoder. Use the checkpoint it is for."
        )
    if any(re.match(r"(.*\.)?decoder\.|3\.conv\.0\.weight$", name) for name in names):
        return WeightsError(
            f"{given} holds a decoder without its encoder. Use the whole VAE, or the encoder's file."
        )
    if any(
        name.startswith(("double_blocks.", "model.diffusion_model.", "transformer_blocks.")) for name in names
    ):
        return WeightsError(
            f"{given} holds a generator without its image encoder. Use its VAE: ae.safetensors, or the folder vae."
        )
    return WeightsError(
        f"{given} holds no image encoder that glaze-edge knows. Use a full checkpoint, a VAE's file or a "
        "diffusers folder."
    )
