"""The optimiser, with the bundled encoders on a small picture."""

import numpy as np
import pytest

from glaze_models import DEFAULT_ENCODERS, encoder_card
from glaze_runtime.arrays import Image
from glaze_runtime.budget import TO_OPPONENT, visibility_budget
from glaze_runtime.devices import CPU
from glaze_runtime.encoder import Encoder
from glaze_runtime.optimise import optimise
from glaze_runtime.views import resize

RNG = np.random.default_rng(0)
IMAGE = resize(RNG.random((8, 10, 3)).astype(np.float32), (96, 120)).clip(0, 1)
TARGET = (IMAGE + resize(RNG.normal(0, 0.3, (24, 30, 3)).astype(np.float32), (96, 120))).clip(0, 1)


@pytest.fixture(scope="module")
def encoders() -> list[Encoder]:
    return [Encoder(card, CPU) for card in map(encoder_card, DEFAULT_ENCODERS)]


def change(encoders: list[Encoder], scale: float = 1.0, **options: object) -> Image:
    budget = visibility_budget(IMAGE, scale)
    return optimise(
        IMAGE, TARGET, encoders=encoders, budget=budget, steps=12, longest_sides=(512,), **options
    )  # type: ignore[arg-type]


def attainment(encoder: Encoder, moved: Image) -> float:
    end = encoder.encode(TARGET)
    return 1 - float(
        np.square(encoder.encode(moved) - end).sum() / np.square(encoder.encode(IMAGE) - end).sum()
    )


def test_moves_every_encoder_towards_the_target(encoders: list[Encoder]) -> None:
    moved = IMAGE + change(encoders)
    assert all(attainment(encoder, moved) > 0.05 for encoder in encoders)


def test_stays_within_limit_and_gamut(encoders: list[Encoder]) -> None:
    d = change(encoders)
    limit = visibility_budget(IMAGE, 1.0).limit
    inside = ((IMAGE + d > 1e-4) & (IMAGE + d < 1 - 1e-4)).all(-1)
    assert (np.abs(d @ TO_OPPONENT.T) <= limit * 1.001 + 1e-6)[inside].all()
    assert (IMAGE + d).min() >= -1e-6
    assert (IMAGE + d).max() <= 1 + 1e-6


def test_more_budget_reaches_farther(encoders: list[Encoder]) -> None:
    reached = [attainment(encoders[0], IMAGE + change(encoders, scale)) for scale in (0.5, 1, 2)]
    assert reached == sorted(reached)


def test_same_seed_same_change(encoders: list[Encoder]) -> None:
    np.testing.assert_array_equal(change(encoders, seed=3), change(encoders, seed=3))
    assert not np.array_equal(change(encoders, seed=3), change(encoders, seed=4))


def test_leaves_what_is_not_free(encoders: list[Encoder]) -> None:
    free = np.ones(IMAGE.shape[:2], bool)
    free[:40] = False
    d = change(encoders, free=free)
    assert not d[:40].any()
    assert d[40:].any()


def test_neutral_changes_luminance_alone(encoders: list[Encoder]) -> None:
    d = change(encoders, neutral=True)
    inside = ((IMAGE + d > 1e-4) & (IMAGE + d < 1 - 1e-4)).all(-1)
    np.testing.assert_allclose(np.ptp(d, axis=-1)[inside], 0, atol=1e-5)


def test_counts_its_steps(encoders: list[Encoder]) -> None:
    said: list[int] = []
    change(encoders, on_step=said.append)
    assert said == list(range(1, 13))
