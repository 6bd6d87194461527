"""The arrays the runtime speaks of, float32 throughout."""

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
"""[H,W,3], sRGB in 0..1, or a change or gradient of one."""

Plane = NDArray[np.float32]
"""[H,W]: one number a pixel."""

Latent = NDArray[np.float32]
"""[1,C,h,w], the latent mean before the generator's scale."""
