"""The perceptual hinge: nothing below its limit, the gradient of LPIPS above it, over the whole picture."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from glaze_models import encoder_card
from glaze_models.errors import WeightsError
from glaze_models.perceptual import PERCEPTUALS
from glaze_runtime.arrays import Image
from glaze_runtime.devices import CPU
from glaze_runtime.encoder import Encoder
from glaze_runtime.optimiser.learned_step import LearnedStep
from glaze_runtime.optimiser.optimise import optimise
from glaze_runtime.optimiser.perceptual import Lpips, LpipsHinge

RNG = np.random.default_rng(0)
IMAGE = RNG.random((64, 96, 3)).astype(np.float32)


class MeanSquare:
    """A distance whose gradient is known."""

    def value_and_grad(self, image: Image, reference: Image) -> tuple[float, Image]:
        return float(np.mean((image - reference) ** 2)), 2 * (image - reference) / image.size


def test_hinge_is_flat_below_its_limit() -> None:
    hinge = LpipsHinge(lpips=MeanSquare(), most=0.05)
    assert not hinge.gradient(IMAGE + 0.2, IMAGE).any()


def test_hinge_has_the_weighted_gradient_above_its_limit() -> None:
    hinge = LpipsHinge(lpips=MeanSquare(), most=0.05, weight=30)
    moved = IMAGE + 0.3
    np.testing.assert_allclose(
        hinge.gradient(moved, IMAGE), 30 * MeanSquare().value_and_grad(moved, IMAGE)[1], rtol=1e-4
    )


def test_hinge_covers_a_large_picture_with_tiles() -> None:
    image = np.zeros((544, 1040, 3), np.float32)
    gradient = LpipsHinge(lpips=MeanSquare(), most=0).gradient(image + 0.5, image)
    assert (gradient > 0).all()


def test_a_change_is_scaled_down_to_the_limit() -> None:
    hinge = LpipsHinge(lpips=MeanSquare(), most=0.01)
    reference, change = np.full_like(IMAGE, 0.5), np.full_like(IMAGE, 0.4)
    np.testing.assert_allclose(hinge.within(change, reference), 0.1, atol=0.004)
    assert (hinge.within(0.2 * change, reference) == 0.2 * change).all()


def test_optimiser_stays_closer_with_a_hinge() -> None:
    encoder = Encoder(encoder_card("sd1-b"), CPU)
    target = (IMAGE + RNG.normal(0, 0.3, IMAGE.shape)).clip(0, 1).astype(np.float32)

    def moved(**options: object) -> float:
        change = optimise(
            IMAGE,
            target,
            encoders=[encoder],
            scale=1.0,
            learned=LearnedStep(CPU),
            steps=6,
            longest_sides=(512,),
            **options,  # type: ignore[arg-type]
        )
        return float(np.mean(change**2))

    hinge = LpipsHinge(lpips=MeanSquare(), most=0, weight=1e4)
    assert moved(perceptual=hinge.gradient) < 0.5 * moved()


def test_a_file_without_the_tensors_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "backbone.safetensors"
    save_file({"classifier.1.weight": np.zeros((1, 1), np.float32)}, file)
    with pytest.raises(WeightsError, match=r"backbone.safetensors lacks the tensor 'features\."):
        Lpips(PERCEPTUALS["lpips-alex"], file, CPU)


def test_a_pickle_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "alexnet.pth"
    file.write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(WeightsError, match="no safetensors file"):
        Lpips(PERCEPTUALS["lpips-alex"], file, CPU)
