"""The decoder: right back to the picture, the right gradient, and no silence about what does not fit."""

from dataclasses import replace

import numpy as np
import pytest

from glaze_models import DECODERS, encoder_card
from glaze_models.errors import WeightsError
from glaze_runtime.arrays import Image, Latent
from glaze_runtime.decoder import Decoder, decoder_of
from glaze_runtime.devices import CPU
from glaze_runtime.encoder import Encoder

ENCODER_NAMES = ("sd1-a", "sd1-b")


@pytest.fixture
def decoder() -> Decoder:
    return Decoder(DECODERS["sd1-small"], CPU)


def latent(height: int, width: int, seed: int = 0) -> Latent:
    """[1,4,height,width], as spread as real ones."""
    return 5 * np.random.default_rng(seed).standard_normal((1, 4, height, width), np.float32)


def picture(height: int, width: int) -> Image:
    """Smooth waves of colour."""
    y, x = np.mgrid[:height, :width][..., None] / 32
    waves: Image = 0.5 + 0.3 * np.sin(y * [1.0, 2.0, 1.5] + x * [2.0, 1.0, 1.2])
    return waves.astype(np.float32)


@pytest.mark.parametrize("name", ENCODER_NAMES)
def test_gives_back_what_the_encoder_saw(name: str) -> None:
    card, image = encoder_card(name), picture(128, 160)
    decoder = decoder_of(card, CPU)
    assert decoder is not None
    decoded = decoder.decode(Encoder(card, CPU).encode(image))
    assert (decoded.dtype, decoded.shape) == (np.float32, image.shape)
    assert 10 * np.log10(1 / np.square(decoded - image).mean()) > 20


def test_an_image_lies_within_0_and_1(decoder: Decoder) -> None:
    decoded = decoder.decode(3 * latent(8, 8))
    assert (decoded.min(), decoded.max()) == (0, 1)


def test_value_is_the_squared_distance_without_the_clip(decoder: Decoder) -> None:
    z = 3 * latent(5, 8)
    grey = np.full((40, 64, 3), 0.5, np.float32)
    value, gradient = decoder.value_and_grad(z, grey)
    assert isinstance(value, float)
    assert (gradient.dtype, gradient.shape) == (np.float32, z.shape)
    clipped = np.square(decoder.decode(z) - grey).sum()
    assert value > 1.01 * clipped
    z *= 0.03
    value, _ = decoder.value_and_grad(z, grey)
    assert value == pytest.approx(np.square(decoder.decode(z) - grey).sum(), rel=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_gradient_is_the_slope(decoder: Decoder, seed: int) -> None:
    """Central differences along a random direction and along the gradient's signs."""
    z, image = latent(8, 6, seed), picture(64, 48)
    _, gradient = decoder.value_and_grad(z, image)
    noise = np.random.default_rng(seed).standard_normal(z.shape).astype(np.float32)
    for direction in (np.sign(gradient), noise + 0.1 * np.sign(gradient)):
        step = np.float32(1e-2)
        ahead, _ = decoder.value_and_grad(z + step * direction, image)
        behind, _ = decoder.value_and_grad(z - step * direction, image)
        assert (ahead - behind) / (2 * step) == pytest.approx((gradient * direction).sum(), rel=5e-3)


def test_the_gradient_of_a_reconstruction_is_that_of_its_two_halves(decoder: Decoder) -> None:
    """|D(E(y)) − y|² in y, by the decoder's gradient, the encoder's, and the residual."""
    encoder, y = Encoder(encoder_card("sd1-b"), CPU), picture(32, 40)

    def value(image: Image) -> float:
        return decoder.value_and_grad(encoder.encode(image), image)[0]

    z = encoder.encode(y)
    _, slope = decoder.value_and_grad(z, y)
    _, through = encoder.value_and_grad(y, z - slope / 2)
    decoded = decoder.decode(z)
    assert (decoded.min() > 0, decoded.max() < 1) == (True, True)  # where the clip changes nothing
    gradient = through + 2 * (y - decoded)
    step = np.float32(1e-4)
    direction = np.sign(gradient)
    ahead, behind = value(y + step * direction), value(y - step * direction)
    assert (ahead - behind) / (2 * step) == pytest.approx((gradient * direction).sum(), rel=1e-2)


def test_a_transposed_view_and_float64_are_taken_as_they_are(decoder: Decoder) -> None:
    z, image = latent(6, 4), picture(48, 32)
    expected = decoder.value_and_grad(z, image)
    value, gradient = decoder.value_and_grad(
        np.asfortranarray(z, np.float64), np.asfortranarray(image, np.float64)
    )
    assert value == expected[0]
    np.testing.assert_array_equal(gradient, expected[1])


@pytest.mark.parametrize("shape", [(4, 8, 8), (1, 3, 8, 8), (2, 4, 8, 8), (1, 4, 0, 8)], ids=str)
def test_a_latent_of_another_shape_is_refused(decoder: Decoder, shape: tuple[int, ...]) -> None:
    message = f"latent of \\({str(shape)[1:-1]}\\): it must be \\[1,4,h,w\\]"
    with pytest.raises(ValueError, match=message):
        decoder.decode(np.zeros(shape, np.float32))
    with pytest.raises(ValueError, match=message):
        decoder.value_and_grad(np.zeros(shape, np.float32), picture(64, 64))


@pytest.mark.parametrize("shape", [(64, 63, 3), (64, 64), (1, 3, 64, 64)], ids=str)
def test_an_image_of_another_shape_is_refused(decoder: Decoder, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"a latent of \(1, 4, 8, 8\) needs \(64, 64, 3\)"):
        decoder.value_and_grad(latent(8, 8), np.zeros(shape, np.float32))


def test_damaged_weights_are_found_before_anything_runs() -> None:
    card = DECODERS["sd1-small"]
    assert card.weights
    with pytest.raises(WeightsError, match="sha256"):
        Decoder(replace(card, weights=replace(card.weights, sha256="0" * 64)), CPU)


def test_an_encoder_of_another_latent_space_has_no_decoder() -> None:
    assert decoder_of(encoder_card("flux1"), CPU) is None
