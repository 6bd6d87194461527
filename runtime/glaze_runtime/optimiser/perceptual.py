"""How different a picture looks from another: LPIPS, and the hinge that keeps it below a limit.

    hinge = alpha · max(LPIPS(x + d, x) − p, 0)         Glaze (Shan et al., USENIX Security 2023): p = 0.05, alpha = 30

Example:
    >>> lpips = lpips_on(Path("alexnet.safetensors"), CPU)
    >>> change = optimise(image, target, perceptual=LpipsHinge(lpips=lpips).gradient, ...)
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from glaze_models.errors import WeightsError
from glaze_models.perceptual import PERCEPTUALS, PerceptualCard
from glaze_runtime.arrays import Image, planes
from glaze_runtime.devices import Device, sized_sessions
from glaze_runtime.optimiser.views import Size
from glaze_runtime.weights.binding import Tensor, Weights, bind, misfits, needs
from glaze_runtime.weights.sources import open_checkpoint
from glaze_runtime.weights.tensorfile import read_header, read_tensors

CELL = 16
"""Pixels: the graphs take heights and widths that are multiples of this, and 2 at least."""
BISECTIONS = 7
TILE = 512
"""Pixels: the largest side of what a graph is given at once."""


def lpips_on(backbone: Path, device: Device) -> "Lpips":
    """LPIPS on the backbone in a `.safetensors` file: AlexNet, VGG16 or SqueezeNet 1.1, told by its tensors.

    Raises:
        OptionError: there is no such file.
        WeightsError: the file is no safetensors file, or holds none of the three.
    """
    tensors = open_checkpoint(backbone).entries
    for card in PERCEPTUALS.values():
        shapes = {name: entry.shape for name, entry in {**tensors, **read_header(card.heads.path)}.items()}
        if not misfits(card.graph, shapes, backbone):
            return Lpips(card, backbone, device)
    raise WeightsError(
        f"{backbone} holds none of the networks that LPIPS compares with: {', '.join(PERCEPTUALS)}. "
        "Use the features of torchvision's AlexNet, VGG16 or SqueezeNet 1.1."
    )


class Distance(Protocol):
    """A distance between pictures, as far as the hinge knows it."""

    def value_and_grad(self, image: Image, reference: Image) -> tuple[float, Image]: ...


class Lpips:
    """The network of `card` on `device`, with the tensors `features.N…` of a `.safetensors` file as torchvision names
    them.

    torchvision's own files are pickles, which can run code and are not read; models/README.md says how to convert them.

    Raises:
        ModelError: the graph is damaged.
        WeightsError: the file is no safetensors file, or a tensor is missing or misshapen.
        DeviceError: on first use, when the device cannot run the graph.
    """

    def __init__(self, card: PerceptualCard, backbone: Path, device: Device) -> None:
        names = needs(card.graph)
        tensors = _tensors(backbone, names) | _tensors(card.heads.path, names)
        self._sessions = sized_sessions(
            bind(card.graph, Weights(file=backbone, tensors=tensors)), CELL, device
        )

    def value_and_grad(self, image: Image, reference: Image) -> tuple[float, Image]:
        """LPIPS of two pictures [H,W,3] in 0..1, and its gradient [H,W,3] with respect to `image`.

        What is over at the right and the bottom, beyond a multiple of 16 pixels, is not looked at.

        Raises:
            ValueError: the pictures differ in size, or are smaller than 32x32.
        """
        if image.shape != reference.shape or min(image.shape[:2]) < 2 * CELL:
            raise ValueError(
                f"pictures of {image.shape} and {reference.shape}: they must be of one size, 32x32 or more"
            )
        height, width = (n // CELL * CELL for n in image.shape[:2])
        feeds = {"image": planes(image[:height, :width]), "reference": planes(reference[:height, :width])}
        distance, part = self._sessions(height, width).run(["distance", "gradient"], feeds)
        gradient = np.zeros_like(image)
        gradient[:height, :width] = part[0].transpose(1, 2, 0)
        return float(distance), gradient


@dataclass(frozen=True, kw_only=True)
class LpipsHinge:
    """alpha · max(LPIPS − p, 0), with p = `most` and alpha = `weight`; LPIPS is the mean over tiles that cover the
    picture."""

    lpips: Distance
    most: float = 0.05
    weight: float = 30.0

    def gradient(self, image: Image, reference: Image) -> Image:
        """The gradient [H,W,3] of the hinge with respect to `image` [H,W,3] in 0..1."""
        value, gradient = self._value_and_grad(image, reference)
        return gradient * np.float32(self.weight * (value > self.most))

    def within(self, change: Image, reference: Image) -> Image:
        """As much of `change` [H,W,3] as leaves `reference` [H,W,3] in 0..1 no farther than `most` from itself, in
        proportion."""

        def fits(share: float) -> bool:
            seen = (reference + share * change).clip(0, 1)
            return self._value_and_grad(seen, reference)[0] <= self.most

        if fits(1):
            return change
        least, most = 0.0, 1.0
        for _ in range(BISECTIONS):
            share = (least + most) / 2
            least, most = (share, most) if fits(share) else (least, share)
        return np.float32(least) * change

    def _value_and_grad(self, image: Image, reference: Image) -> tuple[float, Image]:
        height, width = image.shape[:2]
        size = Size(picture=(height, width), height=height, width=width, tile=TILE, stride=CELL)
        total = np.zeros_like(image)
        values = []
        for view in size.cover():
            value, part = self.lpips.value_and_grad(view(image), view(reference))
            view.add_adjoint(part, total)
            values.append(value)
        return float(np.mean(values)), total / len(values)


def _tensors(file: Path, names: Iterable[str]) -> dict[str, Tensor]:
    entries = read_header(file)
    return read_tensors(file, {name: entries[name] for name in names if name in entries})
