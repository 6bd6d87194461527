"""LPIPS: as the package `lpips` computes it, stated again here, with gradients, for each backbone."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from glaze_models.perceptual import PERCEPTUALS, PerceptualCard
from glaze_runtime.devices import CPU
from glaze_runtime.optimiser.perceptual import Lpips

torch = pytest.importorskip("torch")
from torch.nn.functional import conv2d, max_pool2d, relu  # noqa: E402

from glaze_export.lpips import build, export_lpips  # noqa: E402

every_card = pytest.mark.parametrize("card", PERCEPTUALS.values(), ids=PERCEPTUALS)

VGG = [0, 2, None, 5, 7, None, 10, 12, 14, None, 17, 19, 21, None, 24, 26, 28]
"""Places of the convolutions; None is a pool."""


def weights(card: PerceptualCard) -> dict[str, torch.Tensor]:
    """Random tensors with the names and shapes of torchvision's file, of a size that keeps what passes through."""
    generator = torch.Generator().manual_seed(0)
    shapes = {n: t.shape for n, t in build(card).state_dict().items() if n.startswith("features.")}
    return {
        name: torch.randn(shape, generator=generator) * (2 / shape[1:].numel()) ** 0.5
        if len(shape) > 1
        else 0.1 * torch.randn(shape, generator=generator)
        for name, shape in shapes.items()
    }


def layer(w: dict[str, torch.Tensor], place: object, x: torch.Tensor, **options: int) -> torch.Tensor:
    name = f"features.{place}"
    return relu(conv2d(x, w[f"{name}.weight"], w[f"{name}.bias"], **options))


def fire(w: dict[str, torch.Tensor], place: int, x: torch.Tensor) -> torch.Tensor:
    x = layer(w, f"{place}.squeeze", x)
    return torch.cat([layer(w, f"{place}.expand1x1", x), layer(w, f"{place}.expand3x3", x, padding=1)], 1)


def features(card: PerceptualCard, w: dict[str, torch.Tensor], x: torch.Tensor) -> Iterator[torch.Tensor]:
    if card.backbone == "alex":
        yield (x := layer(w, 0, x, stride=4, padding=2))
        yield (x := layer(w, 3, max_pool2d(x, 3, 2), padding=2))
        yield (x := layer(w, 6, max_pool2d(x, 3, 2), padding=1))
        yield (x := layer(w, 8, x, padding=1))
        yield layer(w, 10, x, padding=1)
    elif card.backbone == "vgg":
        for place in VGG:
            if place is None:
                yield x
                x = max_pool2d(x, 2, 2)
            else:
                x = layer(w, place, x, padding=1)
        yield x
    else:
        yield (x := layer(w, 0, x, stride=2))
        yield (x := fire(w, 4, fire(w, 3, max_pool2d(x, 3, 2, ceil_mode=True))))
        yield (x := fire(w, 7, fire(w, 6, max_pool2d(x, 3, 2, ceil_mode=True))))
        yield (x := fire(w, 9, max_pool2d(x, 3, 2, ceil_mode=True)))
        for place in (10, 11, 12):
            yield (x := fire(w, place, x))


def distance(
    card: PerceptualCard, w: dict[str, torch.Tensor], heads: dict[str, torch.Tensor], *pictures: torch.Tensor
) -> torch.Tensor:
    """As in `lpips.LPIPS.forward(…, normalize=True)`, version 0.1."""
    shift = torch.tensor([-0.030, -0.088, -0.188])[None, :, None, None]
    scale = torch.tensor([0.458, 0.448, 0.450])[None, :, None, None]
    total = torch.zeros(())
    for k, pair in enumerate(
        zip(*(features(card, w, (2 * p - 1 - shift) / scale) for p in pictures), strict=True)
    ):
        a, b = (f / ((f**2).sum(1, keepdim=True).sqrt() + 1e-10) for f in pair)
        total = total + conv2d((a - b) ** 2, heads[f"heads.lin{k}"]).mean()
    return total


@every_card
def test_value_and_gradient_are_those_of_the_package(card: PerceptualCard, tmp_path: Path) -> None:
    w = weights(card)
    file = tmp_path / "backbone.safetensors"
    save_file({name: tensor.numpy() for name, tensor in w.items()}, file)
    from safetensors.torch import load_file

    heads = load_file(card.heads.path)
    image, other = np.random.default_rng(0).random((2, 64, 96, 3)).astype(np.float32)
    planes = [torch.from_numpy(p.transpose(2, 0, 1)[None].copy()) for p in (image, other)]
    planes[0].requires_grad_()
    expected = distance(card, w, heads, *planes)
    (gradient,) = torch.autograd.grad(expected, planes[0])

    lpips = Lpips(card, file, CPU)
    value, found = lpips.value_and_grad(image, other)
    reference = gradient[0].permute(1, 2, 0).numpy()
    assert value == pytest.approx(expected.item(), rel=1e-5)
    assert np.linalg.norm(found - reference) <= 1e-3 * np.linalg.norm(reference)
    assert np.mean(np.sign(found) == np.sign(reference)) >= 0.999

    same, flat = lpips.value_and_grad(image, image)
    assert same == 0
    assert not flat.any()


@pytest.mark.slow
@every_card
def test_the_file_is_what_the_code_exports(card: PerceptualCard) -> None:
    assert card.graph.read_bytes() == export_lpips(card)
