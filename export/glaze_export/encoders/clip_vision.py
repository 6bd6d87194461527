"""The image tower of CLIP (Radford et al., "Learning Transferable Visual Models From Natural Language Supervision",
ICML 2021).

IP-Adapter and its kin read its embedding. Parameters are named as in transformers' `CLIPVisionModelWithProjection`.
Images are normalised in the graph; attention is written out.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from glaze_models import EncoderCard

MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)
"""Of the training pictures, by channel (openai/CLIP)."""


def quick_gelu(x: Tensor) -> Tensor:
    """x · sigmoid(1.702 x), as OpenAI's towers have it."""
    return x * torch.sigmoid(1.702 * x)


@dataclass(frozen=True, kw_only=True)
class Config:
    """The size of a tower.

    Attributes:
        width, depth, heads: of the transformer.
        inner: width within its MLPs.
        patch: side of a patch in pixels.
        activation: of its MLPs.
    """

    width: int
    depth: int
    heads: int
    inner: int
    patch: int
    activation: Callable[[Tensor], Tensor]


CONFIGS = {
    "clip-l": Config(width=1024, depth=24, heads=16, inner=4096, patch=14, activation=quick_gelu),
    "clip-h": Config(width=1280, depth=32, heads=16, inner=5120, patch=14, activation=gelu),
}
"""Of openai/clip-vit-large-patch14 and laion/CLIP-ViT-H-14-laion2B-s32B-b79K."""


class Attention(nn.Module):
    """[tokens,width] -> the same."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.heads = config.heads
        self.q_proj = nn.Linear(config.width, config.width)
        self.k_proj = nn.Linear(config.width, config.width)
        self.v_proj = nn.Linear(config.width, config.width)
        self.out_proj = nn.Linear(config.width, config.width)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (
            layer(x).unflatten(1, (self.heads, -1)).transpose(0, 1)
            for layer in (self.q_proj, self.k_proj, self.v_proj)
        )
        shares = torch.softmax(q @ k.transpose(1, 2) * q.shape[2] ** -0.5, -1)
        y: Tensor = self.out_proj((shares @ v).transpose(0, 1).flatten(1))
        return y


class Mlp(nn.Module):
    """[tokens,width] -> the same, each token by itself."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.activation = config.activation
        self.fc1 = nn.Linear(config.width, config.inner)
        self.fc2 = nn.Linear(config.inner, config.width)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.fc2(self.activation(self.fc1(x)))
        return y


class Layer(nn.Module):
    """Attention, then an MLP, each added to its input."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.layer_norm1 = nn.LayerNorm(config.width)
        self.self_attn = Attention(config)
        self.layer_norm2 = nn.LayerNorm(config.width)
        self.mlp = Mlp(config)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.self_attn(self.layer_norm1(x))
        y: Tensor = x + self.mlp(self.layer_norm2(x))
        return y


class Embeddings(nn.Module):
    """image [1,3,side,side] -> tokens [1 + patches,width], that of the class first."""

    def __init__(self, config: Config, side: int) -> None:
        super().__init__()
        self.width = config.width
        self.class_embedding = nn.Parameter(torch.randn(config.width))
        self.patch_embedding = nn.Conv2d(3, config.width, config.patch, stride=config.patch, bias=False)
        self.position_embedding = nn.Embedding((side // config.patch) ** 2 + 1, config.width)

    def forward(self, image: Tensor) -> Tensor:
        patches = self.patch_embedding(image).reshape(self.width, -1).T
        return torch.cat([self.class_embedding[None], patches]) + self.position_embedding.weight


class Transformer(nn.Module):
    """[tokens,width] -> the same."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.depth))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


class Tower(nn.Module):
    """image [1,3,side,side] -> the last token of the class [1,width]."""

    def __init__(self, config: Config, side: int) -> None:
        super().__init__()
        self.embeddings = Embeddings(config, side)
        self.pre_layrnorm = nn.LayerNorm(config.width)
        self.encoder = Transformer(config)
        self.post_layernorm = nn.LayerNorm(config.width)

    def forward(self, image: Tensor) -> Tensor:
        tokens = self.encoder(self.pre_layrnorm(self.embeddings(image)))
        token: Tensor = self.post_layernorm(tokens[:1])
        return token


class ClipVision(nn.Module):
    """image [1,3,side,side] in 0..1 -> embedding [1,channels,1,1], not normalised.

    Args:
        config: the size of the tower.
        channels: of the embedding.
        side: height and width of an image in pixels, a multiple of the patch.
    """

    def __init__(self, config: Config, *, channels: int, side: int) -> None:
        super().__init__()
        self.vision_model = Tower(config, side)
        self.visual_projection = nn.Linear(config.width, channels, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        mean, deviation = torch.tensor([MEAN, DEVIATION])[:, :, None, None]
        embedding: Tensor = self.visual_projection(self.vision_model((image - mean) / deviation))
        return embedding.reshape(1, -1, 1, 1)


def build(card: EncoderCard) -> ClipVision:
    """The image tower of `card`, without its weights."""
    assert card.side is not None
    return ClipVision(CONFIGS[card.name], channels=card.channels, side=card.side)
