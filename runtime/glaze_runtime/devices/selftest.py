"""The self-test: is a device right, and is it faster than the CPU? The real step graph, at the real size.

Intel graphics have returned wrong convolutions under DirectML, and CoreML wrong results in float16, both
without an error. So a device's numbers are held against the CPU's before it touches a picture.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from glaze_models.encoders import EncoderCard
from glaze_runtime.arrays import Image, Latent
from glaze_runtime.devices import CPU, Device, Placement
from glaze_runtime.devices.hardware import hardware_name, identity
from glaze_runtime.devices.verdicts import Verdict, keep, recall, verdict_file
from glaze_runtime.encoder import Encoder
from glaze_runtime.optimiser.tiling import TILE

TOLERANCE = 1e-3
"""Relative L2 error allowed to the latent, the loss and the gradient; what float32 needs is under 1e-4."""
COSINE = 0.9999
"""Of the angle between the device's gradient and the CPU's: the least allowed."""
PATIENCE = 10.0
"""Seconds: a device whose step takes longer is not timed again."""

_TIMED_STEPS = 3


class Stepper(Protocol):
    """What is tested: an encoder on a device."""

    def encode(self, image: Image) -> Latent:
        """The latent of `image`."""
        ...

    def value_and_grad(self, image: Image, target: Latent) -> tuple[float, Image]:
        """The squared distance of the latent of `image` to `target`, and its gradient."""
        ...

    def placement(self, height: int, width: int) -> Placement:
        """Where the operators of the step graph run."""
        ...


def examine(device: Device, cards: Sequence[EncoderCard], *, anew: bool = False) -> Verdict:
    """The first encoder's verdict, or that of the first which fails: a device may be right for one and wrong for
    another."""
    verdicts = []
    for card in cards:
        verdict = self_test(device, partial(Encoder, card), card=card, size=card.side or TILE, anew=anew)
        if not verdict.passed:
            return verdict
        verdicts.append(verdict)
    return verdicts[0]


def self_test(
    device: Device,
    encoder: Callable[[Device], Stepper],
    *,
    card: EncoderCard,
    size: int,
    folder: Path | None = None,
    anew: bool = False,
) -> Verdict:
    """The verdict on `device`, from an earlier run where nothing that matters has changed since: onnxruntime, the
    device's options, its hardware and driver as far as onnxruntime and the system tell, the encoder, the size.

    A device that could not run at all is tried again every time: it may only have been busy.

    Args:
        device: the one to test.
        encoder: makes the encoder of `card` on a device.
        card: names the encoder and its weights.
        size: height and width of the picture, in pixels; a multiple of the encoder's stride.
        folder: where verdicts are kept; by default in the user's cache.
        anew: test it whatever was kept, and keep that.
    """
    import onnxruntime

    weights = card.weights.sha256 if card.weights else None
    software = [onnxruntime.__version__, onnxruntime.get_build_info(), dict(device.options)]
    file = verdict_file(
        [*software, device.name, identity(device), card.name, weights, size, TOLERANCE, COSINE], folder
    )
    verdict = None if anew else recall(file)
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
    hardware = hardware_name(device)
    try:
        stepper = encoder(device)
        found = _run(stepper, image, target)
        placement = stepper.placement(size, size)
    except Exception as error:  # onnxruntime's exceptions share no narrower base
        reason = f"it cannot run: {error}".rstrip(".")
        return Verdict(device=device.name, passed=False, reason=reason, size=size, hardware=hardware)
    first = expected.results[0]
    distance = max(relative(a, b) for result in found.results for a, b in zip(result, first, strict=True))
    angle = min(cosine(result.gradient, first.gradient) for result in found.results)
    passed = distance <= TOLERANCE and angle >= COSINE
    speed = expected.seconds / found.seconds
    return Verdict(
        device=device.name,
        passed=passed,
        reason=f"right to {distance:.0e}, {speed:.2g} times as fast as the CPU"
        if passed
        else f"its numbers are {distance:.1e} away from the CPU's, and {TOLERANCE:.0e} is allowed; "
        f"cosine of the gradients {angle:.6f}, and {COSINE} is asked for",
        size=size,
        hardware=hardware,
        relative_error=distance,
        gradient_cosine=angle,
        seconds_per_step=found.seconds,
        cpu_seconds_per_step=expected.seconds,
        operators=placement.device,
        operators_on_cpu=placement.cpu,
    )


class _Result(NamedTuple):
    latent: Latent
    loss: float
    gradient: Image


class _Run(NamedTuple):
    results: list[_Result]
    seconds: float


def _run(stepper: Stepper, image: Image, target: Latent) -> _Run:
    """The first step's results and the last's: buffers that are used again must not spoil them."""
    latent = stepper.encode(image)
    start = time.perf_counter()
    results = [_Result(latent, *stepper.value_and_grad(image, target))]
    first = time.perf_counter() - start
    if first > PATIENCE:
        return _Run(results, first)
    seconds = []
    for _ in range(_TIMED_STEPS):
        start = time.perf_counter()
        last = stepper.value_and_grad(image, target)
        seconds.append(time.perf_counter() - start)
    return _Run([*results, _Result(stepper.encode(image), *last)], statistics.median(seconds))


def relative(found: Any, expected: Any) -> float:
    """Relative L2 error; infinite where `found` is not finite."""
    if not np.isfinite(found).all():
        return float("inf")
    return float(np.linalg.norm(np.subtract(found, expected)) / np.linalg.norm(expected))


def cosine(found: Image, expected: Image) -> float:
    """Of the angle between two gradients; 0 where there is none."""
    a, b = (np.ravel(gradient).astype(np.float64) for gradient in (found, expected))
    lengths = np.linalg.norm(a) * np.linalg.norm(b)
    return min(float(a @ b / lengths), 1.0) if np.isfinite(lengths) and lengths > 0 else 0.0
