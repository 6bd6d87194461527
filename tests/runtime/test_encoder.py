"""The encoder: known numbers, the right gradient, independent tiles, a bounded number of sessions."""

import gc
import weakref
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from glaze_models import DEFAULT_ENCODERS, EncoderCard, encoder_card
from glaze_models.errors import WeightsError
from glaze_runtime.arrays import Image
from glaze_runtime.devices import CPU, open_session
from glaze_runtime.devices import sizes as module
from glaze_runtime.encoder import Encoder

every_encoder = pytest.mark.parametrize(
    "encoder", [*map(encoder_card, DEFAULT_ENCODERS)], ids=DEFAULT_ENCODERS, indirect=True
)


@pytest.fixture
def encoder(request: pytest.FixtureRequest) -> Encoder:
    card: EncoderCard = getattr(request, "param", encoder_card("sd1-b"))
    return Encoder(card, CPU)


def picture(height: int, width: int, seed: int = 0) -> Image:
    """A smooth picture with some grain, [height,width,3]."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width][..., None] / 32
    waves = 0.5 + 0.3 * np.sin(y * rng.uniform(1, 3, 3) + x * rng.uniform(1, 3, 3))
    return (waves + 0.02 * rng.standard_normal(waves.shape)).clip(0, 1).astype(np.float32)


@pytest.mark.parametrize(
    ("encoder", "expected"),
    [
        (encoder_card("sd1-a"), [5.1593, -3.8727, 3.5008, 1.2467]),
        (encoder_card("sd1-b"), [3.7583, -2.6952, 3.3613, 0.5331]),
        (encoder_card("sdxl-a"), [-4.3614, 4.3677, 3.1304, -3.5744]),
        (encoder_card("flux1-a"), [0.9019, 0.084, -1.6009, -0.2902]),
    ],
    ids=["sd1-a", "sd1-b", "sdxl-a", "flux1-a"],
    indirect=["encoder"],
)
def test_latent_of_a_grey_picture(encoder: Encoder, expected: list[float]) -> None:
    """Numbers of the torch encoder."""
    latent = encoder.encode(np.full((64, 64, 3), 0.5, np.float32))
    assert (latent.dtype, latent.shape) == (np.float32, (1, encoder.card.channels, 8, 8))
    np.testing.assert_allclose(latent[0, :4, 4, 4], expected, atol=1e-3)


@every_encoder
def test_value_is_the_squared_distance(encoder: Encoder) -> None:
    image, other = picture(40, 64), picture(40, 64, seed=1)
    target = encoder.encode(other)
    value, gradient = encoder.value_and_grad(image, target)
    assert isinstance(value, float)
    assert (gradient.dtype, gradient.shape) == (np.float32, image.shape)
    assert value == pytest.approx(np.square(encoder.encode(image) - target).sum(), rel=1e-5)


@every_encoder
def test_at_the_target_value_and_gradient_vanish(encoder: Encoder) -> None:
    image = picture(32, 32)
    value, gradient = encoder.value_and_grad(image, encoder.encode(image))
    assert value == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(gradient, 0, atol=1e-2)


@every_encoder
@pytest.mark.parametrize("seed", range(3))
def test_gradient_is_the_slope(encoder: Encoder, seed: int) -> None:
    """Central differences along a random direction and along the gradient's signs."""
    image = picture(64, 48, seed)
    target = encoder.encode(picture(64, 48, seed + 10))
    _, gradient = encoder.value_and_grad(image, target)
    noise = np.random.default_rng(seed).standard_normal(image.shape).astype(np.float32)
    for direction in (np.sign(gradient), noise + 0.1 * np.sign(gradient)):
        step = np.float32(2e-4)
        ahead, _ = encoder.value_and_grad(image + step * direction, target)
        behind, _ = encoder.value_and_grad(image - step * direction, target)
        assert (ahead - behind) / (2 * step) == pytest.approx((gradient * direction).sum(), rel=5e-3)


