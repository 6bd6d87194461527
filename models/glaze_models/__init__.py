"""glaze_models: what the other packages know without code: encoder cards, weight-less graphs, bundled weights, the style bank."""

from glaze_models.encoders import DEFAULT_ENCODERS, ENCODERS, EncoderCard, Source, WeightsFile, encoder_card

__all__ = ["DEFAULT_ENCODERS", "ENCODERS", "EncoderCard", "Source", "WeightsFile", "encoder_card"]
