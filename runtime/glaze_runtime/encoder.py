"""An encoder on a device: the latent of an image, and the gradient of the distance from a target latent."""

from functools import cache, lru_cache

import numpy as np
import onnxruntime
from glaze_models import EncoderCard

from glaze_runtime.arrays import Image, Latent
from glaze_runtime.binding import Bound, bind, load_weights
from glaze_runtime.devices import Device, open_session

SHAPES_KEPT = 4
"""Sessions a graph: each holds its own buffers, and a picture needs few shapes of tile."""


class Encoder:
    """The encoder of `card` on `device`. Opens a session a shape, when it is first needed.

    Raises:
        ModelError, WeightsError: the card's files are damaged.
        DeviceError: on first use, when the device cannot run the graph.
    """

    def __init__(self, card: EncoderCard, device: Device) -> None:
        self.card = card
        self.device = device
        weights = load_weights(card)
        self._graph = cache(lambda step: bind(card.step_graph if step else card.encode_graph, weights))
        self._session = lru_cache(maxsize=2 * SHAPES_KEPT)(self._open)

    def encode(self, image: Image) -> Latent:
        """The latent mean [1,C,H/stride,W/stride], before the generator's scale, of `image` [H,W,3] in 0..1.

        Raises:
            ValueError: height or width is no multiple of the stride.
        """
        session = self._session(False, *self._size(image))
        latent: Latent = session.run(["latent"], {"image": _planes(image)})[0]
        return latent

    def value_and_grad(self, image: Image, target: Latent) -> tuple[float, Image]:
        """sum (encode(image) − target)² and its gradient [H,W,3] with respect to `image`.

        Raises:
            ValueError: height or width is no multiple of the stride, or the target is not of the image's latent shape.
        """
        height, width = self._size(image)
        expected = (1, self.card.channels, height // self.card.stride, width // self.card.stride)
        if target.shape != expected:
            raise ValueError(f"the target has the shape {target.shape}; an image of {height}x{width} needs {expected}")
        feeds = {"image": _planes(image), "target": np.ascontiguousarray(target)}
        loss, gradient = self._session(True, height, width).run(["loss", "gradient"], feeds)
        return float(loss), gradient[0].transpose(1, 2, 0)

    def _size(self, image: Image) -> tuple[int, int]:
        height, width = image.shape[:2]
        if image.shape != (height, width, 3) or height % self.card.stride or width % self.card.stride:
            raise ValueError(f"an image of {image.shape}: height and width must be multiples of {self.card.stride}")
        return height, width

    def _open(self, step: bool, height: int, width: int) -> onnxruntime.InferenceSession:
        graph: Bound = self._graph(step)
        stride = self.card.stride
        dims = {"height": height, "width": width, "latent_height": height // stride, "latent_width": width // stride}
        return open_session(graph.model, self.device, dims=dims, initializers=graph.tensors)


def _planes(image: Image) -> Image:
    """[H,W,3] -> [1,3,H,W], contiguous."""
    return np.ascontiguousarray(image.transpose(2, 0, 1)[None], np.float32)
