"""The data: every card is true to its files, and every style is in the bank."""

import hashlib

import numpy as np
import pytest

from glaze_models import (
    DECODERS,
    DEFAULT_ENCODERS,
    DEFAULT_GENERATORS,
    ENCODERS,
    GENERATORS,
    DecoderCard,
    EncoderCard,
    Generator,
    encoder_card,
)
from glaze_models.errors import OptionError
from glaze_models.generators import generator_named
from glaze_models.styles import STYLE_NAMES, style_bank, style_named


@pytest.mark.parametrize("card", ENCODERS.values(), ids=lambda card: card.name)
def test_an_encoder_is_found_by_its_name(card: EncoderCard) -> None:
    assert encoder_card(card.name) is card
    assert card.stands_for


@pytest.mark.parametrize(
    "card", [*ENCODERS.values(), *DECODERS.values()], ids=lambda card: f"{type(card).__name__} {card.name}"
)
def test_cards_are_true_to_their_files(card: EncoderCard | DecoderCard) -> None:
    assert all(graph.exists() for graph in card.graphs)
    if card.weights:
        data = card.weights.path.read_bytes()
        assert hashlib.sha256(data).hexdigest() == card.weights.sha256
        assert len(data) == card.weights.bytes


@pytest.mark.parametrize("card", ENCODERS.values(), ids=lambda card: card.name)
def test_a_decoder_takes_the_latents_of_its_encoder(card: EncoderCard) -> None:
    own = DECODERS.get(card.name)
    bundled = DECODERS[card.decoder] if card.decoder else None
    for decoder in filter(None, (own, bundled)):
        assert (decoder.channels, decoder.stride) == (card.channels, card.stride)
    assert bundled is None or bundled.weights is not None
    assert own is None or own.weights is None


def test_default_encoders_need_nothing_added() -> None:
    assert DEFAULT_ENCODERS
    assert all(encoder_card(name).weights for name in DEFAULT_ENCODERS)


@pytest.mark.parametrize("generator", GENERATORS.values(), ids=lambda generator: generator.name)
def test_a_generator_takes_its_own_encoder_then_others_then_bundled_ones(generator: Generator) -> None:
    assert generator_named(generator.name) is generator
    ranks = []
    for group in generator.encoders:
        cards = [ENCODERS[name] for name in group]
        assert len({(card.stand_in, card.weights is None) for card in cards}) == 1
        ranks.append((cards[0].stand_in, cards[0].weights is not None))
    assert ranks[0] == (False, False)
    assert ranks == sorted(ranks)


def test_default_generators_need_nothing_added() -> None:
    assert DEFAULT_GENERATORS
    for name in DEFAULT_GENERATORS:
        assert all(ENCODERS[encoder].weights for encoder in GENERATORS[name].encoders[-1])


def test_the_bank_holds_26_different_styles() -> None:
    bank = style_bank()
    assert tuple(bank) == STYLE_NAMES
    embeddings = np.stack([style.embedding for style in bank.values()])
    assert embeddings.shape == (26, 100)
    assert np.isfinite(embeddings).all()
    distances = np.linalg.norm(embeddings[:, None] - embeddings[None], axis=-1)
    assert distances[~np.eye(26, dtype=bool)].min() > 0.1


@pytest.mark.parametrize(
    ("find", "known"), [(encoder_card, "sd1-a"), (generator_named, "sd1"), (style_named, "blue-wave")]
)
def test_unknown_names_are_told_the_known_ones(find, known: str) -> None:
    with pytest.raises(OptionError, match=f"'nothing'.*{known}"):
        find("nothing")
