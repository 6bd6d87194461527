"""The perceptual networks: how different two pictures look. The learned heads are bundled, the backbones are the
artist's to add."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from glaze_models.files import WeightsFile

DATA = Path(str(files("glaze_models")))


@dataclass(frozen=True, kw_only=True)
class PerceptualCard:
    """What there is to know of one perceptual network.

    Attributes:
        name: what it is called.
        backbone: the image classifier whose features it compares, an entry of `glaze_export.lpips`.
        widths: channels of the features that are compared.
        heads: the learned weights of those channels.
        source: where the backbone's weights come from.
        licence, provenance: of the heads.
    """

    name: str
    backbone: str
    widths: tuple[int, ...]
    heads: WeightsFile
    source: str
    licence: str = "BSD-2-Clause"
    provenance: str = "Zhang et al. 2018, version 0.1 of https://github.com/richzhang/PerceptualSimilarity"

    @property
    def graph(self) -> Path:
        """image, reference [1,3,H,W] in 0..1 -> distance [], its gradient for the image [1,3,H,W]; without weights."""
        return DATA / "graphs" / f"lpips_{self.backbone}.onnx"


def _card(backbone: str, widths: tuple[int, ...], source: str, sha256: str, size: int) -> PerceptualCard:
    path = DATA / "weights" / f"lpips_{backbone}_heads.safetensors"
    return PerceptualCard(
        name=f"lpips-{backbone}",
        backbone=backbone,
        widths=widths,
        heads=WeightsFile(path=path, sha256=sha256, bytes=size),
        source=f"torchvision, {source}",
    )


PERCEPTUALS: dict[str, PerceptualCard] = {
    card.name: card
    for card in (
        _card(
            "alex",
            (64, 192, 384, 256, 256),
            "alexnet-owt-7be5be79.pth",
            "dc37896624a9dd41f7391f2569125b5ab8e970f8fb668d662ceb58a5c3b2b496",
            4992,
        ),
        _card(
            "vgg",
            (64, 128, 256, 512, 512),
            "vgg16-397923af.pth",
            "15065d55f9c18e38d4a8277db35c754e84f59d53b5037d2473d47743bb57c0a9",
            6272,
        ),
        _card(
            "squeeze",
            (64, 128, 256, 384, 384, 512, 512),
            "squeezenet1_1-b8a52dc0.pth",
            "16ab19625710443b7affbf2c4f190c620fe80d371b024ea85a0269f7b9d36dd1",
            9496,
        ),
    )
}
