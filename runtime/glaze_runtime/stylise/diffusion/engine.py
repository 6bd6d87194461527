"""Style engines: folders that hold a Stable Diffusion pipeline as ONNX, in the layout that optimum writes.

engine.json              optional: the recipe, how a picture is made with it
scheduler/               scheduler_config.json
tokenizer/               tokenizer_config.json, and tokenizer.json or vocab.json with merges.txt
text_encoder/ unet/ vae_encoder/ vae_decoder/    model.onnx (with model.onnx_data where it is large), config.json
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Self

from glaze_models.errors import ModelError, OptionError
from glaze_runtime.stylise.diffusion.schedules import SCHEDULES, Schedule, Training
from glaze_runtime.weights.catalogue import data_folder

RECIPE_FILE = "engine.json"
NETWORKS = ("text_encoder", "unet", "vae_encoder", "vae_decoder")
SCHEDULER_CONFIG = "scheduler/scheduler_config.json"
CONFIGS = (
    SCHEDULER_CONFIG,
    "tokenizer/tokenizer_config.json",
    "unet/config.json",
    "vae_decoder/config.json",
)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a picture is made.

    Attributes:
        schedule: "ddim", "euler", "turbo" or "lcm".
        steps: of the whole schedule; all of them run with "lcm", `strength` of them with the others.
        guidance: of the prompt; at 1 or less there is none, and a step is one call of the network instead of two.
        strength: how much of the picture is given up to noise, over 0 to 1; 0.5 in Glaze (Shan et al. 2023).
        longest_side: pixels; pictures are worked on at this size at most.

    Raises:
        OptionError: a value out of range.
    """

    schedule: str
    steps: int
    guidance: float
    strength: float = 0.5
    longest_side: int = 512

    def __post_init__(self) -> None:
        if self.schedule not in SCHEDULES:
            raise OptionError(
                f"There is no schedule called {self.schedule!r}. Choose one of {', '.join(SCHEDULES)}."
            )
        for name, value, fits, wanted in (
            ("steps", self.steps, isinstance(self.steps, int) and self.steps >= 1, "a whole number from 1"),
            ("guidance", self.guidance, 0 <= self.guidance <= 100, "from 0 to 100"),
            ("strength", self.strength, 0 < self.strength <= 1, "over 0, and 1 at most"),
            ("longest_side", self.longest_side, 64 <= self.longest_side <= 4096, "from 64 to 4096 pixels"),
        ):
            if not fits:
                raise OptionError(f"{name} {value!r} does not fit. It must be {wanted}.")


COMMON: dict[str, Recipe] = {
    "ddim": Recipe(schedule="ddim", steps=30, guidance=7.5),
    "euler": Recipe(schedule="euler", steps=30, guidance=7.5),
    "turbo": Recipe(schedule="turbo", steps=4, guidance=1.0),
    "lcm": Recipe(schedule="lcm", steps=4, guidance=1.0),
}
"""What suits each schedule."""

