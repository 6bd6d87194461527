"""From a card to its two graphs, as bytes."""

from torch import nn

from glaze_export import graphs
from glaze_export.encoders import FAMILIES
from glaze_export.gradient import step_graph
from glaze_export.trace import encode_graph
from glaze_models import EncoderCard


def build_module(card: EncoderCard) -> nn.Module:
    """The torch encoder of `card`, with its weights."""
    return FAMILIES[card.family](card)


def export_encoder(card: EncoderCard) -> dict[str, bytes]:
    """File name -> bytes of the `encode` and the `step` graph of `card`, without weights; always the same.

    Raises:
        ModelError: the encoder has an operator with no gradient rule.
    """
    encode = encode_graph(build_module(card), card)
    step, derived = step_graph(encode)
    return {
        card.encode_graph.name: graphs.to_bytes(graphs.model(encode, {})),
        card.step_graph.name: graphs.to_bytes(graphs.model(step, derived)),
    }
