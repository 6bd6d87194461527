"""Schedules: closed forms, and what must hold whatever the numbers. No torch; the ones of diffusers are in
tests/export."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glaze_models.errors import ModelError, OptionError
from glaze_runtime.stylise.diffusion.img2img import guidance_embedding, guided, img2img
from glaze_runtime.stylise.diffusion.schedules import (
    PREDICTIONS,
    SCHEDULES,
    ConsistencySchedule,
    Schedule,
    Training,
)

SD1 = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}
LATENT = np.random.default_rng(0).normal(0, 1, (1, 4, 3, 5)).astype(np.float32)


def schedule(name: str, steps: int, strength: float = 1.0, **config: object) -> Schedule:
    return SCHEDULES[name](Training.from_config({**SD1, **config}), steps, strength)


def normal(seed: int = 0) -> Callable[..., Any]:
    rng = np.random.default_rng(seed)
    return lambda shape: rng.standard_normal(shape, np.float32)


def oracle(made: Schedule, clean: np.ndarray) -> Callable[..., Any]:
    """A network that knows the clean latent."""
    levels = dict(zip(made.timesteps.tolist(), made.signal.tolist(), strict=True))

    def predict(x: np.ndarray, timestep: float) -> np.ndarray:
        a = levels[timestep]
        noise = (x - a**0.5 * clean) / (1 - a) ** 0.5
        return {
            "epsilon": noise,
            "sample": clean,
            "v_prediction": a**0.5 * noise - (1 - a) ** 0.5 * clean,
        }[made.prediction]

    return predict


@pytest.mark.parametrize(
    ("name", "steps", "strength", "config", "timesteps"),
    [
        ("ddim", 4, 1.0, {}, [751, 501, 251, 1]),
        ("ddim", 50, 0.1, {}, [81, 61, 41, 21, 1]),
        ("ddim", 4, 0.5, {"timestep_spacing": "trailing"}, [499, 249]),
        ("ddim", 4, 1.0, {"timestep_spacing": "linspace"}, [999, 666, 333, 0]),
        ("ddim", 3, 1.0, {"timestep_spacing": "trailing"}, [999, 666, 332]),
        ("euler", 5, 1.0, {"timestep_spacing": "linspace"}, [999, 749.25, 499.5, 249.75, 0]),
        ("euler", 4, 0.8, {}, [501, 251, 1]),
        ("turbo", 4, 1.0, {}, [999, 749, 499, 249]),
        ("turbo", 2, 0.5, {}, [499]),
        ("lcm", 4, 1.0, {}, [999, 759, 499, 259]),
        ("lcm", 4, 0.5, {}, [499, 379, 259, 139]),
        ("lcm", 1, 0.5, {}, [499]),
    ],
)
def test_timesteps(
    name: str, steps: int, strength: float, config: dict[str, object], timesteps: list[float]
) -> None:
    assert schedule(name, steps, strength, **config).timesteps.tolist() == timesteps


def test_levels_of_stable_diffusion() -> None:
    made = schedule("turbo", 1)
    assert (1 / made.signal[0] - 1) ** 0.5 == pytest.approx(14.6146, abs=1e-4)
    assert schedule("ddim", 1000, timestep_spacing="trailing").signal[-1] == pytest.approx(1 - 0.00085)


def test_signal_is_the_product_of_what_each_training_step_keeps() -> None:
    training = Training.from_config({"trained_betas": [0.5, 0.2, 0.1]})
    assert training.signal == pytest.approx([0.5, 0.4, 0.36])
    linear = Training.from_config({"beta_start": 0.1, "beta_end": 0.3, "num_train_timesteps": 3})
    assert linear.signal == pytest.approx([0.9, 0.72, 0.504])


@pytest.mark.parametrize(("one", "last"), [(True, 1.0), (False, 1 - 0.00085)])
def test_where_ddim_ends(one: bool, last: float) -> None:
    made = schedule("ddim", 4, set_alpha_to_one=one)
    assert made.reached[-1] == pytest.approx(last)
    assert made.reached[:-1] == pytest.approx(made.signal[1:])


def test_the_step_is_eulers_in_sigma() -> None:
    made = schedule("euler", 3)
    output = normal(1)(LATENT.shape)
    sigma, following = ((1 / a - 1) ** 0.5 for a in (made.signal[0], made.reached[0]))
    y = LATENT * (1 + sigma**2) ** 0.5
    expected = (y + (following - sigma) * output) / (1 + following**2) ** 0.5
    assert made.step(0, LATENT, output, normal()) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("name", SCHEDULES)
@given(steps=st.integers(2, 50), strength=st.floats(0.5, 1.0), seed=st.integers(0, 9))
def test_a_network_that_knows_the_answer_is_followed_to_it(
    name: str, prediction: str, steps: int, strength: float, seed: int
) -> None:
    made = schedule(name, min(steps, 8) if name == "lcm" else steps, strength, prediction_type=prediction)
    found = img2img(LATENT, schedule=made, predict=oracle(made, LATENT), draw=normal(seed))
    assert found == pytest.approx(LATENT, abs=1e-3)


@given(
    name=st.sampled_from(sorted(SCHEDULES)),
    spacing=st.sampled_from(["leading", "linspace", "trailing"]),
    steps=st.integers(1, 25),
    strength=st.floats(0.1, 1.0),
)
def test_levels_run_from_noisy_to_clean(name: str, spacing: str, steps: int, strength: float) -> None:
    try:
        made = schedule(name, steps, strength, timestep_spacing=spacing)
    except OptionError:
        assert steps > int(50 * strength) if name == "lcm" else steps * strength < 1
        return
    assert len(made) == (steps if name == "lcm" else int(steps * strength))
    assert (np.diff(made.timesteps) < 0).all()
    assert (np.diff(made.signal) > 0).all()
    assert (made.reached > made.signal).all()
    assert made.reached[-1] > 0.999


def test_boundary_of_the_consistency_function() -> None:
    config = {**SD1, "trained_betas": [0.1] * 50, "original_inference_steps": 50}
    made = SCHEDULES["lcm"](Training.from_config(config), 50, 1.0)
    assert isinstance(made, ConsistencySchedule)
    assert made.timesteps[-1] == 0
    assert made.boundary(49) == (1.0, 0.0)
    for index in range(50):
        skip, out = made.boundary(index)
        assert skip + out**2 == pytest.approx(1)
    assert made.boundary(0)[0] < 1e-5


def test_consistency_steps_take_new_noise_but_for_the_last() -> None:
    made = schedule("lcm", 4, 0.5)
    drawn = []
    draw = normal()

    def counting(shape: tuple[int, ...]) -> np.ndarray:
        drawn.append(shape)
        return draw(shape)

    img2img(LATENT, schedule=made, predict=oracle(made, LATENT), draw=counting)
    assert len(drawn) == 1 + 3


def test_noise_is_added_to_the_first_level() -> None:
    made = schedule("ddim", 10, 0.5)
    noise = normal()(LATENT.shape)
    a = made.signal[0]
    assert made.start(LATENT, noise) == pytest.approx(a**0.5 * LATENT + (1 - a) ** 0.5 * noise, abs=1e-6)


def test_guidance_goes_beyond_the_prompted_answer() -> None:
    both = (lambda x, t: x + 3, lambda x, t: x + 1)
    assert guided(*both, 1.0)(LATENT, 5.0) == pytest.approx(LATENT + 3, abs=1e-6)
    assert guided(*both, 7.5)(LATENT, 5.0) == pytest.approx(LATENT + 1 + 7.5 * 2, abs=1e-5)
    assert guided(*both, 0.0)(LATENT, 5.0) == pytest.approx(LATENT + 1, abs=1e-6)


def test_guidance_embedding() -> None:
    assert guidance_embedding(1.0, 8).tolist() == [[0, 0, 0, 0, 1, 1, 1, 1]]
    embedding = guidance_embedding(1.5, 7)[0]
    assert embedding[[0, 2, 3, 5, 6]] == pytest.approx(
        [np.sin(500), np.sin(0.05), np.cos(500), np.cos(0.05), 0], abs=1e-6
    )


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"clip_sample": True}, "clip_sample"),
        ({"thresholding": True}, "thresholding"),
        ({"rescale_betas_zero_snr": True}, "rescale_betas_zero_snr"),
        ({"beta_schedule": "squaredcos_cap_v2"}, "squaredcos_cap_v2"),
        ({"prediction_type": "flow"}, "flow"),
        ({"timestep_spacing": "random"}, "random"),
    ],
    ids=str,
)
def test_schedulers_that_are_not_supported(config: dict[str, object], says: str) -> None:
    with pytest.raises(ModelError, match=says):
        Training.from_config({**SD1, **config})


@pytest.mark.parametrize(
    ("name", "steps", "strength", "says"),
    [
        ("ddim", 1001, 1.0, "1001 steps"),
        ("euler", 1, 0.5, "at least 2"),
        ("turbo", 3, 0.3, "at least 4"),
        ("lcm", 26, 0.5, "25"),
    ],
)
def test_steps_that_do_not_fit(name: str, steps: int, strength: float, says: str) -> None:
    with pytest.raises(OptionError, match=says):
        schedule(name, steps, strength)


def test_all_training_steps_can_run() -> None:
    assert schedule("ddim", 1000).timesteps[:2].tolist() == [999, 999]
