"""LPIPS: how different two pictures look to people, from the features of an image classifier, and its gradient.

    distance = sum_l mean_hw sum_c w_lc (n_lc(image) − n_lc(reference))²,    n = features / |features| over channels

Zhang et al., CVPR 2018, version 0.1 of the package `lpips`, whose linear heads w are part of glaze_models. The
backbone's tensors have torchvision's names, `features.N…`. Sizes are multiples of 16, where every pool's windows end at
the edge.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, relu

from glaze_export import graphs
from glaze_export.gradient import scalar_graph
from glaze_export.trace import forward_graph
from glaze_models.perceptual import PerceptualCard

MEAN = torch.tensor([-0.030, -0.088, -0.188])[:, None, None]
DEVIATION = torch.tensor([0.458, 0.448, 0.450])[:, None, None]
"""Of ImageNet's R, G, B in -1..1, as the package has them."""
SCALE = 2.0**33
"""The package adds 1e-10 to the norm; the exporter would drop that, so the features grow in its place. The 1 under the
root keeps the slope finite where no feature is active."""


class Fire(nn.Module):
    """SqueezeNet's block (Iandola et al. 2016): [1,C,h,w] -> squeezed channels -> [1,2·wide,h,w]."""

    def __init__(self, channels: int, squeezed: int, wide: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, wide, 1)
        self.expand3x3 = nn.Conv2d(squeezed, wide, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = relu(self.squeeze(x))
        return torch.cat([relu(self.expand1x1(x)), relu(self.expand3x3(x))], 1)


def alex() -> tuple[nn.Sequential, Sequence[int]]:
    """AlexNet's features (Krizhevsky 2014), and the layers that are looked at."""
    layers = nn.Sequential(
        nn.Conv2d(3, 64, 11, stride=4, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1),
        nn.ReLU(),
    )
    return layers, (1, 4, 7, 9, 11)


def vgg() -> tuple[nn.Sequential, Sequence[int]]:
    """VGG16's features (Simonyan & Zisserman 2015), and the layers that are looked at."""
    layers: list[nn.Module] = []
    before = 3
    for width, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        if layers:
            layers.append(nn.MaxPool2d(2, 2))
        for _ in range(count):
            layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU()]
            before = width
    return nn.Sequential(*layers), (3, 8, 15, 22, 29)


def squeeze() -> tuple[nn.Sequential, Sequence[int]]:
    """The features of SqueezeNet 1.1, and the layers that are looked at."""
    layers = nn.Sequential(
        nn.Conv2d(3, 64, 3, stride=2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        Fire(64, 16, 64),
        Fire(128, 16, 64),
        nn.MaxPool2d(3, 2),
        Fire(128, 32, 128),
        Fire(256, 32, 128),
        nn.MaxPool2d(3, 2),
        Fire(256, 48, 192),
        Fire(384, 48, 192),
        Fire(384, 64, 256),
        Fire(512, 64, 256),
    )
    return layers, (1, 4, 7, 9, 10, 11, 12)


BACKBONES: dict[str, Callable[[], tuple[nn.Sequential, Sequence[int]]]] = {
    "alex": alex,
    "vgg": vgg,
    "squeeze": squeeze,
}


class Lpips(nn.Module):
    """image, reference [1,3,H,W] in 0..1 -> distance [], 0 where they are the same."""

    def __init__(self, card: PerceptualCard) -> None:
        super().__init__()
        self.features, self.taps = BACKBONES[card.backbone]()
        self.heads = nn.ParameterDict(
            {f"lin{k}": torch.rand(1, width, 1, 1) for k, width in enumerate(card.widths)}
        )

    def forward(self, image: Tensor, reference: Tensor) -> Tensor:
        layers = zip(self.heads.values(), self._features(image), self._features(reference), strict=True)
        distances = [conv2d((a - b) * (a - b), head).mean((2, 3), keepdim=True) for head, a, b in layers]
        return torch.cat(distances, 1).sum(1, keepdim=True).reshape(())

    def _features(self, image: Tensor) -> list[Tensor]:
        # ImageNet's mean and deviation, as the package has them for -1..1.
        x = (2 * image - 1 - MEAN) / DEVIATION
        found = []
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in self.taps:
                y = SCALE * x
                found.append(y / (((y * y).sum(1, keepdim=True) + 1).sqrt() + 1))
        return found


def build(card: PerceptualCard) -> Lpips:
    """The network of `card`, without its weights."""
    return Lpips(card)


def export_lpips(card: PerceptualCard) -> bytes:
    """The graph of `card` without weights; always the same."""
    forward, _ = forward_graph(
        Lpips(card).eval(),
        name=card.graph.stem,
        inputs=[graphs.value(name, [1, 3, "height", "width"]) for name in ("image", "reference")],
        output=graphs.value("distance", []),
        stride=16,
    )
    graph, derived = scalar_graph(forward)
    return graphs.to_bytes(graphs.model(graph, derived))