LCM_GUIDANCE = 8.0
"""For networks that take guidance as an input, as their authors use them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Engine:
    """A style engine that was found complete.

    Attributes:
        folder: where it is.
        recipe: how a picture is made with it.
        training: what its network was trained with.
        scale: a latent is multiplied by this for the network.
        multiple: pixels; height and width must be multiples of this.
        guidance_size: length of the guidance embedding that the network takes; 0 if it takes none.
    """

    folder: Path
    recipe: Recipe
    training: Training
    scale: float
    multiple: int
    guidance_size: int

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The engine in `folder`. The networks are not opened yet.

        Raises:
            ModelError: parts are missing (all are named), or a file is damaged.
        """
        if missing := _missing(folder):
            raise ModelError(
                f"The style engine {folder} lacks {', '.join(missing)}. "
                "Make one with: glaze-edge-export style-pipeline MODEL -o FOLDER"
            )
        scheduler, unet, vae = (
            read_config(folder / name)
            for name in (SCHEDULER_CONFIG, "unet/config.json", "vae_decoder/config.json")
        )
        try:
            stride = _stride(vae)
            engine = cls(
                folder=folder,
                recipe=_written_recipe(folder / RECIPE_FILE, default_recipe(scheduler, unet, vae)),
                training=Training.from_config(scheduler),
                scale=float(vae["scaling_factor"]),
                multiple=stride * 2 ** (len(unet["block_out_channels"]) - 1),
                guidance_size=unet.get("time_cond_proj_dim") or 0,
            )
            engine.schedule()
        except ModelError as error:
            raise ModelError(f"The style engine {folder} cannot be used. {error}") from error
        except OptionError as error:
            raise ModelError(f"{folder / RECIPE_FILE}: {error}") from error
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"The style engine {folder} has a configuration that cannot be read: {error!r}. Export it again."
            ) from error
        return engine

    def schedule(self) -> Schedule:
        """The noise levels that the recipe visits."""
        recipe = self.recipe
        return SCHEDULES[recipe.schedule](self.training, recipe.steps, recipe.strength)

    def fit(self, shape: tuple[int, int]) -> tuple[int, int]:
        """The height and width at which a picture of `shape` is worked on.

        Its own at most, with `longest_side` at most, rounded to multiples that the networks take.
        """
        scale = min(1.0, self.recipe.longest_side / max(shape))
        most = max(1, self.recipe.longest_side // self.multiple)
        height, width = (
            self.multiple * min(most, max(1, round(side * scale / self.multiple))) for side in shape
        )
        return height, width


def default_recipe(
    scheduler: Mapping[str, Any], unet: Mapping[str, Any], vae: Mapping[str, Any], schedule: str | None = None
) -> Recipe:
    """The recipe for a model with these configurations, by `schedule` or by the one that its scheduler is nearest to.

    A scheduler that is none of ours (PNDM, DPM-Solver and their kin) gives way to DDIM: it solves the same equation.
    """
    if schedule is None:
        kinds = {"EulerDiscreteScheduler": "euler", "LCMScheduler": "lcm"}
        schedule = kinds.get(scheduler.get("_class_name", ""), "ddim")
        if schedule == "euler" and scheduler.get("timestep_spacing") == "trailing":
            schedule = "turbo"
    common = COMMON[schedule]
    return replace(
        common,
        guidance=LCM_GUIDANCE if unet.get("time_cond_proj_dim") else common.guidance,
        longest_side=unet["sample_size"] * _stride(vae),
    )


def write_recipe(folder: Path, recipe: Recipe, source: str) -> None:
    """Write engine.json into `folder`; `source` says where the model is from."""
    text = json.dumps({"source": source, **asdict(recipe)}, indent=2)
    (folder / RECIPE_FILE).write_text(text + "\n", encoding="utf-8")


def read_config(file: Path) -> dict[str, Any]:
    """The JSON object in `file`.

    Raises:
        ModelError: it cannot be read, or is none.
    """
    try:
        content = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{file} cannot be read: {error}. Get the model again.") from error
    if not isinstance(content, dict):
        raise ModelError(f"{file} is no JSON object. Get the model again.")
    return content


def engines_folder() -> Path:
    """Where engines that have a name are: `engines` in the user's data folder."""
    return data_folder() / "engines"


def find_engine(name: str) -> Path:
    """The folder of the engine called `name`, which may be a path.

    Raises:
        OptionError: there is none.
    """
    for folder in (Path(name), engines_folder() / name):
        if name and os.path.isdir(folder):  # noqa: PTH112  Path.is_dir may raise where a name is too long
            return folder
    known = sorted(path.name for path in engines_folder().glob("*") if path.is_dir())
    raise OptionError(
        f"There is no style engine called {name!r}, nor a folder of that name. "
        f"In {engines_folder()}: {', '.join(known) or 'none'}. "
        "Make one with: glaze-edge-export style-pipeline MODEL -o FOLDER"
    )


def _missing(folder: Path) -> list[str]:
    wanted = [f"{network}/model.onnx" for network in NETWORKS] + list(CONFIGS)
    missing = [name for name in wanted if not (folder / name).is_file()]
    files = [
        (folder / "tokenizer" / name).is_file() for name in ("tokenizer.json", "vocab.json", "merges.txt")
    ]
    if not (files[0] or all(files[1:])):
        missing.append("tokenizer/tokenizer.json (or vocab.json with merges.txt)")
    return missing


def _stride(vae: Mapping[str, Any]) -> int:
    """Pixels a latent cell."""
    return int(2 ** (len(vae["block_out_channels"]) - 1))


def _written_recipe(file: Path, default: Recipe) -> Recipe:
    if not file.exists():
        return default
    written = {key: value for key, value in read_config(file).items() if key != "source"}
    if unknown := written.keys() - {field.name for field in fields(Recipe)}:
        raise OptionError(f"There is no setting {', '.join(sorted(unknown))}. Take it out.")
    return replace(default, **written)
