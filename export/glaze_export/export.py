"""From a card to its two graphs, as bytes."""

import torch
from torch import nn

from glaze_export import graphs
from glaze_export.encoders import FAMILIES
from glaze_export.gradient import step_graph
from glaze_export.trace import encode_graph
from glaze_models import EncoderCard
from glaze_runtime.binding import load_weights


def build_module(card: EncoderCard) -> nn.Module:
    """The torch encoder of `card` in float32 with its weights, or where it has none, random ones; always the same.

    Raises:
        WeightsError: the weights file is missing or damaged.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = FAMILIES[card.family](card)
        for parameter in module.parameters():
            if parameter.ndim == 1:  # norms would start at exactly one and zero, which hides what is left out
                parameter.data += 0.1 * torch.randn(parameter.shape)
    if card.weights:
        tensors = load_weights(card).tensors
        module.load_state_dict({name: torch.from_numpy(array) for name, array in tensors.items()})
    return module.eval().requires_grad_(False)


def export_encoder(card: EncoderCard) -> dict[str, bytes]:
    """File name -> bytes of the `encode` and the `step` graph of `card`, without weights; always the same.

    Raises:
        ModelError: the encoder has an operator with no gradient rule.
    """
    with torch.device("meta"):
        module = FAMILIES[card.family](card)
    encode, derived = encode_graph(module.to_empty(device="cpu").eval(), card)
    step, more = step_graph(encode)
    return {
        card.encode_graph.name: graphs.to_bytes(graphs.model(encode, derived)),
        card.step_graph.name: graphs.to_bytes(graphs.model(step, {**derived, **more})),
    }
