"""An encoder on a device: the latent of an image, and the gradient of the distance from a target latent."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from glaze_models import DecoderCard, EncoderCard
from glaze_runtime.arrays import Image, Latent, planes
from glaze_runtime.devices import Device, Placement, sized_sessions
from glaze_runtime.weights.binding import bind, load_weights

if TYPE_CHECKING:
    import onnxruntime


class Graphs:
    """The graphs of `card` on `device`, with its weights.

    Raises:
        ModelError, WeightsError: the card's files are damaged.
    """

    def __init__(self, card: EncoderCard | DecoderCard, device: Device) -> None:
        self.card = card
        self._device = device
        self._sessions = self._load()

    @property
    def loaded(self) -> bool:
        """Whether they take up memory now."""
        return bool(self._sessions)

    def session(self, graph: Path, height: int, width: int) -> "onnxruntime.InferenceSession":
        """The session of one of the card's graphs for a height and width; what was released is loaded again."""
        self._sessions = self._sessions or self._load()
        return self._sessions[graph](height, width)

    def release(self) -> None:
        """Give back the memory of weights and sessions until they are used again."""
        self._sessions = {}

    def _load(self) -> "dict[Path, Callable[[int, int], onnxruntime.InferenceSession]]":
        weights = load_weights(self.card)
        return {
            graph: sized_sessions(bind(graph, weights), self.card.stride, self._device)
            for graph in self.card.graphs
        }


class EncoderLike(Protocol):
    """An encoder, as far as the optimiser and the figures know it."""

    @property
    def card(self) -> EncoderCard: ...
    def encode(self, image: Image) -> Latent: ...
    def value_and_grad(self, image: Image, target: Latent) -> tuple[float, Image]: ...


class Encoder:
    """The encoder of `card` on `device`. A session is opened when a size is first seen.

    Raises:
        ModelError, WeightsError: the card's files are damaged.
        DeviceError: on first use, when the device cannot run the graph.
    """

    def __init__(self, card: EncoderCard, device: Device) -> None:
        self.card = card
        self.device = device
        self._graphs = Graphs(card, device)

    def encode(self, image: Image) -> Latent:
        """The latent mean [1,C,H/stride,W/stride], before the generator's scale, of `image` [H,W,3] in 0..1.

        Raises:
            ValueError: height or width is no multiple of the stride, or not the one size the encoder takes.
        """
        session = self._graphs.session(self.card.encode_graph, *self._size(image))
        latent: Latent = session.run(["latent"], {"image": planes(image)})[0]
        return latent

    def value_and_grad(self, image: Image, target: Latent) -> tuple[float, Image]:
        """sum (encode(image) − target)² and its gradient [H,W,3] with respect to `image` [H,W,3] in 0..1.

        Raises:
            ValueError: height or width is no multiple of the stride, or the target does not fit the image.
        """
        height, width = self._size(image)
        cells = (1, self.card.channels, height // self.card.stride, width // self.card.stride)
        if target.shape != cells:
            raise ValueError(f"target of {target.shape}: an image of {height}x{width} needs {cells}")
        feeds = {"image": planes(image), "target": np.ascontiguousarray(target, np.float32)}
        session = self._graphs.session(self.card.step_graph, height, width)
        loss, gradient = session.run(["loss", "gradient"], feeds)
        return float(loss), gradient[0].transpose(1, 2, 0)

    def placement(self, height: int, width: int) -> Placement:
        """Where the operators of the step graph run, for an image of this size in pixels."""
        placement: Placement = self._graphs.session(self.card.step_graph, height, width).placement
        return placement

    def release(self) -> None:
        """Give back the memory of the networks until they are used again."""
        self._graphs.release()

    def _size(self, image: Image) -> tuple[int, int]:
        stride = self.card.stride
        if image.ndim != 3 or image.shape[2] != 3 or any(n == 0 or n % stride for n in image.shape[:2]):
            raise ValueError(
                f"image of {image.shape}: it must be [H,W,3], height and width multiples of {stride}"
            )
        side = self.card.side
        if side is not None and image.shape[:2] != (side, side):
            raise ValueError(f"image of {image.shape}: {self.card.name} takes {side}x{side} and nothing else")
        return image.shape[0], image.shape[1]
