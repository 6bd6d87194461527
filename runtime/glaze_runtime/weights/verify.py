"""Verifying what is there: the right file, the tensors that the graphs need, and numbers in all of them."""

from glaze_models import DECODERS, DecoderCard, EncoderCard
from glaze_models.errors import WeightsError
from glaze_runtime.weights.binding import misfits, require_finite, weights_entries
from glaze_runtime.weights.catalogue import bundled_decoders, find_decoder, find_encoder
from glaze_runtime.weights.tensorfile import read_tensor


def verify(name: str) -> None:
    """Check the encoder `name` and its own decoder, or the bundled decoder `name`: the sha256, that the tensors are
    those that the graphs need, that all are numbers.

    Raises:
        OptionError: there is none.
        ModelError, WeightsError: what is wrong with it.
    """
    if name in bundled_decoders():
        _verify(DECODERS[name])
        return
    card = find_encoder(name)
    _verify(card)
    decoder = find_decoder(card)
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
