"""Another size and back: what a gallery's thumbnails and a trainer's buckets do."""

from functools import partial

from glaze_edge.audit.purifiers.base import Purifier, on_8_bits, resized


def resize(scale: float) -> Purifier:
    """Lanczos to `scale` times the size, bicubic back."""
    return Purifier(
        name=f"resize-{scale:g}",
        does=f"resized to {scale:g} times its size and back",
        purify=on_8_bits(partial(resized, scale=scale)),
    )
