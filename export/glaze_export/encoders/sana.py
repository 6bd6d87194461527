"""Sana's autoencoder, DC-AE f32c32 (Chen et al., "Deep Compression Autoencoder", ICLR 2025): 32 channels, a cell for 32
pixels.

Parameters are named as in diffusers' `AutoencoderDC`. Linear attention is written out; shapes are of rank 5 at most.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import relu, silu

from glaze_models import EncoderCard

EPSILON = 1e-5
"""Of the norms."""
ATTENTION_SCALE = 2.0**50
"""diffusers adds 1e-15 to the sum that attention divides by; the exporter would drop that, so the queries grow in its
place."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Widths and numbers of blocks of the levels, each at half the size of the one before; `attends` says which have
    attention."""

    widths: Sequence[int] = (128, 256, 512, 512, 1024, 1024)
    blocks: Sequence[int] = (2, 2, 2, 3, 3, 3)
    attends: Sequence[bool] = (False, False, False, True, True, True)
    head: int = 32
    channels: int = 32


class RMSNorm(nn.Module):
    """y = w x / √(mean over channels of x² + ε) + b, [1,width,h,w] -> the same."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        mean = (x * x).sum(1, keepdim=True) / x.shape[1]
        return x / (mean + EPSILON).sqrt() * self.weight[:, None, None] + self.bias[:, None, None]


class ResBlock(nn.Module):
    """y = x + norm(conv2(SiLU(conv1(x)))), [1,width,h,w] -> the same."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm = RMSNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.norm(self.conv2(silu(self.conv1(x))))
        return x + change


class Projection(nn.Module):
    """Queries, keys and values of a wider neighbourhood, [1,3·width,h,w] -> the same."""

    def __init__(self, width: int, head: int) -> None:
        super().__init__()
        self.proj_in = nn.Conv2d(3 * width, 3 * width, 5, padding=2, groups=3 * width, bias=False)
        self.proj_out = nn.Conv2d(3 * width, 3 * width, 1, groups=3 * width // head, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.proj_out(self.proj_in(x))
        return y


class Attention(nn.Module):
    """Multi-scale linear attention (Cai et al., EfficientViT, ICCV 2023), added to its input, [1,width,h,w] -> the
    same."""

    def __init__(self, width: int, head: int) -> None:
        super().__init__()
        self.head = head
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(width, width, bias=False)
        self.to_v = nn.Linear(width, width, bias=False)
        self.to_qkv_multiscale = nn.ModuleList([Projection(width, head)])
        self.to_out = nn.Linear(2 * width, width, bias=False)
        self.norm_out = RMSNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        _, width, height, across = x.shape
        cells = x.reshape(width, -1)
        triples = torch.cat([layer.weight @ cells for layer in (self.to_q, self.to_k, self.to_v)])
        near = triples.reshape(1, 3 * width, height, across)
        both = torch.cat([near, self.to_qkv_multiscale[0](near)], 1)
        groups = both.reshape(2 * width // self.head, 3 * self.head, -1)
        q, k, v = (groups[:, n * self.head : (n + 1) * self.head] for n in range(3))
        q, k = relu(q) * ATTENTION_SCALE, relu(k).transpose(1, 2)
        y = (v @ k) @ q / (k.sum(1, keepdim=True) @ q + 1)
        change: Tensor = self.norm_out((self.to_out.weight @ y.reshape(2 * width, -1)).reshape(x.shape))
        return x + change


class GatedConv(nn.Module):
    """y = x + norm(point(a · SiLU(b))), (a, b) = depth(SiLU(inverted(x))), [1,width,h,w] -> the same."""

    def __init__(self, width: int, ratio: int = 4) -> None:
        super().__init__()
        self.inner = ratio * width
        self.conv_inverted = nn.Conv2d(width, 2 * self.inner, 1)
        self.conv_depth = nn.Conv2d(2 * self.inner, 2 * self.inner, 3, padding=1, groups=2 * self.inner)
        self.conv_point = nn.Conv2d(self.inner, width, 1, bias=False)
        self.norm = RMSNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv_depth(silu(self.conv_inverted(x)))
        change: Tensor = self.norm(self.conv_point(y[:, : self.inner] * silu(y[:, self.inner :])))
        return x + change


class ViTBlock(nn.Module):
    """Attention, then a gated convolution, [1,width,h,w] -> the same."""

    def __init__(self, width: int, head: int) -> None:
        super().__init__()
        self.attn = Attention(width, head)
        self.conv_out = GatedConv(width)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv_out(self.attn(x))
        return y


class Down(nn.Module):
    """[1,before,h,w] -> [1,after,h/2,w/2]: a convolution, plus the 2x2 pixels of a cell as channels, averaged in
    groups."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, 3, stride=2, padding=1)
        self.ratio = after // before

    def forward(self, x: Tensor) -> Tensor:
        _, width, height, across = x.shape
        pixels = x.reshape(width, height // 2, 2, across // 2, 2)
        # The rows of a cell stay apart where the channels double.
        sums = pixels.sum(4 if self.ratio == 2 else (2, 4), keepdim=True).reshape(
            width, height // 2, self.ratio, -1
        )
        means = sums.transpose(1, 2).reshape(1, self.ratio * width, height // 2, across // 2) * (
            self.ratio / 4
        )
        y: Tensor = self.conv(x)
        return means + y


class Encoder(nn.Module):
    """Pixels [1,3,H,W] in −1..1 -> latent [1,channels,H/32,W/32]."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        widths = config.widths
        self.conv_in = nn.Conv2d(3, widths[0], 3, padding=1)
        self.down_blocks = nn.ModuleList()
        levels = zip(widths, [*widths[1:], None], config.blocks, config.attends, strict=True)
        for width, after, blocks, attends in levels:
            level = nn.Sequential(
                *(ViTBlock(width, config.head) if attends else ResBlock(width) for _ in range(blocks))
            )
            if after is not None:
                level.append(Down(width, after))
            self.down_blocks.append(level)
        self.conv_out = nn.Conv2d(widths[-1], config.channels, 3, padding=1)
        self.channels = config.channels

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_in(x)
        for level in self.down_blocks:
            x = level(x)
        _, width, height, across = x.shape
        group = width // self.channels
        means = x.reshape(self.channels, group, height, across).sum(1, keepdim=True) / group
        y: Tensor = self.conv_out(x)
        return means.reshape(1, self.channels, height, across) + y


class Sana(nn.Module):
    """image [1,3,H,W] in 0..1 -> latent [1,32,H/32,W/32], before the generator's scale; the encoder has no variance."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.encoder = Encoder(config)

    def forward(self, image: Tensor) -> Tensor:
        latent: Tensor = self.encoder(2 * image - 1)
        return latent


def build(card: EncoderCard) -> Sana:
    """The encoder of `card`, without its weights."""
    return Sana(Config(channels=card.channels))
