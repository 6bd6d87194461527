"""The learned step: where to go from a gradient, as a network has learned it on other pictures (`glaze_export.learned_step`).

Eight of its steps, with one encoder each, go nearly as far as fifty-two of Adam's with all of them (docs/performance.md).
"""

import numpy as np

from glaze_models.learned_step import LEARNED_STEP, STRIDE
from glaze_runtime.arrays import Image
from glaze_runtime.binding import bind, load_weights
from glaze_runtime.devices import CPU, Device
from glaze_runtime.encoder import planes, sized_sessions

MEMORY = 0.6
"""What the moving average of gradients keeps of itself."""
TESTED, TOLERANCE = 512, 1e-3
"""Pixels, at which a device is held against the CPU, and how far a share may be off."""


class LearnedStep:
    """The network on `device`. A session is opened when a size is first seen.

    Raises:
        ModelError, WeightsError: its files are damaged.
        DeviceError: on first use, when the device cannot run the graph.
    """

    def __init__(self, device: Device) -> None:
        self._sessions = sized_sessions(bind(LEARNED_STEP.graph, load_weights(LEARNED_STEP)), STRIDE, device)

    def __call__(self, image: Image, limit: Image, before: Image, gradient: Image, memory: Image) -> Image:
        """The share [H,W,3] in -1..1 of the limit after the next step; heights and widths are multiples of STRIDE.

        Args:
            image: [H,W,3] in 0..1, RGB; all else is Y, Cb, Cr.
            limit: [H,W,3], how far each pixel may move.
            before: [H,W,3], the share so far.
            gradient: [H,W,3], of the objective for the share, times the number of pixels.
            memory: [H,W,3], the moving average of gradients, this one included.
        """
        named = {"image": image, "limit": limit, "before": before, "gradient": gradient, "memory": memory}
        height, width = image.shape[:2]
        beyond = (0, -height % STRIDE), (0, -width % STRIDE), (0, 0)
        padded = {name: np.pad(value, beyond, mode="edge") for name, value in named.items()}
        session = self._sessions(*padded["image"].shape[:2])
        feeds = {name: planes(value) for name, value in padded.items()}
        share: Image = session.run(["share"], feeds)[0][0].transpose(1, 2, 0)
        return np.ascontiguousarray(share[:height, :width])


def learned_step_on(device: Device) -> LearnedStep:
    """The network on `device`, or on the CPU where the device cannot run it or gives other numbers.

    Raises:
        ModelError, WeightsError: its files are damaged.
    """
    on_cpu = LearnedStep(CPU)
    if device == CPU:
        return on_cpu
    rng = np.random.default_rng(0)
    asked = [rng.uniform(-0.5, 0.5, (TESTED, TESTED, 3)).astype(np.float32) for _ in range(5)]
    there = LearnedStep(device)
    try:
        agrees = np.abs(there(*asked) - on_cpu(*asked)).max() <= TOLERANCE  # false of what is no number
    except Exception:  # onnxruntime's exceptions share no narrower base
        return on_cpu
    return there if agrees else on_cpu
