"""Damage keeps a patch what it is, roughly: filters keep flats, the rest stays near and in range."""

import numpy as np
import pytest

from glaze_runtime.damage import DAMAGES, NOISES, UNDAMAGED, Damage, compressed, draw_damage, noisy

PATCH = np.linspace(0, 1, 64 * 48 * 3, dtype=np.float32).reshape(64, 48, 3)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_patch_stays_near_and_in_range(damage: Damage) -> None:
    harmed = damage.harm(PATCH, np.random.default_rng(0))
    assert harmed.shape == PATCH.shape
    assert harmed.dtype == np.float32
    assert 0 <= harmed.min() <= harmed.max() <= 1
    assert np.abs(harmed - PATCH).mean() < 0.03


@pytest.mark.parametrize("damage", [d for d in DAMAGES if d is not UNDAMAGED])
def test_all_but_one_do_something(damage: Damage) -> None:
    seen = np.random.default_rng(0).random(PATCH.shape, np.float32)
    harmed = damage.harm(seen, np.random.default_rng(0))
    if damage.filtered is not None:
        harmed = np.einsum("ij,jkc->ikc", damage.filtered(len(seen)), harmed)
    assert np.abs(harmed - seen).mean() > 0.002
    np.testing.assert_array_equal(UNDAMAGED.harm(seen, np.random.default_rng(0)), seen)


def test_compression_takes_fine_colour_and_leaves_fine_light() -> None:
    fine = 0.2 * (np.indices((64, 64)).sum(0) % 2 - 0.5)
    grey = np.full((64, 64, 3), 0.5, np.float32)
    light, colour = grey + fine[..., None], grey + fine[..., None] * [1.0, -0.4, 1.0]
    kept = [
        float(np.std(compressed(image.astype(np.float32), np.random.default_rng(0)), (0, 1)).max())
        for image in (light, colour)
    ]
    assert kept[0] > 0.08
    assert kept[1] < 0.04


def test_noise_is_as_strong_as_it_says() -> None:
    grey = np.full((64, 64, 3), 0.5, np.float32)
    strengths = [float(np.std(noisy(grey, np.random.default_rng(seed)))) for seed in range(20)]
    assert 0.95 * NOISES[0] < min(strengths) < max(strengths) < 1.05 * NOISES[1]
    assert max(strengths) > 2 * min(strengths)


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
