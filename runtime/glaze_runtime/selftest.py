"""The self-test: is a device right, and is it faster than the CPU? The real step graph, at the real size.

Intel graphics have returned wrong convolutions under DirectML, and CoreML wrong results in float16, both
without an error. So a device's numbers are held against the CPU's before it touches a picture.
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import onnxruntime

from glaze_models.encoders import EncoderCard
from glaze_runtime.arrays import Image, Latent
from glaze_runtime.devices import CPU, Device
from glaze_runtime.verdicts import Verdict, keep, recall, verdict_file

TOLERANCE = 1e-3
"""Relative L2 error allowed to the latent, the loss and the gradient; what float32 needs is under 1e-4."""

_TIMED_STEPS = 3


class Stepper(Protocol):
    """What is tested: an encoder on a device."""

    def encode(self, image: Image) -> Latent:
        """The latent of `image`."""
        ...

    def value_and_grad(self, image: Image, target: Latent) -> tuple[float, Image]:
        """The squared distance of the latent of `image` to `target`, and its gradient."""
        ...


def self_test(
    device: Device,
    encoder: Callable[[Device], Stepper],
    *,
    card: EncoderCard,
    size: int,
    folder: Path | None = None,
) -> Verdict:
    """The verdict on `device`, from an earlier run where nothing that matters has changed since.

    A device that could not run at all is tried again every time: it may only have been busy.

    Args:
        device: the one to test.
        encoder: makes the encoder of `card` on a device.
        card: names the encoder and its weights.
        size: height and width of the picture, in pixels; a multiple of the encoder's stride.
        folder: where verdicts are kept; by default in the user's cache.
    """
    weights = card.weights.sha256 if card.weights else None
    key = [onnxruntime.__version__, device.name, dict(device.options), card.name, weights, size]
    file = verdict_file(key, folder)
    verdict = recall(file)
    if verdict is None:
        verdict = _examine(device, encoder, size)
        if verdict.relative_error is not None:
            keep(verdict, file)
    return verdict


def _examine(device: Device, encoder: Callable[[Device], Stepper], size: int) -> Verdict:
    ramp = np.linspace(0.2, 0.8, size, dtype=np.float32)[:, None, None]
    image = ramp + np.random.default_rng(0).uniform(-0.2, 0.2, (size, size, 3)).astype(np.float32)
    on_cpu = encoder(CPU)
    target = on_cpu.encode(image[::-1].copy())
    expected = _run(on_cpu, image, target)
    try:
        found = _run(encoder(device), image, target)
    except Exception as error:  # onnxruntime's exceptions share no narrower base
        reason = f"it cannot run: {error}".rstrip(".")
        return Verdict(device=device.name, passed=False, reason=reason, size=size)
    distance = max(_relative(a, b) for a, b in zip(found.numbers, expected.numbers, strict=True))
    passed = distance <= TOLERANCE
    return Verdict(
        device=device.name,
        passed=passed,
        reason=f"right to {distance:.0e}, {expected.seconds / found.seconds:.1f} times as fast as the CPU"
        if passed
        else f"its numbers are {distance:.1e} away from the CPU's, and {TOLERANCE:.0e} is allowed",
        size=size,
        relative_error=distance,
        seconds_per_step=found.seconds,
        cpu_seconds_per_step=expected.seconds,
    )


class _Run(NamedTuple):
    numbers: tuple[Any, Any, Any]
    seconds: float


def _run(stepper: Stepper, image: Image, target: Latent) -> _Run:
    numbers = stepper.encode(image), *stepper.value_and_grad(image, target)
    seconds = []
    for _ in range(_TIMED_STEPS):
        start = time.perf_counter()
        stepper.value_and_grad(image, target)
        seconds.append(time.perf_counter() - start)
    return _Run(numbers, statistics.median(seconds))


def _relative(found: Any, expected: Any) -> float:
    """Relative L2 error; infinite where `found` is not finite."""
    if not np.isfinite(found).all():
        return float("inf")
    return float(np.linalg.norm(np.subtract(found, expected)) / np.linalg.norm(expected))
