"""Every purifier gives a picture of the same shape, in range, and always the same one; some do what is known of
them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glaze_edge.audit.autoencoder import Autoencoder
from glaze_edge.audit.purifiers import PURIFIERS, battery
from glaze_edge.audit.purifiers.bilateral import bilateral_filter
from glaze_edge.audit.purifiers.guided import guided_filter
from glaze_models import encoder_card
from glaze_runtime.arrays import Image, Latent

CARD = encoder_card("sd1-a")


class Blocks:
    """An encoder of the mean colours of 8x8 blocks, and its decoder: D(E(y)) is a projection."""

    card = CARD

    def encode(self, image: Image) -> Latent:
        height, width, _ = image.shape
        means = image.reshape(height // 8, 8, width // 8, 8, 3).mean((1, 3))
        return np.concatenate([means, means[..., :1]], -1).transpose(2, 0, 1)[None]

    def value_and_grad(self, image: Image, target: Latent) -> tuple[float, Image]:
        error = self.encode(image) - target
        by_block = error[0, :3] + np.concatenate([error[0, 3:], 0 * error[0, :2]])
        gradient = 2 * by_block.transpose(1, 2, 0).repeat(8, 0).repeat(8, 1) / 64
        return float(np.square(error).sum()), gradient


class Repeats:
    """The decoder of Blocks."""

    def decode(self, latent: Latent) -> Image:
        return latent[0, :3].transpose(1, 2, 0).repeat(8, 0).repeat(8, 1)

    def value_and_grad(self, latent: Latent, image: Image) -> tuple[float, Latent]:
        error = self.decode(latent) - image
        height, width, _ = image.shape
        sums = error.reshape(height // 8, 8, width // 8, 8, 3).sum((1, 3)).transpose(2, 0, 1)
        return float(np.square(error).sum()), 2 * np.concatenate([sums, 0 * sums[:1]])[None]


AUTOENCODER = Autoencoder(encoder=Blocks(), decoder=Repeats())
READY = {purifier.name: purifier for purifier in battery(AUTOENCODER)}


def picture(seed: int, height: int = 64, width: int = 128) -> Image:
    return np.random.default_rng(seed).random((height, width, 3), np.float32)


@pytest.mark.parametrize("name", READY)
@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), tall=st.booleans())
def test_shape_range_and_determinism(name: str, seed: int, tall: bool) -> None:
    image = picture(seed, *((128, 64) if tall else (64, 128)))
    before = image.copy()
    once, twice = (READY[name].purify(image) for _ in range(2))
    assert (once.shape, once.dtype) == (image.shape, np.float32)
    assert 0 <= once.min() <= once.max() <= 1
    assert np.array_equal(once, twice)
    assert np.array_equal(image, before)


def test_names_are_those_of_the_table_and_say_what_is_done() -> None:
    assert list(READY) == [purifier.name for purifier in PURIFIERS]
    assert len({purifier.does for purifier in READY.values()}) == len(READY)
    assert all("sd1-a" in READY[name].does for name in ("vae", "impress"))
    assert [purifier.name for purifier in battery(None)] == [
        name for name in READY if name not in ("vae", "impress")
    ]


@pytest.mark.parametrize("name", [name for name in READY if not name.startswith(("noise", "noisy"))])
def test_a_flat_picture_stays_flat(name: str) -> None:
    flat = np.full((64, 64, 3), (0.2, 0.4, 0.8), np.float32)
    assert np.abs(READY[name].purify(flat) - flat).max() < 3 / 255


@pytest.mark.parametrize(
    "name", ["blur", "median", "bilateral", "adverse-cleaner", "vae", "impress", "resize-0.5"]
)
def test_noise_on_a_flat_picture_is_made_less(name: str) -> None:
    flat = np.full((64, 64, 3), 0.5, np.float32)
    noisy = flat + np.random.default_rng(0).normal(0, 4 / 255, flat.shape).astype(np.float32)
    left = np.square(READY[name].purify(noisy) - flat).mean() / np.square(noisy - flat).mean()
    assert left < 0.7


@pytest.mark.parametrize("chroma", ["444", "420"])
def test_jpeg_is_worse_at_lower_quality(chroma: str) -> None:
    image = READY["blur"].purify(picture(0))
    errors = [
        np.square(READY[f"jpeg-{quality}-{chroma}"].purify(image) - image).mean()
        for quality in (95, 85, 75, 50)
    ]
    assert errors == sorted(errors)


def test_the_shift_moves_all_but_the_edges() -> None:
    image = picture(0)
    moved = READY["shift"].purify(image)
    np.testing.assert_array_equal(moved[4:, 4:], image[:-4, :-4])
    np.testing.assert_array_equal(moved[:4, 4:], np.repeat(image[:1, :-4], 4, 0))


def test_the_crop_enlarges_the_middle() -> None:
    image = np.zeros((64, 64, 3), np.float32)
    image[4:60, 4:60] = 1
    assert READY["crop"].purify(image).min() > 0.9


@pytest.mark.parametrize("name", ["bilateral", "adverse-cleaner", "median"])
def test_edges_stay(name: str) -> None:
    image = np.zeros((64, 64, 3), np.float32)
    image[:, 32:] = 1
    assert np.abs(READY[name].purify(image) - image).max() < 0.05


def test_the_bilateral_filter_is_its_formula() -> None:
    image = picture(0, 12, 10)
    padded = np.pad(image, [(2, 2), (2, 2), (0, 0)], mode="reflect").astype(np.float64)
    expected = np.zeros_like(image, np.float64)
    for y in range(12):
        for x in range(10):
            weights = 0.0
            for dy in range(-2, 3):
                for dx in range(-2, 3):
                    if dy * dy + dx * dx <= 4:
                        there = padded[y + 2 + dy, x + 2 + dx]
                        colour = 255 * np.abs(there - image[y, x]).sum() / 60
                        weight = np.exp(-0.5 * (colour**2 + (dy * dy + dx * dx) / 9))
                        expected[y, x] += weight * there
                        weights += weight
            expected[y, x] /= weights
    np.testing.assert_allclose(bilateral_filter(image, diameter=5, colour=60, space=3), expected, atol=1e-5)


def test_the_guided_filter_keeps_linear_functions_of_the_guide() -> None:
    guide = picture(0)
    image = (guide @ np.array([[0.2, 0.1, 0.3], [0.3, 0.5, 0.1], [0.1, 0.2, 0.4]]) + 0.05).astype(np.float32)
    np.testing.assert_allclose(guided_filter(guide, image, radius=4, epsilon=1e-9), image, atol=1e-4)
    blurred = guided_filter(guide, image, radius=4, epsilon=1e3)
    assert blurred.std() < 0.5 * image.std()


def test_the_gradient_of_inconsistency_is_that_of_its_formula() -> None:
    image, towards = picture(0).astype(np.float64), picture(1).astype(np.float64) - 0.5

    def inconsistency(y: Image) -> float:
        return float(np.square(AUTOENCODER.decode(AUTOENCODER.encode(y)) - y).mean())

    step = 1e-4
    slope = (inconsistency(image + step * towards) - inconsistency(image - step * towards)) / (2 * step)
    assert (AUTOENCODER.inconsistency_gradient(image) * towards).sum() == pytest.approx(slope, rel=1e-6)


def test_impress_makes_a_picture_more_consistent() -> None:
    image = picture(0)

    def inconsistency(y: Image) -> float:
        return float(np.square(AUTOENCODER.decode(AUTOENCODER.encode(y)) - y).mean())

    assert inconsistency(READY["impress"].purify(image)) < 0.95 * inconsistency(image)


def test_impress_weighs_nearness_against_consistency() -> None:
    """Both terms are means: at six steps the picture becomes more consistent though it has left what is free."""
    image = picture(0)
    clean = READY["impress"].purify(image)
    assert np.sqrt(np.square(clean - image).mean()) < 0.06
