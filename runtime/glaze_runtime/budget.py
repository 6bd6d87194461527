"""The visibility budget: how far each pixel may move in each opponent-colour channel before people notice."""

from dataclasses import dataclass

import numpy as np

from glaze_runtime.arrays import Image, Plane

# ITU-R BT.601, full range, as JPEG uses it: Y, Cb, Cr.
TO_OPPONENT = np.array(
    [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32
)
TO_RGB = np.linalg.inv(TO_OPPONENT).astype(np.float32)
