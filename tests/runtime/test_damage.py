"""Damage keeps a patch what it is, roughly: filters keep flats, the rest stays near and in range."""

import numpy as np
import pytest

from glaze_runtime.damage import DAMAGES, Damage, draw_damage

PATCH = np.linspace(0, 1, 64 * 48 * 3, dtype=np.float32).reshape(64, 48, 3)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_patch_stays_near_and_in_range(damage: Damage) -> None:
    harmed = damage.harm(PATCH, np.random.default_rng(0))
    assert harmed.shape == PATCH.shape
    assert harmed.dtype == np.float32
    assert 0 <= harmed.min() <= harmed.max() <= 1
    assert np.abs(harmed - PATCH).mean() < 0.03


@pytest.mark.parametrize("damage", [d for d in DAMAGES if d.filtered])
def test_filters_keep_flats_and_smooth_the_rest(damage: Damage) -> None:
    assert damage.filtered is not None
    matrix = damage.filtered(40)
    np.testing.assert_allclose(matrix.sum(1), 1, atol=1e-5)
    line = np.random.default_rng(0).random(40).astype(np.float32)
    assert np.abs(np.diff(matrix @ line)).sum() < 0.8 * np.abs(np.diff(line)).sum()


def test_each_is_drawn_by_its_share() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_damage(rng) for _ in range(2000)]
    assert sum(damage.share for damage in DAMAGES) == pytest.approx(1)
    for damage in DAMAGES:
        assert drawn.count(damage) / 2000 == pytest.approx(damage.share, abs=0.04)
