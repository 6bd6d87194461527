"""Torch modules for tests."""

from collections.abc import Callable
from typing import Any


def seeded(build: Callable[[], Any]) -> Any:
    """A module whose norms are not those of initialisation."""
    import torch

    torch.manual_seed(0)
    module = build()
    for parameter in module.parameters():
        if parameter.ndim == 1:
            parameter.data += 0.1 * torch.randn(parameter.shape)
    return module.eval().requires_grad_(False)
