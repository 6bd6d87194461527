"""The layouts of weights files, one a file. A new one is one file here and one entry in `LAYOUTS`, or
`DECODER_LAYOUTS`."""

from glaze_runtime.weights.layouts.base import Layout
from glaze_runtime.weights.layouts.diffusers import DC, KL, KL_DECODER, TINY, TINY_DECODER
from glaze_runtime.weights.layouts.ldm import LDM, LDM_DECODER
from glaze_runtime.weights.layouts.taesd import TAESD, TAESD_DECODER
from glaze_runtime.weights.layouts.transformers import CLIP

LAYOUTS: tuple[Layout, ...] = (KL, LDM, TAESD, TINY, DC, CLIP)
"""Of encoders."""

DECODER_LAYOUTS: tuple[Layout, ...] = (KL_DECODER, LDM_DECODER, TAESD_DECODER, TINY_DECODER)

__all__ = ["DECODER_LAYOUTS", "LAYOUTS", "Layout"]
