"""The tiny family: TAESD and its kin, distilled encoders by Ollin Boer Bohan (https://github.com/madebyollin/taesd).

Names as in diffusers' `AutoencoderTiny`: `encoder.layers.N…`; TAESD's own files say `N…`. The latent has the
generator's scale already. TAEF2's last three blocks look at the whole image through a group norm, so its tiles are not
independent.
"""

from torch import Tensor, nn
from torch.nn.functional import relu

from glaze_models import EncoderCard

WIDTH = 64
POOL_WIDTH, POOL_GROUPS = 256, 4
BLOCKS = (1, 3, 3, 3)
"""Blocks at each of the scales 1, 1/2, 1/4, 1/8."""
POOLED = {"tiny4": False, "tiny16": False, "tiny32": True}
"""Whether the last stage of a graph has pooled blocks."""


class Block(nn.Module):
    """y = relu(x' + conv(x')), x' = x + pool(x), [1,64,h,w] -> the same; without a pool x' = x."""

    def __init__(self, *, pooled: bool) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(WIDTH, WIDTH, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(WIDTH, WIDTH, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(WIDTH, WIDTH, 3, padding=1),
        )
        self.pool = pool() if pooled else None

    def forward(self, x: Tensor) -> Tensor:
        if self.pool is not None:
            x = x + self.pool(x)
        return relu(self.conv(x) + x)


def pool() -> nn.Module:
    """[1,64,h,w] -> the same: a mix of channels, normalised over the whole image."""
    return nn.Sequential(
        nn.Conv2d(WIDTH, POOL_WIDTH, 1, bias=False),
        nn.GroupNorm(POOL_GROUPS, POOL_WIDTH),
        nn.ReLU(),
        nn.Conv2d(POOL_WIDTH, WIDTH, 1, bias=False),
    )


class Layers(nn.Module):
    """The convolutions and blocks in a row, under the name `layers`."""

    def __init__(self, channels: int, *, pooled: bool) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for stage, blocks in enumerate(BLOCKS):
            if stage == 0:
                layers.append(nn.Conv2d(3, WIDTH, 3, padding=1))
            else:
                layers.append(nn.Conv2d(WIDTH, WIDTH, 3, stride=2, padding=1, bias=False))
            last = stage == len(BLOCKS) - 1
            layers += [Block(pooled=pooled and last) for _ in range(blocks)]
        layers.append(nn.Conv2d(WIDTH, channels, 3, padding=1))
        self.layers = nn.Sequential(*layers)


class Tiny(nn.Module):
    """image [1,3,H,W] in 0..1 -> latent [1,channels,H/8,W/8], at the generator's scale."""

    def __init__(self, channels: int, *, pooled: bool) -> None:
        super().__init__()
        self.encoder = Layers(channels, pooled=pooled)

    def forward(self, image: Tensor) -> Tensor:
        latent: Tensor = self.encoder.layers(image)
        return latent


def build(card: EncoderCard) -> Tiny:
    """The encoder of `card`, without its weights."""
    return Tiny(card.channels, pooled=POOLED[card.graph])
