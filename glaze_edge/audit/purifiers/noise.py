"""Gaussian noise, the first step of most purifications (Hoenig et al. 2025 use 0.05 and 0.1)."""

from functools import partial

from glaze_edge.audit.purifiers.base import Purifier, noisy


def noise(sigma: float) -> Purifier:
    """Of standard deviation `sigma`, as a share of full range."""
    return Purifier(
        name=f"noise-{sigma:g}", does=f"Gaussian noise, {sigma:g}", purify=partial(noisy, sigma=sigma)
    )
