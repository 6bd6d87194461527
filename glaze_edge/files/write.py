"""Writing a glazed picture: the file's own samples plus what the glaze changed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glaze_edge.files.atomic import writing
from glaze_edge.files.colour import ColourSpace, to_8_bits
from glaze_edge.files.formats import FORMATS, Format
from glaze_edge.files.mark import Mark
from glaze_edge.files.orientation import as_stored, upright
from glaze_edge.files.paths import KEEP, check_destination, format_named
from glaze_edge.files.picture import Picture, Samples
from glaze_models.errors import OptionError, OutputError

_ROWS = 256


def write_picture(
    picture: Picture,
    glazed: NDArray[np.float32],
    path: Path | str,
    *,
    mark: Mark,
    format: str = KEEP,  # noqa: A002
    overwrite: bool = False,
) -> None:
    """Writes `picture` with the change from `picture.image` to `glazed` added to its own samples.

    Mode, depth, alpha, stored orientation and metadata stay; a pixel that is not visible, and one that
    `glazed` does not change, keep their samples (in a lossless format). In another format than the picture's
    own, what that one cannot hold gives way: 16 bits become 8, CMYK becomes sRGB. It is then stored upright.

    Args:
        picture: from `read_picture`.
        glazed: [H,W,3] in 0..1, sRGB, upright. A grey picture takes the change of its luminance only.
        path: the file to write, whole or not at all; never the picture's own.
        mark: goes into the XMP packet.
        format: "keep", "png", "jpeg", "webp", "tiff" or "avif".
        overwrite: replace an earlier file.

    Raises:
        ValueError: `glazed` is not of the picture's shape.
        OptionError: `format` is unknown, or cannot hold this picture.
        OutputError: nothing can be written there, or it exists and `overwrite` is False.
    """
    if glazed.shape != picture.image.shape:
        raise ValueError(f"glazed is {glazed.shape}, the picture {picture.image.shape}")
    path = Path(path)
    check_destination(picture.path, path, overwrite=overwrite)
    target = FORMATS[picture.format if format == KEEP else format_named(format)]
    carrier = _fit(picture, target)
    samples = _glazed_samples(carrier, glazed)
    metadata = replace(carrier.metadata, xmp=mark.add_to(carrier.metadata.xmp))
    try:
        with writing(path) as file:
            target.encode(file, carrier.mode, samples, metadata, carrier.settings)
    except (ValueError, TypeError, RuntimeError, MemoryError) as error:
        raise OutputError(
            f"{path} was not written: {target.name} cannot hold it ({error}). Choose another format."
        ) from error


def _fit(picture: Picture, target: Format) -> Picture:
    """The picture as the target format can hold it."""
    if max(picture.image.shape[:2]) > target.max_side:
        raise OptionError(
            f"{picture.path} has a side over {target.max_side} pixels, too long for {target.name}. "
            "Choose another format."
        )
    if target.name != picture.format:
        orientation = picture.metadata.orientation
        picture = replace(
            picture,
            samples=np.ascontiguousarray(upright(picture.samples, orientation)),
            metadata=picture.metadata.upright(),
            settings={},
        )
    if picture.mode.endswith("A") and picture.mode not in target.modes:
        picture = _without_alpha(picture, target)
    if picture.mode not in target.modes:
        picture = _in_srgb(picture)
    if not target.deep:
        picture = replace(picture, samples=to_8_bits(picture.samples))
    return replace(picture, settings=picture.settings or target.defaults)


def _without_alpha(picture: Picture, target: Format) -> Picture:
    """For a format without this alpha: nothing is lost if all is opaque, or if RGBA can hold it."""
    if (picture.samples[..., -1] == np.iinfo(picture.samples.dtype).max).all():
        return replace(picture, mode=picture.mode[:-1], samples=picture.samples[..., :-1])
    if "RGBA" not in target.modes:
        raise OptionError(
            f"{picture.path} has transparent parts, which {target.name} cannot hold. "
            "Choose png, webp, tiff or avif."
        )
    return picture


def _in_srgb(picture: Picture) -> Picture:
    """8-bit sRGB in the stored orientation, for a format that cannot hold the picture's own channels."""
    image = as_stored(picture.image, picture.metadata.orientation)
    samples = np.rint(image * 255).astype(np.uint8)
    if picture.mode.endswith("A"):
        samples = np.concatenate([samples, to_8_bits(picture.samples[..., -1:])], -1)
    mode = "RGBA" if picture.mode.endswith("A") else "RGB"
    return replace(picture, mode=mode, samples=samples, metadata=replace(picture.metadata, icc=b"", png=()))


def _glazed_samples(picture: Picture, glazed: NDArray[np.float32]) -> Samples:
    """[h,w,C]: samples + change, a few rows at a time to spare memory."""
    orientation = picture.metadata.orientation
    image, glazed = as_stored(picture.image, orientation), as_stored(glazed, orientation)
    visible = None if picture.visible is None else as_stored(picture.visible, orientation)
    space = ColourSpace(picture.mode.removesuffix("A"), picture.metadata.icc)
    samples = picture.samples.copy()
    colours = samples[..., :-1] if picture.mode.endswith("A") else samples
    top = np.iinfo(samples.dtype).max
    for start in range(0, len(samples), _ROWS):
        rows = slice(start, start + _ROWS)
        change = space.change(colours[rows], image[rows], glazed[rows])
        if visible is not None:
            change[~visible[rows]] = 0
        colours[rows] = np.clip(np.rint(colours[rows] + change * np.float32(top)), 0, top)
    return samples
