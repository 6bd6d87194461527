"""glaze-edge: protects artists' pictures against style mimicry, offline."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from glaze_edge.settings import Settings
from glaze_models.errors import GlazeError

if TYPE_CHECKING:
    from glaze_edge.api import Figures, Glazed, Session, glaze

__version__ = "0.1.0"

__all__ = ["Figures", "GlazeError", "Glazed", "Session", "Settings", "glaze"]


def __getattr__(name: str) -> Any:
    """numpy, Pillow and onnxruntime are loaded when the first of these is asked for, not by `import glaze_edge`."""
    if name in __all__:
        return getattr(import_module("glaze_edge.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
