"""glaze-edge: protects artists' pictures against style mimicry, offline."""

__version__ = "0.1.0"

from glaze_edge.api import Figures, Glazed, Session, glaze
from glaze_edge.settings import Settings
from glaze_models.errors import GlazeError

__all__ = ["Figures", "GlazeError", "Glazed", "Session", "Settings", "glaze"]
