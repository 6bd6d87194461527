"""The optimiser, with the bundled encoders on a small picture."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from glaze_models import DEFAULT_ENCODERS, ENCODERS, encoder_card
from glaze_runtime.arrays import Image, Latent
from glaze_runtime.devices import CPU
from glaze_runtime.encoder import Encoder, EncoderLike
from glaze_runtime.optimiser.budget import TO_OPPONENT, visibility_budget
from glaze_runtime.optimiser.learned_step import LearnedStep
from glaze_runtime.optimiser.optimise import optimise
from glaze_runtime.optimiser.tiling import size_of, whole_latent
from glaze_runtime.optimiser.transforms import IDENTITY
from glaze_runtime.optimiser.views import resize

RNG = np.random.default_rng(0)
IMAGE = resize(RNG.random((8, 10, 3)).astype(np.float32), (96, 120)).clip(0, 1)
TARGET = (IMAGE + resize(RNG.normal(0, 0.3, (24, 30, 3)).astype(np.float32), (96, 120))).clip(0, 1)


@pytest.fixture(scope="module")
def encoders() -> list[Encoder]:
    return [Encoder(card, CPU) for card in map(encoder_card, DEFAULT_ENCODERS)]


LEARNED = LearnedStep(CPU)


def change(encoders: Sequence[EncoderLike], scale: float = 1.0, **options: object) -> Image:
    options = {"steps": 8, "longest_sides": (512,), **options}
    return optimise(IMAGE, TARGET, encoders=encoders, scale=scale, learned=LEARNED, **options)  # type: ignore[arg-type]


def attainment(encoder: Encoder, moved: Image) -> float:
    end = encoder.encode(TARGET)
    return 1 - float(
        np.square(encoder.encode(moved) - end).sum() / np.square(encoder.encode(IMAGE) - end).sum()
    )


def test_moves_every_encoder_towards_the_target(encoders: list[Encoder]) -> None:
    moved = IMAGE + change(encoders)
    assert all(attainment(encoder, moved) > 0.05 for encoder in encoders)


def test_more_steps_reach_farther(encoders: list[Encoder]) -> None:
    reached = [
        np.mean([attainment(encoder, IMAGE + change(encoders, steps=steps)) for encoder in encoders])
        for steps in (1, 4, 12)
    ]
    assert reached == sorted(reached)


def test_a_large_picture_is_begun_small_and_finished_at_its_own_size(encoders: list[Encoder]) -> None:
    seen = []

    def learned(image: Image, *others: Any, **shift: Any) -> Image:
        seen.append(image.shape[:2])
        return LEARNED(image, *others, **shift)

    image, target = (resize(picture, (300, 600)).clip(0, 1) for picture in (IMAGE, TARGET))
    optimise(image, target, encoders=encoders, scale=1.0, learned=learned, steps=6, longest_sides=(512,))
    assert seen == [(256, 512)] * 3 + [(300, 600)] * 3


def test_looks_at_larger_sizes_in_turn(encoders: list[Encoder]) -> None:
    seen = []

    class Watched(Encoder):
        def value_and_grad(self, image: Image, target: Latent) -> tuple[float, Image]:
            seen.append(image.shape[1])
            return super().value_and_grad(image, target)

    watched = Watched(encoder_card("sd1-b"), CPU)
    change([watched], steps=6, longest_sides=(64, 96))
    assert seen == [
        56,
        88,
        56,
        88,
        56,
        88,
    ]  # latent cells begin up to a stride further in, so a cell less fits


def test_latent_cells_begin_elsewhere_in_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glaze_runtime.optimiser.optimise.draw_transform", lambda rng: IDENTITY)
    places: list[tuple[int, ...]] = []

    class Watched(Encoder):
        def value_and_grad(self, image: Image, target: Latent) -> tuple[float, Image]:
            at = tuple(round(255 * float(number)) for number in image[0, 0, :2])
            np.testing.assert_array_equal(target, self.encode(ramps[::-1][at[0] :, at[1] :][:120, :120]))
            places.append(at)
            return super().value_and_grad(image, target)

    ramps = (np.mgrid[:128, :128].transpose(1, 2, 0)[..., [0, 1, 0]] / 255).astype(np.float32)
    optimise(
        ramps,
        ramps[::-1],
        encoders=[Watched(encoder_card("sd1-b"), CPU)],
        scale=1.0,
        learned=lambda image, limit, before, *others, shift: before,
        steps=12,
        longest_sides=(128,),
    )
    assert all(1 <= at <= 8 for place in places for at in place)
    for axis in zip(*places, strict=True):
        assert {at % 2 for at in axis[:4]} != {at % 2 for at in axis[4:8]}
        assert sorted(axis[:8]) == [*range(1, 9)]


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


class Mean:
    """An encoder of our own: the mean colour of every 16 pixels, as a map or as one vector for a fixed side."""

    def __init__(self, side: int | None) -> None:
        channels, stride = (3, 16) if side is None else (3 * (side // 16) ** 2, side)
        self.card = replace(ENCODERS["sd1-a"], stride=stride, channels=channels, side=side)

    def encode(self, image: Image) -> Latent:
        height, width = (n // 16 for n in image.shape[:2])
        means = image.reshape(height, 16, width, 16, 3).mean((1, 3))
        planes = means.transpose(2, 0, 1)[None]
        return planes if self.card.side is None else planes.reshape(1, -1, 1, 1)

    def value_and_grad(self, image: Image, target: Latent) -> tuple[float, Image]:
        error = self.encode(image) - target
        height, width = (n // 16 for n in image.shape[:2])
        slope = 2 * error.reshape(3, height, width).transpose(1, 2, 0) / 16**2
        return float(np.square(error).sum()), slope.repeat(16, 0).repeat(16, 1)


@pytest.mark.parametrize("side", [None, 64], ids=["another stride", "a fixed side"])
def test_encoders_of_different_kinds_work_together(encoders: list[Encoder], side: int | None) -> None:
    mean = Mean(side)
    size = size_of(IMAGE, 120, mean.card)
    moved = IMAGE + change([encoders[0], mean])
    assert attainment(encoders[0], moved) > 0.01
    start, now, end = (whole_latent(mean, image, size) for image in (IMAGE, moved, TARGET))
    assert np.square(now - end).sum() < 0.97 * np.square(start - end).sum()


def test_the_target_of_a_fixed_square_is_encoded_once() -> None:
    seen = []

    class Watched(Mean):
        def encode(self, image: Image) -> Latent:
            seen.append(image.shape)
            return super().encode(image)

        def value_and_grad(self, image: Image, target: Latent) -> tuple[float, Image]:
            return Mean(64).value_and_grad(image, target)

    optimise(
        IMAGE,
        TARGET,
        encoders=[Watched(64)],
        scale=1.0,
        learned=lambda image, limit, before, *others, shift: before,
        steps=4,
        longest_sides=(120,),
    )
    assert seen == [(64, 64, 3)] * 2  # the picture and the target


def test_counts_its_steps(encoders: list[Encoder]) -> None:
    said: list[int] = []
    change(encoders, on_step=said.append)
    assert said == list(range(1, 9))
