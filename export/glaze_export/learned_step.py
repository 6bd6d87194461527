"""The learned step: a small network that says where to go from a gradient, in the place of Adam.

It sees the picture, its budget, the change so far, the gradient and an average of the gradients before, and it has
learned on other pictures what the best step was (Andrychowicz et al., "Learning to learn by gradient descent by
gradient descent", 2016). Most of its work is at 1/8 and 1/4 of the image's size, SiLU, no normalisation; strided layers
have even kernels and equal pads.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from glaze_export import graphs
from glaze_export.encoders.surrogate import Block
from glaze_export.trace import forward_graph
from glaze_models.errors import WeightsError
from glaze_models.learned_step import STRIDE, LearnedStepCard
from glaze_runtime.optimiser.learned_step import INPUTS
from glaze_runtime.weights.tensorfile import read_header, read_tensors

WIDTHS = (48, 96)
BLOCKS = (1, 2, 1)
"""At 1/4, 1/8 and again 1/4 of the image's size."""
LIMIT = 0.05
"""Of the full range, about: how far a budget lets a pixel move."""
RATE = 0.1
"""What an untrained network takes of the sign of a clear gradient, as a fraction of the limit: what Adam's first steps
are."""


class LearnedStep(nn.Module):
    """image, limit, before, gradient, momentum [N,3,H,W] -> fraction [N,3,H,W].

    The image is RGB in 0..1; all else is Y, Cb, Cr: the limit; the fraction of it, -1..1, that the change has `before`
    and after; the gradient of the objective for the fraction, times the number of pixels; a moving average of such
    gradients.
    """

    def __init__(self) -> None:
        super().__init__()
        w1, w2 = WIDTHS
        n1, n2, n3 = BLOCKS
        self.stem = nn.Conv2d(15, w1, 8, stride=4, padding=2)
        self.stage1 = nn.Sequential(*(Block(w1) for _ in range(n1)))
        self.down = nn.Conv2d(w1, w2, 4, stride=2, padding=1)
        self.stage2 = nn.Sequential(*(Block(w2) for _ in range(n2)))
        self.up = nn.ConvTranspose2d(w2, w1, 4, stride=2, padding=1)
        self.stage3 = nn.Sequential(*(Block(w1) for _ in range(n3)))
        self.head = nn.ConvTranspose2d(w1, 9, 8, stride=4, padding=2)
        nn.init.zeros_(self.head.weight)
        assert self.head.bias is not None
        self.head.bias.data = torch.tensor([0.0] * 3 + [-RATE] * 3 + [0.0] * 3)

    def forward(
        self, image: Tensor, limit: Tensor, before: Tensor, gradient: Tensor, momentum: Tensor
    ) -> Tensor:
        now, lately = gradient.tanh(), momentum.tanh()
        seen = torch.cat([2 * image - 1, limit / LIMIT, before, now, lately], 1)
        fine = self.stage1(silu(self.stem(seen)))
        coarse = self.stage2(silu(self.down(fine)))
        ways = self.head(self.stage3(silu(fine + self.up(coarse))))
        step = ways[:, :3] + ways[:, 3:6] * now + ways[:, 6:] * lately
        fraction: Tensor = (before + step).clamp(-1, 1)
        return fraction


def begun_as(file: Path) -> LearnedStep:
    """The network with the weights in `file`.

    Raises:
        WeightsError: the file cannot be read, or holds another network.
    """
    module = LearnedStep()
    try:
        tensors = read_tensors(file, read_header(file))
        module.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in tensors.items()})
    except RuntimeError as error:
        raise WeightsError(f"{file} holds no learned step: {error}") from error
    return module


def export_learned_step(card: LearnedStepCard) -> bytes:
    """The graph of `card` without weights; always the same."""
    with torch.device("meta"):
        module = LearnedStep()
    graph, derived = forward_graph(
        module.to_empty(device="cpu").eval(),
        name=card.graph.stem,
        inputs=[graphs.value(name, [1, 3, "height", "width"]) for name in INPUTS],
        output=graphs.value("fraction", [1, 3, "height", "width"]),
        stride=STRIDE,
    )
    return graphs.to_bytes(graphs.model(graph, derived))
