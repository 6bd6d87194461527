"""The layouts of weights files, one a file. A new one is one file here and one entry in `LAYOUTS`."""

from glaze_runtime.layouts.base import Layout
from glaze_runtime.layouts.diffusers import DC, KL, TINY
from glaze_runtime.layouts.ldm import LDM
from glaze_runtime.layouts.taesd import TAESD
from glaze_runtime.layouts.transformers import CLIP

LAYOUTS: tuple[Layout, ...] = (KL, LDM, TAESD, TINY, DC, CLIP)

__all__ = ["LAYOUTS", "Layout"]
