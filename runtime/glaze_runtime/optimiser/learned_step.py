"""The learned step: where to go from a gradient, as a network has learned it on other pictures
(`glaze_export.learned_step`).

Eight of its steps, with one encoder each, go nearly as far as fifty-two of Adam's with all of them
(docs/decisions/0005-learned-step.md).
"""

import numpy as np

from glaze_models.learned_step import LEARNED_STEP, STRIDE
from glaze_runtime.arrays import Image, planes
from glaze_runtime.devices import CPU, Device, sized_sessions
from glaze_runtime.weights.binding import bind, load_weights

MOMENTUM = 0.6
"""What the moving average of gradients keeps of itself."""
INPUTS = "image", "limit", "before", "gradient", "momentum"
AREA, MARGIN = 1024 * 512, 80
"""Pixels: a larger picture is worked on in bands of rows, for memory; they overlap by twice what a pixel depends on."""
TESTED, TOLERANCE = 512, 1e-3
"""Pixels, at which a device is held against the CPU, and how far a fraction may be off."""


class LearnedStep:
    """The network on `device`. A session is opened when a size is first seen.

    Raises:
        ModelError, WeightsError: its files are damaged.
        DeviceError: on first use, when the device cannot run the graph.
    """

    def __init__(self, device: Device) -> None:
        self._sessions = sized_sessions(bind(LEARNED_STEP.graph, load_weights(LEARNED_STEP)), STRIDE, device)

    def __call__(
        self,
        image: Image,
        limit: Image,
        before: Image,
        gradient: Image,
        momentum: Image,
        *,
        shift: tuple[int, int] = (0, 0),
    ) -> Image:
        """The fraction [H,W,3] in -1..1 of the limit after the next step, of a picture of any size.

        Args:
            image: [H,W,3] in 0..1, RGB; all else is Y, Cb, Cr.
            limit: [H,W,3], how far each pixel may move.
            before: [H,W,3], the fraction so far.
            gradient: [H,W,3], of the objective for the fraction, times the number of pixels.
            momentum: [H,W,3], the moving average of gradients, this one included.
            shift: pixels that the network's own grid begins above and to the left of the picture.
        """
        height, width = image.shape[:2]
        beyond = (
            *((above, -(n + above) % STRIDE) for n, above in zip((height, width), shift, strict=True)),
            (0, 0),
        )
        asked = [image, limit, before, gradient, momentum]
        if any(map(any, beyond)):
            asked = [np.pad(each, beyond, mode="edge") for each in asked]
        fraction = np.empty_like(asked[0])
        whole, across = fraction.shape[:2]
        tall = min(whole, max(4 * MARGIN, AREA // across // STRIDE * STRIDE))
        apart = max(STRIDE, tall - 2 * MARGIN)
        for top in (*range(0, whole - tall, apart), whole - tall):
            kept = MARGIN if top else 0
            fraction[top + kept : top + tall] = self._band(*(each[top : top + tall] for each in asked))[kept:]
        down, right = shift
        return fraction[down : down + height, right : right + width]

    def _band(self, *asked: Image) -> Image:
        feeds = dict(zip(INPUTS, map(planes, asked), strict=True))
        fraction: Image = (
            self._sessions(*asked[0].shape[:2]).run(["fraction"], feeds)[0][0].transpose(1, 2, 0)
        )
        return fraction


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
