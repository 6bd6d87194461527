"""glaze-edge: protects artists' pictures against style mimicry, offline."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from glaze_edge.settings import Settings
from glaze_models.errors import GlazeError

if TYPE_CHECKING:
    from glaze_edge.api import Figures, Glazed, Session, glaze
    from glaze_edge.audit import Audit
    from glaze_edge.figures import Attainment, Visibility
    from glaze_edge.files import Picture, read_picture
    from glaze_edge.target_style import TargetStyle

__version__ = "0.1.0"

__all__ = [
    "Attainment",
    "Audit",
    "Figures",
    "GlazeError",
    "Glazed",
    "Picture",
    "Session",
    "Settings",
    "TargetStyle",
    "Visibility",
    "glaze",
    "read_picture",
]


_MODULES = {
    **dict.fromkeys(("Figures", "Glazed", "Session", "glaze"), "glaze_edge.api"),
    **dict.fromkeys(("Attainment", "Visibility"), "glaze_edge.figures"),
    **dict.fromkeys(("Picture", "read_picture"), "glaze_edge.files"),
    "Audit": "glaze_edge.audit",
    "TargetStyle": "glaze_edge.target_style",
}


def __getattr__(name: str) -> Any:
    """numpy, Pillow and onnxruntime are loaded when the first of these is asked for, not by `import glaze_edge`."""
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
