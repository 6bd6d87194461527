"""What an AI sees of a picture: its latent in a generator's encoder, what the decoder makes of that, and the style of
the result."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image as PillowImage

from glaze_edge.audit.autoencoder import Autoencoder
from glaze_edge.preprocess import from_pillow, latent_of, way_covered
from glaze_models.styles import Embedding
from glaze_runtime.arrays import Image, Latent, to_pillow
from glaze_runtime.decoder import Decoder
from glaze_runtime.encoder import EncoderLike

TYPICAL_DISTANCE = 10.0
"""Between the style embeddings of two artists' works: the unit of drift where there is no target."""
STYLE_SIDE = 256
"""Pixels: pictures are squeezed to this square for their style embedding."""


@dataclass(frozen=True, kw_only=True)
class Effect:
    """How far a picture is from the original, as an encoder sees it. None is what cannot be said without a target or a
    decoder.

    Attributes:
        attainment: the way to the target that its latent covers, 0 at the original, 1 at the target.
        view: the same of the style embedding of the decoded latent: of what a generator will learn.
        drift: the distance of that embedding from the original's, over the target's, or over TYPICAL_DISTANCE.
    """

    attainment: float | None
    view: float | None
    drift: float | None

    @property
    def main(self) -> float:
        """The attainment; without a target, the drift.

        Raises:
            ValueError: there is neither a target nor a decoder.
        """
        value = self.drift if self.attainment is None else self.attainment
        if value is None:
            raise ValueError("nothing can be said without a target and without a decoder")
        return value


@dataclass(frozen=True, kw_only=True, eq=False)
class Sight:
    """A picture as an encoder sees it: the latent, the decoded picture and its style; the last two where there is a
    decoder."""

    latent: Latent
    decoded: Image | None = None
    style: Embedding | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Eye:
    """An encoder, the decoder of its latents if there is one, and what gives style embeddings of pictures [H,W,3]."""

    encoder: EncoderLike
    decoder: Decoder | None
    embed: Callable[[Image], Embedding]

    @property
    def name(self) -> str:
        """The encoder's."""
        return self.encoder.card.name

    @property
    def autoencoder(self) -> Autoencoder | None:
        """Encoder and decoder, where both are there and take pictures of any size."""
        if self.decoder is None or self.encoder.card.side is not None:
            return None
        return Autoencoder(encoder=self.encoder, decoder=self.decoder)

    def look(self, image: Image, *, decode: bool = True) -> Sight:
        """What is seen of `image` [H,W,3]; `decode` may be left out where the latent is enough."""
        latent = latent_of(self.encoder, image)
        if self.decoder is None or not decode:
            return Sight(latent=latent)
        decoded = self.decoder.decode(latent)
        square = to_pillow(decoded).resize((STYLE_SIDE, STYLE_SIDE), PillowImage.Resampling.LANCZOS)
        return Sight(latent=latent, decoded=decoded, style=self.embed(from_pillow(square)))


def effect(seen: Sight, start: Sight, goal: Sight | None) -> Effect:
    """The effect of what is `seen`, beside what is seen of the original and of the target."""
    drift = view = None
    if seen.style is not None and start.style is not None:
        moved = float(np.linalg.norm(seen.style - start.style))
        whole = TYPICAL_DISTANCE
        if goal is not None and goal.style is not None:
            whole = max(float(np.linalg.norm(goal.style - start.style)), 1e-9)
            view = round(way_covered(seen.style, start.style, goal.style), 4)
        drift = round(moved / whole, 4)
    attainment = None if goal is None else round(way_covered(seen.latent, start.latent, goal.latent), 4)
    return Effect(attainment=attainment, view=view, drift=drift)
