"""`glaze-edge-export styles`: the embeddings of the built-in styles."""

from pathlib import Path

import click
import numpy as np

from glaze_models.styles import STYLE_NAMES, Embedding, Style
from glaze_runtime.arrays import Image
from glaze_runtime.optimiser.views import resize
from glaze_runtime.stylise import LiteStylist

PICTURES = 6
SIDE = 384


def dead_leaves(seed: int) -> Image:
    """A picture [SIDE,SIDE,3] of discs that hide one another, radii by r⁻³: it has the statistics of natural images
    (Lee, Mumford & Huang 2001) and needs no file.
    """
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    image = np.full((SIDE, SIDE, 3), 0.5, np.float32)
    for _ in range(700):
        radius = 6 / np.sqrt(rng.uniform(6**2 / 120**2, 1))
        y, x = rng.uniform(-40, SIDE + 40, 2)
        image[(rows - y) ** 2 + (columns - x) ** 2 < radius**2] = rng.uniform(0, 1, 3)
    return resize(resize(image, (SIDE // 2, SIDE // 2)), (SIDE, SIDE)).clip(0, 1)


def style_embedding(index: int) -> Embedding:
    """[100]: the mean embedding of dead-leaves pictures in the built-in style `index`."""
    stylist = LiteStylist()
    style = Style(name=STYLE_NAMES[index], index=index, embedding=np.zeros(100, np.float32))
    pictures = (stylist.repaint(dead_leaves(seed), style) for seed in range(PICTURES))
    embedding: Embedding = np.mean([stylist.embed(picture) for picture in pictures], axis=0)
    return embedding


@click.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("models/glaze_models/styles.npy"),
    show_default=True,
)
def styles(output: Path) -> None:
    """Compute the style bank's embeddings from the 26 networks and write them to OUTPUT."""
    bank = np.stack([style_embedding(index) for index in range(len(STYLE_NAMES))])
    np.save(output, bank, allow_pickle=False)
    click.echo(f"{output}: {len(STYLE_NAMES)} styles")
