"""The decoders: latent mean -> image, the other half of an image generator's autoencoder: what a generator learns from
a picture.

As with encoders a card is data, and a graph is traced once an architecture.
"""

from dataclasses import dataclass
from pathlib import Path

from glaze_models.encoders import ENCODERS
from glaze_models.files import WeightsFile, bundled, graph_file


@dataclass(frozen=True, kw_only=True)
class DecoderCard:
    """What there is to know of one decoder.

    Attributes:
        name: of the decoder; `EncoderCard.decoder` of the encoders whose latents it takes.
        family: the architecture, an entry of `glaze_export.decoders`.
        quant: whether a 1x1 convolution (`post_quant_conv`) mixes the latent first, in the family `autoencoder-kl`.
        stride: pixels a latent cell.
        channels: of the latent.
        graph: stem of `graphs/GRAPH.decode.onnx` and `graphs/GRAPH.decode_step.onnx`.
        licence, provenance: of the weights.
        weights: None where the artist has to add them.
        caveat: what a person must know before relying on it, one sentence; empty where there is nothing.
    """

    name: str
    family: str
    stride: int
    channels: int
    graph: str
    licence: str
    provenance: str
    quant: bool = False
    weights: WeightsFile | None = None
    caveat: str = ""

    @property
    def graphs(self) -> tuple[Path, Path]:
        """Both graphs."""
        return self.decode_graph, self.step_graph

    @property
    def decode_graph(self) -> Path:
        """latent [1,C,h,w] -> image [1,3,stride·h,stride·w], about 0..1, not clipped; without weights."""
        return graph_file(f"{self.graph}.decode")

    @property
    def step_graph(self) -> Path:
        """latent [1,C,h,w], target image [1,3,H,W] -> squared error (sum), its gradient [1,C,h,w]; without weights."""
        return graph_file(f"{self.graph}.decode_step")


WITH_DECODER = ("autoencoder-kl", "tiny")
"""Families of encoders whose autoencoder's other half has graphs too."""

DECODERS: dict[str, DecoderCard] = {
    card.name: card
    for card in (
        DecoderCard(
            name="sd1-small",
            family="small",
            stride=8,
            channels=4,
            graph="small4",
            licence="MIT",
            provenance=(
                "trained for this project from random initialisation on freely licensed art, to give back the "
                "picture from the "
                "latents of VAElight's public encoder (Apache-2.0) and of sd1-a and sd1-b; no Stable "
                "Diffusion weights were used"
            ),
            weights=bundled(
                "sd1_small_decoder",
                "4112577e8726acb0032117637f1824650227ccc3f99e50590717ee799063816c",
                1296678,
            ),
            caveat=(
                "It is far smaller than the generator's own decoder: it shows colours and shapes, and "
                "loses fine detail."
            ),
        ),
        *(
            DecoderCard(
                name=encoder.name,
                family=encoder.family,
                quant=encoder.quant,
                stride=encoder.stride,
                channels=encoder.channels,
                graph=encoder.graph,
                licence=encoder.licence,
                provenance=encoder.provenance.replace("_encoder", "_decoder"),
            )
            for encoder in ENCODERS.values()
            if encoder.family in WITH_DECODER
        ),
    )
}
"""The bundled one, and by the name of its encoder the other half of each autoencoder that the artist can add."""
