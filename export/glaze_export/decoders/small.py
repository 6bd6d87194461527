"""The small family: the mirror of the surrogate encoders, most of its work at 1/8 and 1/4 of the image's size, SiLU, no
normalisation.

Every ConvTranspose has a kernel of 4, stride 2 and equal pads, so that its gradient is a plain convolution with the
same weight.
"""

from torch import Tensor, nn
from torch.nn.functional import silu

from glaze_export.encoders.surrogate import Block
from glaze_models import DecoderCard

WIDTHS = (96, 48, 24)
BLOCKS = (3, 1, 1)
"""At 1/8, 1/4 and 1/2 of the image's size."""
DEVIATION = 5.0
"""Of the numbers of a latent, about: the network takes them divided by it."""


class Small(nn.Module):
    """latent mean [1,channels,h,w], before the generator's scale -> image [1,3,8h,8w], about 0..1."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        w1, w2, w3 = WIDTHS
        n1, n2, n3 = BLOCKS
        self.stem = nn.Conv2d(channels, w1, 3, padding=1)
        self.stage1 = nn.Sequential(*(Block(w1) for _ in range(n1)))
        self.up1 = nn.ConvTranspose2d(w1, w2, 4, stride=2, padding=1)
        self.stage2 = nn.Sequential(*(Block(w2) for _ in range(n2)))
        self.up2 = nn.ConvTranspose2d(w2, w3, 4, stride=2, padding=1)
        self.stage3 = nn.Sequential(*(Block(w3) for _ in range(n3)))
        self.head = nn.ConvTranspose2d(w3, 3, 4, stride=2, padding=1)

    def forward(self, latent: Tensor) -> Tensor:
        x = self.stage1(silu(self.stem(latent / DEVIATION)))
        x = self.stage2(silu(self.up1(x)))
        x = self.stage3(silu(self.up2(x)))
        image: Tensor = self.head(x)
        return image


def build(card: DecoderCard) -> Small:
    """The decoder of `card`, without its weights."""
    return Small(card.channels)
