"""The surrogate family: three strided convolutions with residual blocks between them, SiLU, no normalisation.

Without normalisation tiles do not influence each other; every stride-2 kernel is even, so that its input
gradient is an exact ConvTranspose with equal pads and no output padding.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import silu

from glaze_models import EncoderCard
from glaze_models.errors import WeightsError
from glaze_runtime.weights.binding import load_weights
from glaze_runtime.weights.tensorfile import read_header, read_tensors


class Block(nn.Module):
    """y = SiLU(x + conv2(SiLU(conv1(x)))), [1,width,h,w] -> the same."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return silu(x + self.conv2(silu(self.conv1(x))))


class Surrogate(nn.Module):
    """image [1,3,H,W] in 0..1 -> latent mean [1,channels,H/8,W/8], before the generator's scale."""

    def __init__(self, widths: Sequence[int], blocks: Sequence[int], channels: int) -> None:
        super().__init__()
        w1, w2, w3 = widths
        n1, n2, n3 = blocks
        self.stem = nn.Conv2d(3, w1, 6, stride=2, padding=2)
        self.stage1 = nn.Sequential(*(Block(w1) for _ in range(n1)))
        self.down1 = nn.Conv2d(w1, w2, 4, stride=2, padding=1)
        self.stage2 = nn.Sequential(*(Block(w2) for _ in range(n2)))
        self.down2 = nn.Conv2d(w2, w3, 4, stride=2, padding=1)
        self.stage3 = nn.Sequential(*(Block(w3) for _ in range(n3)))
        self.head = nn.Conv2d(w3, channels, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        x = self.stage1(silu(self.stem(2 * image - 1)))
        x = self.stage2(silu(self.down1(x)))
        x = self.stage3(silu(self.down2(x)))
        latent: Tensor = self.head(x)
        return latent


def build(card: EncoderCard) -> Surrogate:
    """The encoder of `card`, its widths and blocks read off its weights.

    Raises:
        WeightsError: the weights file is missing or damaged.
    """
    return _shaped(load_weights(card).tensors, card.channels)


def begun_as(file: Path, channels: int) -> Surrogate:
    """An encoder of `channels` channels with the weights in `file`; where those are of another number, with a new head.

    Raises:
        WeightsError: the file cannot be read, or is of another family.
    """
    tensors = read_tensors(file, read_header(file))
    try:
        module = _shaped(tensors, channels)
        same = {
            name: tensor for name, tensor in tensors.items() if name[:5] != "head." or len(tensor) == channels
        }
        module.load_state_dict(module.state_dict() | {n: torch.from_numpy(t) for n, t in same.items()})
    except (KeyError, RuntimeError) as error:
        raise WeightsError(f"{file} holds no weights of the surrogate family: {error}.") from error
    return module


def _shaped(tensors: Mapping[str, NDArray[np.float32]], channels: int) -> Surrogate:
    return Surrogate(
        widths=[len(tensors[f"{name}.bias"]) for name in ("stem", "down1", "down2")],
        blocks=[
            sum(bool(re.fullmatch(rf"{stage}\.\d+\.conv1\.bias", name)) for name in tensors)
            for stage in ("stage1", "stage2", "stage3")
        ],
        channels=channels,
    )
