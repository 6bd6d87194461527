"""The decoders of the tiny family, TAESD and its kin; the encoders are in `glaze_export.encoders.tiny`.

Names as in diffusers' `AutoencoderTiny`: `decoder.layers.N…`; TAESD's own files say `N + 1`, their first layer being
the clamp.
"""

import torch
from torch import Tensor, nn

from glaze_export.encoders.tiny import BLOCKS, POOLED, WIDTH, Block
from glaze_models import DecoderCard

LIMIT = 3.0
"""The network takes LIMIT · tanh(z / LIMIT)."""


class Layers(nn.Module):
    """The convolutions, upsamplings and blocks in a row, under the name `layers`."""

    def __init__(self, channels: int, *, pooled: bool) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(channels, WIDTH, 3, padding=1), nn.ReLU()]
        for stage, blocks in enumerate(BLOCKS[::-1]):
            layers += [Block(pooled=pooled and stage == 0) for _ in range(blocks)]
            if stage == len(BLOCKS) - 1:
                layers.append(nn.Conv2d(WIDTH, 3, 3, padding=1))
            else:
                layers += [nn.Upsample(scale_factor=2.0), nn.Conv2d(WIDTH, WIDTH, 3, padding=1, bias=False)]
        self.layers = nn.Sequential(*layers)


class Tiny(nn.Module):
    """latent [1,channels,h,w], at the generator's scale -> image [1,3,8h,8w], about 0..1."""

    def __init__(self, channels: int, *, pooled: bool) -> None:
        super().__init__()
        self.decoder = Layers(channels, pooled=pooled)

    def forward(self, latent: Tensor) -> Tensor:
        image: Tensor = self.decoder.layers(LIMIT * torch.tanh(latent / LIMIT))
        return image


def build(card: DecoderCard) -> Tiny:
    """The decoder of `card`, without its weights."""
    return Tiny(card.channels, pooled=POOLED[card.graph])
