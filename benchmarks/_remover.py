"""A small residual autoencoder in torch that finds glaze and takes it off, trained on pairs that the tool made itself.

After LightShed (Foerster et al., USENIX Security 2025): the network sees a picture and gives the change that was made
to it, nothing where none was. A head on its narrowest layer says whether there was one.
"""

from collections.abc import Callable, Sequence
from io import BytesIO

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as PillowImage
from torch import Tensor, nn
from torch.nn import functional

from glaze_runtime.arrays import Image, to_pillow

Pixels = NDArray[np.uint8]
"""[H,W,3], a picture as it is in a file."""

UNIT = 8 / 255
"""The network speaks of changes in this unit, about the largest that is common."""
WIDTHS = 32, 64, 96
PATCH, PAIRS = 128, 6
"""A batch is PAIRS patches of PATCH² pixels, each clean and glazed."""
RATE = 2e-3
ROBUST, DECIDING = 0.1, 0.2
"""Weights of the L1 error of the change (as in LightShed) and of the head's cross-entropy, beside its mean square."""
COMPRESSED = 1 / 3
"""Share of the patches, clean and glazed, that are seen after JPEG."""


class Remover(nn.Module):
    """A U-Net at a half, a quarter and an eighth of the size; pixels are folded into channels first, so that none is
    lost.

    Picture [N,3,H,W] in 0..1 -> its change [N,3,H,W], and a logit [N] for "it is glazed". H and W are multiples of 8.
    """

    def __init__(self) -> None:
        super().__init__()
        fine, middle, coarse = WIDTHS
        self.enter = nn.Sequential(nn.PixelUnshuffle(2), _conv(24, fine), _conv(fine, fine))
        self.down1 = nn.Sequential(_conv(fine, middle, 4, 2), _conv(middle, middle))
        self.down2 = nn.Sequential(_conv(middle, coarse, 4, 2), _conv(coarse, coarse))
        self.up1 = _conv(coarse, middle)
        self.join1 = _conv(2 * middle, middle)
        self.up2 = _conv(middle, fine)
        self.join2 = nn.Sequential(
            _conv(2 * fine, fine), nn.Conv2d(fine, 12, 3, padding=1), nn.PixelShuffle(2)
        )
        self.head = nn.Sequential(nn.Linear(2 * coarse, 32), nn.SiLU(), nn.Linear(32, 1))

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        # Glaze is faint beside the picture: what varies within 5 pixels is given again, in UNIT.
        detail = picture - functional.avg_pool2d(picture, 5, 1, 2, count_include_pad=False)
        fine = self.enter(torch.cat([2 * picture - 1, detail / UNIT], 1))
        middle = self.down1(fine)
        coarse = self.down2(middle)
        summary = torch.cat([coarse.mean((2, 3)), coarse.std((2, 3))], 1)
        middle = self.join1(torch.cat([middle, self.up1(_twice(coarse))], 1))
        change = self.join2(torch.cat([fine, self.up2(_twice(middle))], 1))
        return UNIT * change, self.head(summary)[:, 0]


def train(
    pairs: Sequence[tuple[Pixels, Pixels]], steps: int, on_step: Callable[[int, float], None], seed: int = 0
) -> Remover:
    """A network trained on (clean, glazed) pictures; `on_step` is told the step and its loss.

    Sides must be at least PATCH pixels.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    remover = Remover()
    remover.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(remover.parameters(), lr=RATE, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps, pct_start=0.05)
    for step in range(steps):
        pictures, changes, glazed = _batch(pairs, rng)
        found, logits = remover(pictures)
        error = (found - changes) / UNIT
        loss = error.square().mean() + ROBUST * error.abs().mean()
        loss = loss + DECIDING * functional.binary_cross_entropy_with_logits(logits, glazed)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(remover.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        on_step(step, loss.item())
    remover.eval()
    return remover


@torch.no_grad()
def look(remover: Remover, picture: Image) -> tuple[Image, float]:
    """The change [H,W,3] that the network finds in `picture` [H,W,3] in 0..1, and the head's logit. Sides: multiples of
    8."""
    change, logit = remover(_planes([picture]))
    return change[0].permute(1, 2, 0).numpy(), float(logit)


def compressed(picture: Image, quality: int) -> Image:
    """`picture` [H,W,3] in 0..1 after JPEG with 4:2:0."""
    buffer = BytesIO()
    to_pillow(picture).save(buffer, "JPEG", quality=quality, subsampling=2)
    return np.asarray(PillowImage.open(buffer), np.float32) / 255


def _batch(pairs: Sequence[tuple[Pixels, Pixels]], rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    pictures, changes = [], []
    for index in rng.integers(len(pairs), size=PAIRS):
        top, left = (int(rng.integers(n - PATCH + 1)) for n in pairs[index][0].shape[:2])
        turn = int(rng.choice([-1, 1]))
        clean, glazed = (
            side[top : top + PATCH, left : left + PATCH][:, ::turn].astype(np.float32) / 255
            for side in pairs[index]
        )
        for picture in (clean, glazed):
            changes.append(picture - clean)
            after = rng.random() < COMPRESSED
            pictures.append(compressed(picture, int(rng.integers(60, 96))) if after else picture)
    return _planes(pictures), _planes(changes), torch.tensor([0.0, 1.0] * PAIRS)


def _planes(images: Sequence[Image]) -> Tensor:
    """[H,W,3] each -> [N,3,H,W]"""
    stack = np.stack(images).astype(np.float32)
    return torch.from_numpy(stack).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


def _conv(narrow: int, wide: int, size: int = 3, stride: int = 1) -> nn.Module:
    return nn.Sequential(nn.Conv2d(narrow, wide, size, stride, padding=1), nn.SiLU())


def _twice(planes: Tensor) -> Tensor:
    return functional.interpolate(planes, scale_factor=2.0, mode="bilinear", align_corners=False)
