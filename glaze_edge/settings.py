"""What a run can be told, and what the words mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glaze_models import DEFAULT_GENERATORS
from glaze_models.errors import OptionError

INTENSITIES: dict[str, float] = {"low": 0.6, "medium": 0.97, "high": 1.55, "max": 2.4}
"""Name -> scale of the visibility budget."""


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How long to look: so many `steps` of the optimiser, at `longest_sides` (pixels) in turn."""

    steps: int
    longest_sides: tuple[int, ...]


EFFORTS: dict[str, Effort] = {
    "quick": Effort(steps=4, longest_sides=(512,)),
    "standard": Effort(steps=8, longest_sides=(1024, 512)),
    "thorough": Effort(steps=20, longest_sides=(1024, 512)),
}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of a run.

    Attributes:
        intensity: "low", "medium", "high" or "max".
        effort: "quick", "standard" or "thorough".
        style: "auto", the name of a built-in style, or the path of a picture; with a style engine "auto" or a prompt.
        style_engine: the name or folder of a style engine, or None for the built-in networks.
        generators: names of generators to protect against, each with the best encoders there are for it.
        encoders: names of encoders to use instead; empty for those of the generators. The change works against all at
            once.
        device: "auto" or the name of a device.
        lpips: the most that the picture may differ by in LPIPS; None for no such limit. It needs `lpips_backbone`.
        lpips_backbone: a `.safetensors` file of AlexNet, VGG16 or SqueezeNet 1.1, with torchvision's names.
        seed: of the style that `auto` draws and of the optimiser.

    Raises:
        OptionError: an intensity or effort that does not exist, neither a generator nor an encoder, a limit of LPIPS
            that cannot be used, or a prompt that is no line of text.
    """

    intensity: str = "medium"
    effort: str = "standard"
    style: str = "auto"
    style_engine: str | None = None
    generators: tuple[str, ...] = DEFAULT_GENERATORS
    encoders: tuple[str, ...] = ()
    device: str = "auto"
    lpips: float | None = None
    lpips_backbone: Path | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        _known("intensity", self.intensity, INTENSITIES)
        _known("effort", self.effort, EFFORTS)
        if not self.generators and not self.encoders:
            raise OptionError("There is nothing to protect against. Name at least one generator.")
        if (self.lpips is None) != (self.lpips_backbone is None):
            raise OptionError("The limit of LPIPS and its backbone go together: give both, or neither.")
        if self.lpips is not None and self.lpips <= 0:
            raise OptionError(f"A limit of LPIPS of {self.lpips:g} is not above 0. Glaze's own is 0.05.")
        if self.style_engine is not None and not (self.style.strip() and self.style.isprintable()):
            raise OptionError(
                f"The style {self.style!r} is no prompt. Give a line of text, such as 'cubism by Picasso', or auto."
            )


def _known(option: str, value: str, table: Mapping[str, Any]) -> None:
    if value not in table:
        raise OptionError(f"There is no {option} called {value!r}. Choose one of {', '.join(table)}.")
