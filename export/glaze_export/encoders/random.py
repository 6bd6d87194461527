"""Random weights, where an architecture is traced without its own."""

import math

import torch
from torch import nn


def randomised[Module: nn.Module](module: Module, seed: int = 0) -> Module:
    """`module` in eval mode with parameters that keep the size of what passes through, no two of them alike.

    The tracer makes one of equal tensors, as the scales of norms are when they are new.
    """
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in module.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if parameter.ndim > 1:
            parameter.data = noise / math.sqrt(parameter[0].numel())
        else:
            parameter.data = 0.1 * noise + name.endswith("weight")
    return module.eval().requires_grad_(False)