@every_encoder
def test_tiles_do_not_influence_each_other(encoder: Encoder) -> None:
    """A tile cut at multiples of the stride has the picture's latent, but for what its rim reaches."""
    image = picture(320, 288)
    whole = encoder.encode(image)
    tile = encoder.encode(image[32:288, 24:280])
    rim = 12
    inside = whole[..., 4 + rim : 36 - rim, 3 + rim : 35 - rim]
    np.testing.assert_allclose(tile[..., rim:-rim, rim:-rim], inside, atol=1e-4)


def test_a_transposed_view_and_float64_are_taken_as_they_are(encoder: Encoder) -> None:
    image = picture(48, 32)
    target = encoder.encode(np.zeros_like(image))
    expected = encoder.value_and_grad(image, target)
    value, gradient = encoder.value_and_grad(np.asfortranarray(image, np.float64), target.astype(np.float64))
    assert value == expected[0]
    np.testing.assert_array_equal(gradient, expected[1])


def test_the_smallest_picture_is_one_cell(encoder: Encoder) -> None:
    image = picture(8, 8)
    value, gradient = encoder.value_and_grad(image, np.zeros((1, 4, 1, 1), np.float32))
    assert value > 0
    assert gradient.shape == (8, 8, 3)


@pytest.mark.parametrize(
    "shape", [(64, 60, 3), (63, 64, 3), (64, 64), (64, 64, 4), (1, 64, 64, 3), (0, 64, 3)], ids=str
)
def test_an_image_of_another_shape_is_refused(encoder: Encoder, shape: tuple[int, ...]) -> None:
    image = np.zeros(shape, np.float32)
    message = f"image of \\({str(shape)[1:-1]}\\): .* multiples of 8"
    with pytest.raises(ValueError, match=message):
        encoder.encode(image)
    with pytest.raises(ValueError, match=message):
        encoder.value_and_grad(image, np.zeros((1, 4, 8, 8), np.float32))


@pytest.mark.parametrize("shape", [(4, 8, 8), (1, 4, 8, 9), (1, 3, 8, 8)], ids=str)
def test_a_target_of_another_shape_is_refused(encoder: Encoder, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"an image of 64x64 needs \(1, 4, 8, 8\)"):
        encoder.value_and_grad(picture(64, 64), np.zeros(shape, np.float32))


def test_damaged_weights_are_found_before_anything_runs() -> None:
    card = encoder_card("sd1-b")
    assert card.weights is not None
    with pytest.raises(WeightsError, match="sha256"):
        Encoder(replace(card, weights=replace(card.weights, sha256="0" * 64)), CPU)


def test_sessions_are_opened_once_a_size_and_the_oldest_is_let_go(
    encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []

    def counting(*args: Any, dims: dict[str, int], **more: Any) -> object:
        opened.append((dims["height"], dims["width"]))
        return open_session(*args, dims=dims, **more)

    monkeypatch.setattr(module, "open_session", counting)
    sizes = [(8 * n, 16) for n in range(1, module.SESSIONS_KEPT + 1)]
    for size in [*sizes, *sizes]:
        encoder.encode(picture(*size))
    assert opened == sizes
    encoder.encode(picture(16, 8))
    encoder.encode(picture(*sizes[-1]))
    assert opened == [*sizes, (16, 8)]
    encoder.encode(picture(*sizes[0]))
    assert opened == [*sizes, (16, 8), sizes[0]]


def test_the_two_graphs_keep_sessions_apart(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    image = picture(8, 8)
    target = encoder.encode(image)
    for n in range(1, module.SESSIONS_KEPT + 2):
        encoder.value_and_grad(picture(8 * n, 16), np.zeros((1, 4, n, 2), np.float32))
    monkeypatch.setattr(module, "open_session", None)
    np.testing.assert_array_equal(encoder.encode(image), target)


def test_an_encoder_let_go_frees_its_sessions_at_once(
    encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without waiting for the garbage collector: at 512x512 a session holds some 250 MiB."""
    opened: list[weakref.ref[Any]] = []

    def tracking(*args: Any, **more: Any) -> object:
        session = open_session(*args, **more)
        opened.append(weakref.ref(session))
        return session

    monkeypatch.setattr(module, "open_session", tracking)
    other = Encoder(encoder.card, encoder.device)
    other.encode(picture(8, 8))
    gc.disable()
    try:
        del other
        assert [session() for session in opened] == [None]
    finally:
        gc.enable()
