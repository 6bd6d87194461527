"""From a card to its two graphs, as bytes."""

from collections.abc import Callable

import torch
from onnx import GraphProto
from torch import nn

from glaze_export import decoders, encoders, graphs
from glaze_export.gradient import step_graph
from glaze_export.trace import decode_graph, encode_graph
from glaze_models import DecoderCard, EncoderCard
from glaze_runtime.weights.binding import load_weights


def build_module(card: EncoderCard | DecoderCard) -> nn.Module:
    """The torch module of `card` in float32 with its weights, or where it has none, random ones; always the same.

    Raises:
        WeightsError: the weights file is missing or damaged.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = _family(card)()
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
    forward, derived = encode_graph(_empty(card), card)
    return _with_step(forward, derived)


def export_decoder(card: DecoderCard) -> dict[str, bytes]:
    """File name -> bytes of the `decode` and the `decode_step` graph of `card`; otherwise as `export_encoder`."""
    forward, derived = decode_graph(_empty(card), card)
    return _with_step(forward, derived)


def _with_step(forward: GraphProto, derived: graphs.Derived) -> dict[str, bytes]:
    step, more = step_graph(forward)
    models = graphs.model(forward, derived), graphs.model(step, {**derived, **more})
    return {f"{model.graph.name}.onnx": graphs.to_bytes(model) for model in models}


def _empty(card: EncoderCard | DecoderCard) -> nn.Module:
    """The module of `card`, its parameters not initialised."""
    with torch.device("meta"):
        module = _family(card)()
    return module.to_empty(device="cpu").eval()


def _family(card: EncoderCard | DecoderCard) -> Callable[[], nn.Module]:
    if isinstance(card, DecoderCard):
        return lambda: decoders.FAMILIES[card.family](card)
    return lambda: encoders.FAMILIES[card.family](card)
