"""Reading a picture, and saying plainly why a file is none."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, ImageFile, TiffImagePlugin

from glaze_edge.files.colour import ColourSpace
from glaze_edge.files.formats import FORMATS, HEAD, WRITTEN_AS, format_of
from glaze_edge.files.mark import Mark
from glaze_edge.files.metadata import read_metadata
from glaze_edge.files.orientation import as_stored, upright
from glaze_edge.files.paths import found
from glaze_edge.files.picture import Picture, Samples
from glaze_edge.files.samples import UnknownSamplesError, read_samples
from glaze_models.errors import PictureError, UnreadablePicture, UnsupportedPicture

MIN_SIDE = 64
"""Pixels. Less leaves an encoder a latent of a few cells, and nothing to protect."""

MAX_PIXELS = 89_000_000
"""Just below where Pillow begins to warn of decompression bombs; an A1 sheet at 300 dpi has 70 million."""

_OTHER_KINDS = {
    ".heic": "HEIC",
    ".heif": "HEIF",
    ".jxl": "JPEG XL",
    ".svg": "SVG",
    ".pdf": "PDF",
    ".psd": "Photoshop",
    ".kra": "Krita",
    ".clip": "Clip Studio",
    ".xcf": "GIMP",
}


def read_picture(path: Path | str) -> Picture:
    """Reads a still PNG, JPEG, WebP, TIFF, AVIF or GIF, whatever its name ends in.

    Samples stay at the file's own depth; a palette becomes RGB or RGBA, one bit becomes 8 (a glazed picture
    has more colours than fit). Colour profiles and CMYK are followed to sRGB. A GIF is written back as a PNG.

    Args:
        path: the file.

    Raises:
        UnreadablePicture: missing, damaged, no picture, or more than `MAX_PIXELS`.
        UnsupportedPicture: another format, animated, under `MIN_SIDE` pixels, or of an unusual kind of
            samples.
    """
    path = Path(path)
    with _opened(path) as (image, file):
        _refuse(path, image)
        _decoder(path, file).verify()
        written_as = WRITTEN_AS[str(image.format)]
        settings = FORMATS[written_as].settings(image) if image.format != "GIF" else {}
        metadata = read_metadata(image) if isinstance(image, TiffImagePlugin.TiffImageFile) else None
        try:
            mode, samples = read_samples(image, partial(_decoder, path, file))
        except UnknownSamplesError as error:
            raise UnsupportedPicture(
                f"{path} holds samples of a kind that cannot be glazed ({error}). "
                "Save it as RGB with 8 or 16 bits a channel."
            ) from None
        if metadata is None:
            metadata = read_metadata(image)
        else:
            samples = np.ascontiguousarray(as_stored(samples, metadata.orientation))

    colours: Samples = samples[..., :-1] if mode.endswith("A") else samples
    shown = ColourSpace(mode.removesuffix("A"), metadata.icc).to_srgb(colours)
    visible = upright(samples[..., -1] != 0, metadata.orientation) if mode.endswith("A") else None
    return Picture(
        path=path,
        format=written_as,
        image=np.ascontiguousarray(upright(shown, metadata.orientation)),
        visible=None if visible is None or visible.all() else visible,
        mode=mode,
        samples=samples,
        metadata=metadata,
        settings=settings,
    )


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What a file says of its picture: height and width in pixels, as stored, and our mark if it is glazed."""

    size: tuple[int, int]
    mark: Mark | None


def probe(path: Path | str) -> Probe:
    """The size of a picture and our mark in it, without decoding the picture.

    Raises:
        UnreadablePicture: missing, damaged, or no picture.
        UnsupportedPicture: another format.
    """
    with _opened(Path(path)) as (image, _):
        return Probe(size=(image.height, image.width), mark=read_metadata(image).mark)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[ImageFile.ImageFile, IO[bytes]]]:
    """The picture, not yet decoded. Decoders raise all kinds of errors on damaged files: they become ours."""
    try:
        with path.open("rb") as file:
            yield _decoder(path, file), file
    except PictureError:
        raise
    except OSError as error:
        raise UnreadablePicture(f"{path} {_trouble(path, error)}") from error
    except MemoryError as error:
        raise UnreadablePicture(
            f"{path} does not fit into memory. Close other programs, or scale it down."
        ) from error
    except Exception as error:
        raise UnreadablePicture(f"{path} is damaged: {error}. Export it again from its source.") from error


def _trouble(path: Path, error: OSError) -> str:
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR:
            return "does not exist. Check its name."
        case errno.EISDIR:
            return "is a folder. Name a picture in it."
        case errno.EACCES | errno.EPERM if found(path) == "folder":
            return "is a folder. Name a picture in it."
        case errno.EACCES | errno.EPERM:
            return "may not be read. Allow reading it."
        case None:
            return f"is damaged: {error}. Export it again from its source."
        case _:
            return f"cannot be read: {error.strerror}. Check the disk."


def _decoder(path: Path, file: IO[bytes]) -> ImageFile.ImageFile:
    """Pillow's own decoder. `Image.open` would also warn of large pictures, which `_refuse` judges.

    It is given no name, or it would map the file into memory, and so get rotated TIFFs wrong (Pillow 13.0).
    """
    file.seek(0)
    head = file.read(HEAD)
    name = format_of(head)
    if name is None:
        raise _no_picture_of_ours(path, head)
    file.seek(0)
    return Image.OPEN[name][0](file, "")


def _no_picture_of_ours(path: Path, head: bytes) -> PictureError:
    if not head:
        return UnreadablePicture(f"{path} is empty. Export it again from its source.")
    kind = _OTHER_KINDS.get(path.suffix.lower()) or _known_to_pillow(head)
    if kind is None:
        return UnreadablePicture(f"{path} is no picture. Check what it holds.")
    return UnsupportedPicture(f"{path} is a {kind} file. Save it as PNG, JPEG, WebP, TIFF or AVIF.")


def _known_to_pillow(head: bytes) -> str | None:
    names = (name for name, (_, accept) in Image.OPEN.items() if accept and accept(head) is True)
    return next(names, None)


def _refuse(path: Path, image: ImageFile.ImageFile) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise UnreadablePicture(
            f"{path} has {width} x {height} pixels, more than {MAX_PIXELS // 10**6} million. Scale it down."
        )
    if min(width, height) < MIN_SIDE:
        raise UnsupportedPicture(
            f"{path} has {width} x {height} pixels; a side under {MIN_SIDE} is too small to protect. "
            "Use a larger version."
        )
    frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    if frames > 1:
        raise UnsupportedPicture(f"{path} holds {frames} frames or pages. Extract the one to be glazed.")
