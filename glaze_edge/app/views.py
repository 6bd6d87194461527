"""Pictures of the queue as the page looks at them, kept for a while: it asks for the same ones again and again."""

from functools import lru_cache
from pathlib import Path

from glaze_edge.app import images
from glaze_edge.app.queue_folder import Item, QueueFolder
from glaze_edge.files import read_picture
from glaze_edge.preprocess import shown
from glaze_edge.sheet import difference
from glaze_models.styles import STYLE_NAMES, style_bank, style_named
from glaze_runtime.arrays import Image, to_pillow
from glaze_runtime.optimiser.views import resize
from glaze_runtime.stylise import LiteStylist

WHATS = "original", "glazed", "difference", "target"


def view(folder: QueueFolder, item: Item, what: str) -> bytes:
    """One of WHATS, as PNG.

    Raises:
        FileNotFoundError: there is no such view yet.
    """
    files = {
        "original": [folder.original(item)],
        "target": [folder.target(item)],
        "glazed": [folder.result(item)] if item.result else [],
        "difference": [folder.original(item), folder.result(item)] if item.result else [],
    }[what]
    if not files:
        raise FileNotFoundError(what)
    return _view(tuple((path, path.stat().st_mtime_ns) for path in files))


def restyled(path: Path, style: str) -> bytes:
    """The picture in a file in one of the bank's styles, small, as WebP.

    Raises:
        OptionError: there is no such style.
        PictureError: the picture cannot be read.
    """
    return _restyled(path, style_named(style).name)


@lru_cache(maxsize=4)
def _view(files: tuple[tuple[Path, int], ...]) -> bytes:
    """The picture in the one file, or the difference of two; the times of the files tell old from new."""
    pictures = [images.view(shown(read_picture(path))) for path, _ in files]
    return images.png(pictures[0] if len(pictures) == 1 else difference(pictures[0], pictures[1]))


@lru_cache(maxsize=8 * len(STYLE_NAMES))
def _restyled(path: Path, style: str) -> bytes:
    return images.webp(to_pillow(LiteStylist().stylise(_small(path), style_bank()[style])))


@lru_cache(maxsize=4)
def _small(path: Path) -> Image:
    image = read_picture(path).image
    scale = min(1.0, images.THUMB_SIDE / max(image.shape[:2]))
    height, width = (max(1, round(n * scale)) for n in image.shape[:2])
    return resize(image, (height, width)).clip(0, 1)
