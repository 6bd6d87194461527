"""The visibility budget: its gradient, and where it lets a picture move."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glaze_runtime.optimiser.budget import TO_OPPONENT, TO_RGB, visibility_budget


@settings(max_examples=25, deadline=None)
@given(st.integers(20, 60), st.integers(20, 60), st.integers(0, 99))
def test_gradient_of_the_penalty(height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    budget = visibility_budget(rng.random((height, width, 3)).astype(np.float32), 1.0)
    change = rng.normal(0, 0.01, (height, width, 3))
    _, gradient = budget.penalty(change)
    step = 1e-4 * gradient / np.abs(gradient).max()
    slope = (budget.penalty(change + step)[0] - budget.penalty(change - step)[0]) / 2
    assert slope == pytest.approx(float((gradient * step).sum()), rel=2e-2)


def test_opponent_colours_and_back() -> None:
    np.testing.assert_allclose(TO_RGB @ TO_OPPONENT, np.eye(3), atol=1e-6)


def test_texture_may_move_farther_than_flats() -> None:
    image = np.full((64, 128, 3), 0.5, np.float32)
    image[:, 64:] += np.random.default_rng(0).normal(0, 0.1, (64, 64, 3)).astype(np.float32)
    limit = visibility_budget(image, 1.0).limit
    assert limit[:, 80:].mean() > 1.5 * limit[:, :48].mean()


def test_an_outline_does_not_license_noise_beside_it() -> None:
    image = np.full((64, 64, 3), 0.9, np.float32)
    flat = visibility_budget(image, 1.0).limit
    image[:, 31:33] = 0
    np.testing.assert_allclose(visibility_budget(image, 1.0).limit[:, :20], flat[:, :20], rtol=1e-3)


def test_slow_colour_is_more_visible_than_fine_colour() -> None:
    budget = visibility_budget(np.full((64, 64, 3), 0.5, np.float32), 1.0)
    slow, fine = np.zeros((64, 64, 3), np.float32), np.zeros((64, 64, 3), np.float32)
    slow[..., 1] = 0.02
    fine[..., 1] = 0.02 * (1 - 2 * (np.indices((64, 64)).sum(0) % 2))
    assert budget.visibility(slow).max() > 2 * budget.visibility(fine).max()


def test_visibility_scales() -> None:
    image = np.random.default_rng(0).random((40, 40, 3)).astype(np.float32)
    change = np.random.default_rng(1).normal(0, 0.01, (40, 40, 3))
    one, two = (visibility_budget(image, scale).visibility(change) for scale in (1.0, 2.0))
    np.testing.assert_allclose(one, 2 * two, rtol=1e-4)


@pytest.mark.parametrize("side", [64, 65, 66, 67])
def test_an_even_change_is_as_visible_at_the_edge(side: int) -> None:
    budget = visibility_budget(np.full((side, side, 3), 0.5, np.float32), 1.0)
    seen = budget.visibility(np.full((side, side, 3), 0.01, np.float32))
    assert seen.max() == pytest.approx(seen[8, 8], rel=0.1)


def test_thresholds_follow_the_colour_around() -> None:
    """Fine blue-yellow noise shows more on orange than on grey, by butteraugli's probes
    (docs/decisions/0004-thresholds-follow-colour.md)."""
    image = np.full((64, 128, 3), 0.5, np.float32)
    image[:, 64:] = (0.5, 0.25, 0.05)
    fine = visibility_budget(image, 1.0).fine
    assert fine[32, 112, 1] < 0.9 * fine[32, 16, 1]
