"""Prompts of historic styles for style engines, as Glaze draws its targets from historic artists (Shan et al. 2023,
section 5.2)."""

import numpy as np

HISTORIC_STYLES = (
    "cubism by Picasso",
    "impressionism by Van Gogh",
    "impressionism by Monet",
    "fauvism by Matisse",
    "expressionism by Munch",
    "art nouveau by Klimt",
    "art nouveau by Mucha",
    "abstract art by Kandinsky",
    "suprematism by Malevich",
    "pointillism by Seurat",
    "ukiyo-e by Hokusai",
    "ink wash painting by Sesshu",
    "romanticism by Turner",
    "romanticism by Goya",
    "baroque by Rembrandt",
    "baroque by Caravaggio",
    "rococo by Fragonard",
    "northern renaissance by Bosch",
    "high renaissance by Leonardo da Vinci",
    "engraving by Dürer",
    "early renaissance fresco by Giotto",
    "byzantine mosaic",
    "symbolism by Redon",
    "naive art by Rousseau",
)
"""Far from one another and, nearly all, from what is painted today."""


def draw_prompt(seed: int) -> str:
    """One of HISTORIC_STYLES; the same seed draws the same."""
    return HISTORIC_STYLES[int(np.random.default_rng(seed).integers(len(HISTORIC_STYLES)))]
