"""An encoder with the decoder of its latent space, as an attacker has them."""

from dataclasses import dataclass
from typing import Protocol

from glaze_runtime.arrays import Image, Latent
from glaze_runtime.encoder import EncoderLike


class Decodes(Protocol):
    """A decoder, as far as the audit knows it (`glaze_runtime.decoder.Decoder`)."""

    def decode(self, latent: Latent) -> Image: ...
    def value_and_grad(self, latent: Latent, image: Image) -> tuple[float, Latent]: ...


@dataclass(frozen=True, kw_only=True)
class Autoencoder:
    """D(E(y)) of pictures [H,W,3] in 0..1, whose sides are multiples of the encoder's stride."""

    encoder: EncoderLike
    decoder: Decodes

    @property
    def name(self) -> str:
        """The encoder's."""
        return self.encoder.card.name

    def encode(self, image: Image) -> Latent:
        """[H,W,3] -> [1,C,h,w]"""
        return self.encoder.encode(image)

    def decode(self, latent: Latent) -> Image:
        """[1,C,h,w] -> [H,W,3] in 0..1"""
        return self.decoder.decode(latent)

    def inconsistency_gradient(self, image: Image) -> Image:
        """The gradient [H,W,3] of mean (D(E(y)) − y)² at y = `image`, as if nothing were clipped to 0..1."""
        latent = self.encode(image)
        _, back = self.decoder.value_and_grad(latent, image)
        # The encoder's gradient of |E(y) − t|² is 2 J'(E(y) − t): with t = E(y) − back/2 it carries `back` through.
        _, through = self.encoder.value_and_grad(image, latent - back / 2)
        gradient: Image = (through + 2 * (image - self.decode(latent))) / image.size
        return gradient
