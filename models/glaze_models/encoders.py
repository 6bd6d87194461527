"""The encoders: image -> latent mean of an image generator's autoencoder. A card is data; a graph is traced once an
architecture."""

from dataclasses import dataclass
from pathlib import Path

from glaze_models.errors import OptionError
from glaze_models.files import WeightsFile, bundled, graph_file


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where weights can be fetched: an https address of a `.safetensors` file; its `sha256` and `bytes` where they are
    known."""

    url: str
    sha256: str | None = None
    bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class EncoderCard:
    """What there is to know of one encoder.

    Attributes:
        name: what it is chosen by.
        family: the architecture, an entry of `glaze_export.encoders`.
        stands_for: the generators whose latent space this encoder maps to.
        quant: whether a 1x1 convolution (`quant_conv`) mixes the moments, in the family `autoencoder-kl`.
        stride: pixels a latent cell; height and width of an input are multiples of it.
        channels: of the latent.
        scale: what the generator multiplies the latent by.
        graph: stem of `graphs/GRAPH.encode.onnx` and `graphs/GRAPH.step.onnx`.
        licence, provenance: of the weights.
        stand_in: a small network that was trained to see what the generators' own encoder sees.
        side: pixels, the only height and width of an input; None where any multiple of the stride will do.
        weights: None where the artist has to add them.
        source: where the weights can be fetched; None where that needs an account, or there is no such place.
        caveat: what a person must know before relying on it, one sentence; empty where there is nothing.
        decoder: name of the card of the decoder that its latents are made visible with; None where there is none.
    """

    name: str
    family: str
    stands_for: tuple[str, ...]
    stride: int
    channels: int
    scale: float
    graph: str
    licence: str
    provenance: str
    quant: bool = False
    side: int | None = None
    stand_in: bool = False
    weights: WeightsFile | None = None
    source: Source | None = None
    caveat: str = ""
    decoder: str | None = None

    @property
    def graphs(self) -> tuple[Path, Path]:
        """Both graphs."""
        return self.encode_graph, self.step_graph

    @property
    def encode_graph(self) -> Path:
        """image [1,3,H,W] in 0..1 -> latent [1,C,H/stride,W/stride]; without weights."""
        return graph_file(f"{self.graph}.encode")

    @property
    def step_graph(self) -> Path:
        """image [1,3,H,W] in 0..1, target latent -> squared error (sum), its gradient [1,3,H,W]; without weights."""
        return graph_file(f"{self.graph}.step")


def _tiny_source(name: str, sha256: str | None = None) -> Source:
    url = f"https://huggingface.co/madebyollin/{name}/resolve/main/diffusion_pytorch_model.safetensors"
    return Source(url=url, sha256=sha256)


def _stand_in(
    name: str,
    stands_for: tuple[str, ...],
    *,
    channels: int,
    scale: float,
    graph: str,
    weights: WeightsFile,
    teacher: str,
    decoder: str | None = None,
) -> EncoderCard:
    """A bundled encoder."""
    return EncoderCard(
        name=name,
        family="surrogate",
        stand_in=True,
        stands_for=stands_for,
        stride=8,
        channels=channels,
        scale=scale,
        graph=graph,
        decoder=decoder,
        licence="MIT",
        weights=weights,
        provenance=(
            "trained for this project from random initialisation on freely licensed art, by the values of a "
            "public encoder "
            f"and its responses to changes made against it; teacher: {teacher}; no weights of the generator were used"
        ),
    )


_FLUX2 = (
    "FLUX.2's autoencoder is nearly lossless: its latent moves, but what it decodes to keeps the style of the "
    "original, "
    "so a cloak was measured not to work on it."
)

ENCODERS: dict[str, EncoderCard] = {
    card.name: card
    for card in (
        _stand_in(
            "sd1-a",
            ("Stable Diffusion 1.x", "Stable Diffusion 2.x"),
            channels=4,
            scale=0.18215,
            graph="surrogate_a",
            decoder="sd1-small",
            weights=bundled(
                "sd1_surrogate_a", "f83deb4c256455b4129ac69e87639c59885b1742830a183eeac88e78d415e258", 1607960
            ),
            teacher="VAElight (Apache-2.0), its decoder first",
        ),
        _stand_in(
            "sd1-b",
            ("Stable Diffusion 1.x", "Stable Diffusion 2.x"),
            channels=4,
            scale=0.18215,
            graph="surrogate_b",
            decoder="sd1-small",
            weights=bundled(
                "sd1_surrogate_b", "980c4c90d0f62f06142b65441c5e24973a5e9137c206a1ad761e66d6d4918f6f", 1275448
            ),
            teacher="TAESD (MIT)",
        ),
        _stand_in(
            "sdxl-a",
            ("Stable Diffusion XL",),
            channels=4,
            scale=0.13025,
            graph="surrogate_b",
            weights=bundled(
                "sdxl_surrogate_a",
                "8735932ad768186018bb43470acdc5eeac1589b901a48df3cab8a4a0adeca7e6",
                1275448,
            ),
            teacher="TAESDXL (MIT)",
        ),
        _stand_in(
            "flux1-a",
            ("FLUX.1",),
            channels=16,
            scale=0.3611,
            graph="surrogate_c",
            weights=bundled(
                "flux1_surrogate_a",
                "cbcb0041da80a7b1e5d582021c0c7082ad15552ee301e0c8e9398f1baf377e32",
                963696,
            ),
            teacher="TAEF1 (MIT)",
        ),
        EncoderCard(
            name="sd1",
            family="autoencoder-kl",
            quant=True,
            stands_for=(
                "Stable Diffusion 1.x",
                "Stable Diffusion 2.x",
            ),
            stride=8,
            channels=4,
            scale=0.18215,
            graph="kl4",
            decoder="sd1-small",
            licence="CreativeML Open RAIL-M",
            provenance="CompVis and Stability AI; diffusers AutoencoderKL, or first_stage_model of a checkpoint",
            source=Source(
                url="https://huggingface.co/stabilityai/sd-vae-ft-mse-original/resolve/main/vae-ft-mse-840000-ema-pruned.safetensors",
                sha256="735e4c3a447a3255760d7f86845f09f937809baa529c17370d83e4c3758f3c75",
            ),
        ),
        EncoderCard(
            name="sdxl",
            family="autoencoder-kl",
            quant=True,
            stands_for=("Stable Diffusion XL",),
            stride=8,
            channels=4,
            scale=0.13025,
            graph="kl4",
            licence="MIT",
            provenance="Stability AI (stabilityai/sdxl-vae); diffusers AutoencoderKL",
            source=Source(
                url="https://huggingface.co/stabilityai/sdxl-vae/resolve/main/sdxl_vae.safetensors",
                sha256="63aeecb90ff7bc1c115395962d3e803571385b61938377bc7089b36e81e92e2e",
                bytes=334641164,
            ),
        ),
        EncoderCard(
            name="sd3",
            family="autoencoder-kl",
            stands_for=(
                "Stable Diffusion 3",
                "Stable Diffusion 3.5",
            ),
            stride=8,
            channels=16,
            scale=1.5305,
            graph="kl16",
            licence="Stability AI Community License",
            provenance="Stability AI; diffusers AutoencoderKL; the generator subtracts 0.0609 before it scales",
        ),
        EncoderCard(
            name="flux1",
            family="autoencoder-kl",
            stands_for=("FLUX.1",),
            stride=8,
            channels=16,
            scale=0.3611,
            graph="kl16",
            licence="Apache-2.0 (schnell), FLUX.1 [dev] Non-Commercial License (dev)",
            provenance="Black Forest Labs; diffusers AutoencoderKL; the generator subtracts 0.1159 before it scales",
            source=Source(
                url="https://huggingface.co/Comfy-Org/Lumina_Image_2.0_Repackaged/resolve/main/split_files/vae/ae.safetensors",
                sha256="afc8e28272cd15db3919bacdb6918ce9c1ed22e96cb12c4d5ed0fba823529e38",
                bytes=335304388,
            ),
        ),
        EncoderCard(
            name="flux2",
            family="autoencoder-kl",
            quant=True,
            stands_for=("FLUX.2",),
            stride=8,
            channels=32,
            scale=1.0,
            graph="kl32",
            licence="Apache-2.0",
            provenance=(
                "Black Forest Labs; diffusers AutoencoderKLFlux2; the generator scales 2x2 patches by "
                "the statistics in bn"
            ),
            caveat=_FLUX2,
        ),
        EncoderCard(
            name="clip-l",
            family="clip-vision",
            stands_for=(
                "IP-Adapter (SD 1.x variants on ViT-L)",
                "image prompts on CLIP ViT-L/14",
            ),
            stride=224,
            channels=768,
            scale=1.0,
            graph="clip_l",
            licence="MIT",
            provenance="OpenAI (openai/clip-vit-large-patch14); transformers CLIPVisionModelWithProjection",
            source=Source(
                url="https://huggingface.co/openai/clip-vit-large-patch14/resolve/main/model.safetensors",
            ),
            side=224,
        ),
        EncoderCard(
            name="clip-h",
            family="clip-vision",
            stands_for=(
                "IP-Adapter",
                "image prompts on CLIP ViT-H/14",
            ),
            stride=224,
            channels=1024,
            scale=1.0,
            graph="clip_h",
            licence="MIT",
            provenance="LAION (laion/CLIP-ViT-H-14-laion2B-s32B-b79K); transformers CLIPVisionModelWithProjection",
            source=Source(
                url="https://huggingface.co/h94/IP-Adapter/resolve/main/models/image_encoder/model.safetensors",
                sha256="6ca9667da1ca9e0b0f75e46bb030f7e011f44f86cbfb8d5a36590fcd7507b030",
            ),
            side=224,
        ),
        EncoderCard(
            name="sana",
            family="sana",
            stands_for=("Sana",),
            stride=32,
            channels=32,
            scale=0.41407,
            graph="dc32",
            licence="NVIDIA Open Model License",
            provenance="MIT Han Lab and NVIDIA (mit-han-lab/dc-ae-f32c32-sana-1.0-diffusers); diffusers AutoencoderDC",
        ),
        *(
            EncoderCard(
                name=name,
                family="tiny",
                stand_in=True,
                stands_for=stands_for,
                stride=8,
                channels=channels,
                scale=1.0,
                graph=f"tiny{channels}",
                licence="MIT",
                provenance=f"distilled by Ollin Boer Bohan: https://github.com/madebyollin/taesd, {name}_encoder",
                source=source,
                caveat=caveat,
            )
            for name, channels, stands_for, source, caveat in (
                ("taesd", 4, ("Stable Diffusion 1.x", "Stable Diffusion 2.x"), _tiny_source("taesd"), ""),
                ("taesdxl", 4, ("Stable Diffusion XL",), _tiny_source("taesdxl"), ""),
                ("taesd3", 16, ("Stable Diffusion 3", "Stable Diffusion 3.5"), _tiny_source("taesd3"), ""),
                (
                    "taef1",
                    16,
                    ("FLUX.1",),
                    _tiny_source("taef1", "47a6c2bff850da04b267cab70fe3553fef57255eb9a8e76852baa0a87850e54d"),
                    "",
                ),
                ("taef2", 32, ("FLUX.2",), None, _FLUX2),
            )
        ),
    )
}

DEFAULT_ENCODERS = ("sd1-a", "sd1-b", "sdxl-a")


def encoder_card(name: str) -> EncoderCard:
    """The card called `name`.

    Raises:
        OptionError: no card has this name.
    """
    if name not in ENCODERS:
        raise OptionError(f"There is no encoder called {name!r}. Known: {', '.join(ENCODERS)}.")
    return ENCODERS[name]
