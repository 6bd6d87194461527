"""The style bank is what the export stage computes."""

import numpy as np
import pytest

from glaze_export.commands.styles import dead_leaves, style_embedding
from glaze_models.styles import STYLE_NAMES, style_bank


def test_dead_leaves_are_a_picture_of_their_seed() -> None:
    one, again, other = dead_leaves(0), dead_leaves(0), dead_leaves(1)
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).mean() > 0.05
    assert one.min() >= 0
    assert one.max() <= 1


@pytest.mark.slow
@pytest.mark.parametrize("index", [0, 13, 25], ids=STYLE_NAMES.__getitem__)
def test_the_bank_is_what_is_computed(index: int) -> None:
    """The predictor's 8-bit products saturate on processors without VNNI, so the numbers differ from machine to
    machine."""
    computed = style_embedding(index)
    distances = {name: np.linalg.norm(computed - style.embedding) for name, style in style_bank().items()}
    kept = style_bank()[STYLE_NAMES[index]].embedding
    assert min(distances, key=distances.__getitem__) == STYLE_NAMES[index]
    assert distances[STYLE_NAMES[index]] < 0.3 * np.linalg.norm(kept)
