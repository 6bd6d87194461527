"""glaze-edge: protects artists' pictures against style mimicry, offline."""

__version__ = "0.1.0"
