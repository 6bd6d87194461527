"""The data: every card is true to its files, and every style is in the bank."""

import hashlib

import numpy as np
import pytest

from glaze_models import DEFAULT_ENCODERS, ENCODERS, EncoderCard, encoder_card
from glaze_models.errors import OptionError
from glaze_models.styles import STYLE_NAMES, style_bank, style_named


@pytest.mark.parametrize("card", ENCODERS.values(), ids=lambda card: card.name)
def test_cards_are_true_to_their_files(card: EncoderCard) -> None:
    assert encoder_card(card.name) is card
    assert card.encode_graph.exists()
    assert card.step_graph.exists()
    assert card.stands_for
    if card.weights:
        data = card.weights.path.read_bytes()
        assert hashlib.sha256(data).hexdigest() == card.weights.sha256
        assert len(data) == card.weights.bytes


def test_default_encoders_need_nothing_added() -> None:
    assert DEFAULT_ENCODERS
    assert all(encoder_card(name).weights for name in DEFAULT_ENCODERS)


def test_the_bank_holds_26_different_styles() -> None:
    bank = style_bank()
    assert tuple(bank) == STYLE_NAMES
    embeddings = np.stack([style.embedding for style in bank.values()])
    assert embeddings.shape == (26, 100)
    assert np.isfinite(embeddings).all()
    distances = np.linalg.norm(embeddings[:, None] - embeddings[None], axis=-1)
    assert distances[~np.eye(26, dtype=bool)].min() > 0.1


@pytest.mark.parametrize(("find", "known"), [(encoder_card, "sd1-a"), (style_named, "blue-wave")])
def test_unknown_names_are_told_the_known_ones(find, known: str) -> None:
    with pytest.raises(OptionError, match=f"'nothing'.*{known}"):
        find("nothing")
