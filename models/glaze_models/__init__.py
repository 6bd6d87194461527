"""glaze_models: what the other packages know without code: cards, weight-less graphs, bundled weights, the style
bank."""

from glaze_models.decoders import DECODERS, DecoderCard
from glaze_models.encoders import DEFAULT_ENCODERS, ENCODERS, EncoderCard, Source, encoder_card
from glaze_models.files import WeightsFile
from glaze_models.generators import DEFAULT_GENERATORS, GENERATORS, Generator

__all__ = [
    "DECODERS",
    "DEFAULT_ENCODERS",
    "DEFAULT_GENERATORS",
    "ENCODERS",
    "GENERATORS",
    "DecoderCard",
    "EncoderCard",
    "Generator",
    "Source",
    "WeightsFile",
    "encoder_card",
]
