"""A picture that has been read: what the optimiser sees, and all that is needed to write it back."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glaze_edge.files.mark import Mark
from glaze_edge.files.metadata import Metadata

Samples = NDArray[np.uint8] | NDArray[np.uint16]


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """A still picture.

    Attributes:
        path: the file it was read from.
        format: a name in `glaze_edge.files.formats.FORMATS`: the one it is written back in.
        image: [H,W,3] float32 in 0..1, sRGB, upright: as shown on a colour-managed screen.
        visible: [H,W] bool, upright, False where the picture is fully transparent; None if it is so nowhere.
        mode: "L", "LA", "RGB", "RGBA" or "CMYK".
        samples: [h,w,C] uint8 or uint16, as stored, that is before `metadata.orientation`.
        metadata: colour profile, EXIF, XMP, resolution and the like.
        settings: encoder settings that match the file's own, by their names in Pillow.
    """

    path: Path
    format: str
    image: NDArray[np.float32]
    visible: NDArray[np.bool_] | None
    mode: str
    samples: Samples
    metadata: Metadata
    settings: dict[str, Any]

    @property
    def grey(self) -> bool:
        """The file holds one luminance channel: only a neutral change can be kept."""
        return self.mode in ("L", "LA")

    @property
    def glazed(self) -> Mark | None:
        """Our mark, if the picture carries it."""
        return self.metadata.mark
