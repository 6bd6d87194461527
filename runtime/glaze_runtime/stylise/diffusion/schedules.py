"""Schedules of latent diffusion: which noise levels are visited, and the step from one to the next.

A latent with noise is x = sqrt(a)·x0 + sqrt(1 − a)·e: `a`, the signal, runs from 1 (clean) down to nearly 0 (noise
alone). A network is shown x and a timestep, and gives e, x0 or v = sqrt(a)·e − sqrt(1 − a)·x0.

Euler's method in sigma = sqrt((1 − a)/a) (Karras et al. 2022, algorithm 1 without churn) is DDIM's step (Song et al.
2021, equation 12, eta 0) written in other coordinates. So the two share it here, and differ only in the levels they
visit.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from glaze_models.errors import ModelError, OptionError
from glaze_runtime.arrays import Latent

Levels = NDArray[np.floating[Any]]
"""[n]: timesteps, or the signal at them."""

Draw = Callable[[tuple[int, ...]], Latent]
"""Gives standard normal noise of a shape."""

PREDICTIONS = ("epsilon", "sample", "v_prediction")
SIGMA_DATA = 0.5
"""Standard deviation of clean data, as consistency models assume it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Training:
    """What a network was trained with, read from a diffusers scheduler configuration.

    Attributes:
        signal: [T], `a` at each training timestep.
        prediction: what the network gives, one of PREDICTIONS.
        spacing: how timesteps are spread, "leading", "linspace" or "trailing" (Lin et al. 2024, table 2).
        offset: added to leading timesteps.
        last: the signal that DDIM's last step reaches.
        original_steps: how many timesteps an LCM was distilled at.
        timestep_scaling: of an LCM's boundary condition.
    """

    signal: Levels
    prediction: str = "epsilon"
    spacing: str = "leading"
    offset: int = 0
    last: float = 1.0
    original_steps: int = 50
    timestep_scaling: float = 10.0

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """From the content of scheduler_config.json, whichever scheduler wrote it; its own way of stepping is not
        looked at.

        Raises:
            ModelError: a setting that no latent diffusion model needs, or an unknown value.
        """
        for setting in ("clip_sample", "thresholding", "rescale_betas_zero_snr"):
            if config.get(setting):
                raise ModelError(
                    f"The scheduler sets {setting}, which is not supported. Use a model that does without."
                )
        signal: Levels = np.cumprod(1 - _betas(config))
        return cls(
            signal=signal,
            prediction=_one_of(config, "prediction_type", PREDICTIONS, "epsilon"),
            spacing=_one_of(
                config,
                "timestep_spacing",
                ("leading", "linspace", "trailing"),
                "linspace" if config.get("_class_name") == "EulerDiscreteScheduler" else "leading",
            ),
            offset=config.get("steps_offset", 0),
            last=1.0 if config.get("set_alpha_to_one", True) else float(signal[0]),
            original_steps=config.get("original_inference_steps", 50),
            timestep_scaling=config.get("timestep_scaling", 10.0),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Schedule:
    """The levels of one run, from the noisiest on; the step is DDIM's, without new noise.

    Attributes:
        timesteps: [n], what the network is told.
        signal: [n], `a` at each of them.
        reached: [n], `a` after each step.
        prediction: what the network gives, one of PREDICTIONS.
    """

    timesteps: Levels
    signal: Levels
    reached: Levels
    prediction: str

    def __len__(self) -> int:
        return len(self.timesteps)

    def start(self, clean: Latent, noise: Latent) -> Latent:
        """`clean` [1,C,h,w] with `noise`, at the first level."""
        return _mix(float(self.signal[0]), clean, noise)

    def step(self, index: int, x: Latent, output: Latent, draw: Draw) -> Latent:
        """`x` [1,C,h,w] moved from level `index` to the next, by what the network said of it."""
        clean, noise = self.split(index, x, output)
        return _mix(float(self.reached[index]), clean, noise)

    def split(self, index: int, x: Latent, output: Latent) -> tuple[Latent, Latent]:
        """The clean latent and the noise that make up `x` at level `index`, by the network's output."""
        a, s = np.sqrt(self.signal[index]), np.sqrt(1 - self.signal[index])
        if self.prediction == "epsilon":
            return (x - s * output) / a, output
        if self.prediction == "sample":
            return output, (x - a * output) / s
        return a * x - s * output, a * output + s * x


@dataclass(frozen=True, kw_only=True, eq=False)
class ConsistencySchedule(Schedule):
    """Multistep consistency sampling (Luo et al. 2023, latent consistency models, algorithm 3): new noise at each
    level."""

    timestep_scaling: float

    def step(self, index: int, x: Latent, output: Latent, draw: Draw) -> Latent:
        """The consistency function at level `index`, with new noise of the next level unless it was the last."""
        skip, out = self.boundary(index)
        clean = skip * x + out * self.split(index, x, output)[0]
        if index == len(self) - 1:
            return clean.astype(np.float32)
        return _mix(float(self.reached[index]), clean, draw(x.shape))

    def boundary(self, index: int) -> tuple[float, float]:
        """The weights of x and of x0: (1, 0) at timestep 0, close to (0, 1) elsewhere (equation 9)."""
        scaled = float(self.timesteps[index]) * self.timestep_scaling
        return SIGMA_DATA**2 / (scaled**2 + SIGMA_DATA**2), scaled / (scaled**2 + SIGMA_DATA**2) ** 0.5


def ddim(training: Training, steps: int, strength: float) -> Schedule:
    """DDIM (Song et al. 2021): `strength` is the share of `steps` that runs, the least noisy ones."""
    timesteps = _spread(training, training.spacing, steps)
    if training.spacing == "linspace":
        timesteps = timesteps.round()
    timesteps = timesteps[-_run(steps, strength) :]
    before = timesteps.astype(int) - len(training.signal) // steps
    return Schedule(
        timesteps=timesteps,
        signal=training.signal[timesteps.astype(int)],
        reached=np.where(before >= 0, training.signal[before], training.last),
        prediction=training.prediction,
    )


def euler(training: Training, steps: int, strength: float) -> Schedule:
    """Euler's method in sigma, interpolated between training timesteps; ends clean."""
    return _euler(training, training.spacing, steps, strength)


def turbo(training: Training, steps: int, strength: float) -> Schedule:
    """Euler's method from the very last timestep on, for models distilled to few steps (Sauer et al. 2023)."""
    return _euler(training, "trailing", steps, strength)


def lcm(training: Training, steps: int, strength: float) -> Schedule:
    """Latent consistency models: all of `steps` run, spread over the `strength` least noisy share of the distilled
    timesteps."""
    stride = len(training.signal) // training.original_steps
    distilled = np.arange(int(training.original_steps * strength), 0, -1) * stride - 1
    if steps > len(distilled):
        raise OptionError(
            f"{steps} steps at strength {strength} are more than the {len(distilled)} the model was distilled at. "
            "Ask for fewer steps."
        )
    timesteps = distilled[np.linspace(0, len(distilled), steps, endpoint=False).astype(int)]
    signal = training.signal[timesteps]
    return ConsistencySchedule(
        timesteps=timesteps.astype(np.float64),
        signal=signal,
        reached=np.append(signal[1:], 1.0),
        prediction=training.prediction,
        timestep_scaling=training.timestep_scaling,
    )


SCHEDULES: dict[str, Callable[[Training, int, float], Schedule]] = {
    "ddim": ddim,
    "euler": euler,
    "turbo": turbo,
    "lcm": lcm,
}
"""By name. Each takes what the network was trained with, the number of steps, and the strength, 0 to 1.

Each raises OptionError if no step is left, or there are more than the network knows.
"""


def _mix(signal: float, clean: Latent, noise: Latent) -> Latent:
    mixed: Latent = (signal**0.5 * clean + (1 - signal) ** 0.5 * noise).astype(np.float32)
    return mixed


def _euler(training: Training, spacing: str, steps: int, strength: float) -> Schedule:
    timesteps = _spread(training, spacing, steps)[-_run(steps, strength) :]
    sigmas = np.sqrt(1 / training.signal - 1)
    sigma = np.interp(timesteps, np.arange(len(sigmas)), sigmas)
    signal = 1 / (1 + sigma**2)
    return Schedule(
        timesteps=timesteps,
        signal=signal,
        reached=np.append(signal[1:], 1.0),
        prediction=training.prediction,
    )


def _spread(training: Training, spacing: str, steps: int) -> Levels:
    known = len(training.signal)
    if steps > known:
        raise OptionError(f"{steps} steps are more than the {known} the model knows. Ask for fewer.")
    counted: Levels = np.arange(steps, dtype=np.float64)
    spread: dict[str, Levels] = {
        "linspace": np.linspace(0, known - 1, steps)[::-1],
        "leading": counted[::-1] * (known // steps) + training.offset,
        "trailing": (known - counted * known / steps).round() - 1,
    }
    return spread[spacing].clip(max=known - 1)


def _run(steps: int, strength: float) -> int:
    run = min(int(steps * strength), steps)
    if run < 1:
        raise OptionError(
            f"Of {steps} steps none is left at strength {strength}. Ask for at least {int(np.ceil(1 / strength))}."
        )
    return run


def _betas(config: Mapping[str, Any]) -> Levels:
    if config.get("trained_betas") is not None:
        return np.asarray(config["trained_betas"], np.float64)
    start, end = config.get("beta_start", 0.0001), config.get("beta_end", 0.02)
    count = config.get("num_train_timesteps", 1000)
    kind = _one_of(config, "beta_schedule", ("linear", "scaled_linear"), "linear")
    if kind == "linear":
        return np.linspace(start, end, count)
    return np.linspace(start**0.5, end**0.5, count) ** 2


def _one_of(config: Mapping[str, Any], setting: str, known: tuple[str, ...], default: str) -> str:
    value = str(config.get(setting, default))
    if value not in known:
        raise ModelError(
            f"The scheduler's {setting} {value!r} is not supported. Use a model with one of {', '.join(known)}."
        )
    return value
