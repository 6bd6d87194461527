"""Sessions of one graph, one for each size of image."""

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from glaze_runtime.devices.base import Device
from glaze_runtime.devices.session import open_session
from glaze_runtime.weights.binding import Bound

if TYPE_CHECKING:
    import onnxruntime

SESSIONS_KEPT = 4
"""For each graph: a session holds buffers for its size, and a picture needs few sizes of tile."""


def sized_sessions(
    graph: Bound, stride: int, device: Device
) -> Callable[[int, int], "onnxruntime.InferenceSession"]:
    """Gives the session of `graph` for a height and width; the last few are kept."""

    @lru_cache(maxsize=SESSIONS_KEPT)
    def session(height: int, width: int) -> "onnxruntime.InferenceSession":
        dims = {
            "height": height,
            "width": width,
            "latent_height": height // stride,
            "latent_width": width // stride,
        }
        return open_session(graph.model, device, dims=dims, initializers=graph.tensors)

    return session
