"""Style targets and the choice of a style."""

import numpy as np

from glaze_models.styles import style_bank
from glaze_runtime.stylise import LiteStylist, draw_style, far_styles, rank_styles

BANK = style_bank()
IMAGE = np.random.default_rng(0).random((70, 90, 3)).astype(np.float32)


def test_the_bank_has_26_different_styles() -> None:
    embeddings = np.stack([style.embedding for style in BANK.values()])
    assert embeddings.shape == (26, 100)
    assert len(np.unique(embeddings.round(4), axis=0)) == 26


def test_a_styles_own_embedding_is_nearest_to_it() -> None:
    style = BANK["stained-glass"]
    assert rank_styles([style.embedding], BANK)[0] == (style, 0.0)


def test_auto_draws_from_the_far_half_but_not_the_farthest() -> None:
    ranking = rank_styles([BANK["ice-mist"].embedding], BANK)
    names = [style.name for style, _ in ranking]
    drawn = {draw_style(ranking, seed).name for seed in range(50)}
    assert drawn == {style.name for style in far_styles(ranking)}
    assert all(13 <= names.index(name) < 20 for name in drawn)
    assert draw_style(ranking, 7) == draw_style(ranking, 7)


def test_the_centroid_is_that_of_all_works() -> None:
    one, other = BANK["ice-mist"].embedding, BANK["blood-red"].embedding
    assert rank_styles([one, other], BANK)[0][1] == rank_styles([(one + other) / np.float32(2)], BANK)[0][1]


def test_stylised_pictures_keep_their_size() -> None:
    stylist = LiteStylist()
    for style in (BANK["red-weave"], np.random.default_rng(1).random((64, 64, 3)).astype(np.float32)):
        target = stylist.stylise(IMAGE, style)
        assert target.shape == IMAGE.shape
        assert 0 <= target.min() <= target.max() <= 1
        assert np.abs(target - IMAGE).mean() > 0.02


def test_embedding() -> None:
    assert LiteStylist().embed(IMAGE).shape == (100,)
