"""A decoder on a device: the image of a latent, and the gradient of the distance from a target image."""

import numpy as np

from glaze_models import DecoderCard, EncoderCard
from glaze_runtime.arrays import Image, Latent, planes
from glaze_runtime.devices import Device
from glaze_runtime.encoder import Graphs
from glaze_runtime.weights.catalogue import find_decoder


class Decoder:
    """The decoder of `card` on `device`. A session is opened when a size is first seen.

    Raises:
        ModelError, WeightsError: the card's files are damaged.
        DeviceError: on first use, when the device cannot run the graph.
    """

    def __init__(self, card: DecoderCard, device: Device) -> None:
        self.card = card
        self.device = device
        self._graphs = Graphs(card, device)

    def decode(self, latent: Latent) -> Image:
        """The image [stride·h,stride·w,3], clipped to 0..1, of `latent` [1,C,h,w], a mean before the generator's scale.

        Raises:
            ValueError: the latent has another number of channels, or no cells.
        """
        session = self._graphs.session(self.card.decode_graph, *self._size(latent))
        image: Image = session.run(["image"], {"latent": _contiguous(latent)})[0][0].transpose(1, 2, 0)
        return image.clip(0, 1)

    def value_and_grad(self, latent: Latent, image: Image) -> tuple[float, Latent]:
        """sum (D(latent) − image)², D without the clip, and its gradient [1,C,h,w] with respect to `latent` [1,C,h,w].

        Raises:
            ValueError: the latent has another number of channels, or the image, [stride·h,stride·w,3], does not fit it.
        """
        height, width = self._size(latent)
        if image.shape != (height, width, 3):
            raise ValueError(f"image of {image.shape}: a latent of {latent.shape} needs {(height, width, 3)}")
        feeds = {"latent": _contiguous(latent), "target": planes(image)}
        session = self._graphs.session(self.card.step_graph, height, width)
        loss, gradient = session.run(["loss", "gradient"], feeds)
        return float(loss), gradient

    def release(self) -> None:
        """Give back the memory of the networks until they are used again."""
        self._graphs.release()

    def _size(self, latent: Latent) -> tuple[int, int]:
        """Height and width of the image."""
        if latent.ndim != 4 or latent.shape[:2] != (1, self.card.channels) or 0 in latent.shape:
            raise ValueError(f"latent of {latent.shape}: it must be [1,{self.card.channels},h,w]")
        return latent.shape[2] * self.card.stride, latent.shape[3] * self.card.stride


def decoder_of(card: EncoderCard, device: Device) -> Decoder | None:
    """The best decoder of the latents of the encoder `card`: its own where it was added, else a bundled one; None
    without either.

    Raises:
        ModelError, WeightsError: its files are damaged.
    """
    decoder = find_decoder(card)
    return Decoder(decoder, device) if decoder else None


def _contiguous(latent: Latent) -> Latent:
    return np.ascontiguousarray(latent, np.float32)
