"""The encoder half of AutoencoderKL (Rombach et al., "High-Resolution Image Synthesis with Latent Diffusion Models",
CVPR 2022).

SD 1 to SD 3, SDXL, FLUX.1 and FLUX.2 share it and differ in the channels of the latent and in `quant_conv`; what FLUX.2
does after it, 2x2 patches and a batch norm, is its scale. Parameters are named as in diffusers' class. Attention is
written out, and of the moments only the mean is computed.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad, silu

from glaze_models import EncoderCard

WIDTHS = (128, 256, 512, 512)
"""Channels of the four levels, in every published configuration."""

GROUPS = 32


class ResnetBlock(nn.Module):
    """y = shortcut(x) + conv2(SiLU(norm2(conv1(SiLU(norm1(x)))))), [1,before,h,w] -> [1,after,h,w]."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(GROUPS, before, eps=1e-6)
        self.conv1 = nn.Conv2d(before, after, 3, padding=1)
        self.norm2 = nn.GroupNorm(GROUPS, after, eps=1e-6)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1)
        if before != after:
            self.conv_shortcut = nn.Conv2d(before, after, 1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv2(silu(self.norm2(self.conv1(silu(self.norm1(x))))))
        return y + (self.conv_shortcut(x) if hasattr(self, "conv_shortcut") else x)


class Attention(nn.Module):
    """One head over all cells, added to its input, [1,width,h,w] -> the same."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.group_norm = nn.GroupNorm(GROUPS, width, eps=1e-6)
        self.to_q = nn.Linear(width, width)
        self.to_k = nn.Linear(width, width)
        self.to_v = nn.Linear(width, width)
        self.to_out = nn.ModuleList([nn.Linear(width, width)])

    def forward(self, x: Tensor) -> Tensor:
        width = x.shape[1]
        cells = self.group_norm(x).reshape(width, -1).T
        q, k, v = self.to_q(cells), self.to_k(cells), self.to_v(cells)
        shares = torch.softmax(q @ k.T * width**-0.5, -1)
        y: Tensor = self.to_out[0](shares @ v)
        return x + y.T.reshape(x.shape)


class Downsample(nn.Module):
    """[1,width,h,w] -> [1,width,h/2,w/2]; the zeros are at the right and at the bottom alone."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(pad(x, (0, 1, 0, 1)))
        return y


class DownBlock(nn.Module):
    """Two residual blocks; but for the last level, half the height and width."""

    def __init__(self, before: int, after: int, *, halves: bool) -> None:
        super().__init__()
        self.resnets = nn.ModuleList([ResnetBlock(before, after), ResnetBlock(after, after)])
        self.downsamplers = nn.ModuleList([Downsample(after)] if halves else [])

    def forward(self, x: Tensor) -> Tensor:
        for layer in (*self.resnets, *self.downsamplers):
            x = layer(x)
        return x


class MidBlock(nn.Module):
    """Attention between two residual blocks."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.resnets = nn.ModuleList([ResnetBlock(width, width), ResnetBlock(width, width)])
        self.attentions = nn.ModuleList([Attention(width)])

    def forward(self, x: Tensor) -> Tensor:
        for layer in (self.resnets[0], self.attentions[0], self.resnets[1]):
            x = layer(x)
        return x


class Encoder(nn.Module):
    """image [1,3,H,W] in -1..1 -> features [1,width,H/8,W/8], to which `conv_out` has yet to be applied."""

    def __init__(self, channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(3, widths[0], 3, padding=1)
        self.down_blocks = nn.ModuleList(
            DownBlock(before, after, halves=level < len(widths) - 1)
            for level, (before, after) in enumerate(zip((widths[0], *widths), widths, strict=False))
        )
        self.mid_block = MidBlock(widths[-1])
        self.conv_norm_out = nn.GroupNorm(GROUPS, widths[-1], eps=1e-6)
        self.conv_out = nn.Conv2d(widths[-1], 2 * channels, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        x = self.conv_in(image)
        for block in self.down_blocks:
            x = block(x)
        return silu(self.conv_norm_out(self.mid_block(x)))


class AutoencoderKL(nn.Module):
    """image [1,3,H,W] in 0..1 -> latent mean [1,channels,H/8,W/8], before the generator's scale.

    Args:
        channels: of the latent.
        quant: whether a 1x1 convolution mixes the moments.
        widths: channels of each level, multiples of 32.
    """

    def __init__(self, channels: int, *, quant: bool, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        self.encoder = Encoder(channels, widths)
        if quant:
            self.quant_conv = nn.Conv2d(2 * channels, 2 * channels, 1)

    def forward(self, image: Tensor) -> Tensor:
        x, last = self.encoder(2 * image - 1), self.encoder.conv_out
        if hasattr(self, "quant_conv"):
            x, last = last(x), self.quant_conv
        mean = len(last.weight) // 2  # the rest is the logarithm of the variance
        bias = last.bias[:mean] if last.bias is not None else None
        return conv2d(x, last.weight[:mean], bias, padding=last.padding)


def build(card: EncoderCard) -> AutoencoderKL:
    """The encoder of `card`, without its weights."""
    return AutoencoderKL(card.channels, quant=card.quant)
