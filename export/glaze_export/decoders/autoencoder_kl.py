"""The decoder half of AutoencoderKL, whose encoder is in `glaze_export.encoders.autoencoder_kl`: same generators, same
names."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.functional import interpolate, silu

from glaze_export.encoders.autoencoder_kl import GROUPS, WIDTHS, MidBlock, ResnetBlock
from glaze_models import DecoderCard


class Upsample(nn.Module):
    """[1,width,h,w] -> [1,width,2h,2w]"""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(interpolate(x, scale_factor=2.0, mode="nearest"))
        return y


class UpBlock(nn.Module):
    """Three residual blocks; but for the last level, twice the height and width."""

    def __init__(self, before: int, after: int, *, doubles: bool) -> None:
        super().__init__()
        self.resnets = nn.ModuleList([ResnetBlock(width, after) for width in (before, after, after)])
        self.upsamplers = nn.ModuleList([Upsample(after)] if doubles else [])

    def forward(self, x: Tensor) -> Tensor:
        for layer in (*self.resnets, *self.upsamplers):
            x = layer(x)
        return x


class Decoder(nn.Module):
    """latent [1,channels,h,w] -> image [1,3,8h,8w] in -1..1"""

    def __init__(self, channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        widest = widths[-1]
        self.conv_in = nn.Conv2d(channels, widest, 3, padding=1)
        self.mid_block = MidBlock(widest)
        self.up_blocks = nn.ModuleList(
            UpBlock(before, after, doubles=level < len(widths) - 1)
            for level, (before, after) in enumerate(zip((widest, *widths[::-1]), widths[::-1], strict=False))
        )
        self.conv_norm_out = nn.GroupNorm(GROUPS, widths[0], eps=1e-6)
        self.conv_out = nn.Conv2d(widths[0], 3, 3, padding=1)

    def forward(self, latent: Tensor) -> Tensor:
        x = self.mid_block(self.conv_in(latent))
        for block in self.up_blocks:
            x = block(x)
        image: Tensor = self.conv_out(silu(self.conv_norm_out(x)))
        return image


class AutoencoderKL(nn.Module):
    """latent mean [1,channels,h,w], before the generator's scale -> image [1,3,8h,8w], about 0..1.

    Args:
        channels: of the latent.
        quant: whether a 1x1 convolution mixes them first.
        widths: channels of each level of the encoder, multiples of 32.
    """

    def __init__(self, channels: int, *, quant: bool, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        self.decoder = Decoder(channels, widths)
        if quant:
            self.post_quant_conv = nn.Conv2d(channels, channels, 1)

    def forward(self, latent: Tensor) -> Tensor:
        image: Tensor = self.decoder(
            self.post_quant_conv(latent) if hasattr(self, "post_quant_conv") else latent
        )
        return image / 2 + 0.5


def build(card: DecoderCard) -> AutoencoderKL:
    """The decoder of `card`, without its weights."""
    return AutoencoderKL(card.channels, quant=card.quant)
