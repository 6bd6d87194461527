"""Transforms keep a patch what it is, roughly: filters keep flats, the rest stays near and in range."""

import numpy as np
import pytest

from glaze_runtime.optimiser.transforms import (
    IDENTITY,
    NOISES,
    TRANSFORMS,
    Transform,
    compressed,
    draw_transform,
    noisy,
)

PATCH = np.linspace(0, 1, 64 * 48 * 3, dtype=np.float32).reshape(64, 48, 3)


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_a_patch_stays_near_and_in_range(transform: Transform) -> None:
    applied = transform.apply(PATCH, np.random.default_rng(0))
    assert applied.shape == PATCH.shape
    assert applied.dtype == np.float32
    assert 0 <= applied.min() <= applied.max() <= 1
    assert np.abs(applied - PATCH).mean() < 0.03


@pytest.mark.parametrize("transform", [d for d in TRANSFORMS if d is not IDENTITY])
def test_all_but_one_do_something(transform: Transform) -> None:
    seen = np.random.default_rng(0).random(PATCH.shape, np.float32)
    applied = transform.apply(seen, np.random.default_rng(0))
    if transform.filtered is not None:
        applied = np.einsum("ij,jkc->ikc", transform.filtered(len(seen)), applied)
    assert np.abs(applied - seen).mean() > 0.002
    np.testing.assert_array_equal(IDENTITY.apply(seen, np.random.default_rng(0)), seen)


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


@pytest.mark.parametrize("transform", [d for d in TRANSFORMS if d.filtered])
def test_filters_keep_flats_and_smooth_the_rest(transform: Transform) -> None:
    assert transform.filtered is not None
    matrix = transform.filtered(40)
    np.testing.assert_allclose(matrix.sum(1), 1, atol=1e-5)
    line = np.random.default_rng(0).random(40).astype(np.float32)
    assert np.abs(np.diff(matrix @ line)).sum() < 0.8 * np.abs(np.diff(line)).sum()


def test_each_is_drawn_by_its_probability() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_transform(rng) for _ in range(2000)]
    assert sum(transform.probability for transform in TRANSFORMS) == pytest.approx(1)
    for transform in TRANSFORMS:
        assert drawn.count(transform) / 2000 == pytest.approx(transform.probability, abs=0.04)
