"""Stable Diffusion pipelines as style engines: from a diffusers folder to the ONNX folder that the runtime reads."""

import tempfile
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

from diffusers import AutoPipelineForImage2Image, DiffusionPipeline
from optimum.exporters.onnx import onnx_export_from_model

from glaze_models.errors import ModelError, OptionError
from glaze_runtime.stylise.diffusion import Engine, Recipe
from glaze_runtime.stylise.diffusion.engine import SCHEDULER_CONFIG, default_recipe, read_config, write_recipe
from glaze_runtime.stylise.diffusion.schedules import SCHEDULES, Training

PIPELINES = (
    "LatentConsistencyModelImg2ImgPipeline",
    "LatentConsistencyModelPipeline",
    "StableDiffusionImg2ImgPipeline",
    "StableDiffusionPipeline",
)
"""What the runtime can run: one CLIP text encoder, a UNet in 4 latent channels."""

WEIGHTS = ("text_encoder", "unet", "vae")
LEFT_OUT = ("feature_extractor", "image_encoder", "safety_checker")


def export_pipeline(model: str, folder: Path, *, schedule: str | None = None, **choices: Any) -> Engine:
    """Export `model`, a diffusers folder or a hub id, into `folder`, which is new or empty; float32, any size of
    picture.

    Args:
        schedule: of the recipe; by default the nearest to the model's own scheduler.
        choices: other values for the recipe.

    Raises:
        OptionError: the folder is in use, the model does not exist, or the recipe does not fit it.
        ModelError: the model is of another kind, has no safetensors, or cannot be fetched.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OptionError(f"{folder} exists and is not empty. Choose another folder, or remove it.")
    local = Path(model).exists()
    source = Path(model) if local else _download(model)
    _check(source)
    recipe = _recipe(source, schedule, choices)
    pipeline = _load(source)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
        made = Path(scratch) / "engine"
        with warnings.catch_warnings():
            # Tracing warns of every Python branch in diffusers; the exported networks are tested against it instead.
            warnings.simplefilter("ignore")
            onnx_export_from_model(
                pipeline, made, task="image-to-image", no_post_process=True, do_validation=False, device="cpu"
            )
        write_recipe(made, recipe, source=source.resolve().name if local else model)
        Engine.read(made)
        if folder.exists():
            folder.rmdir()
        made.rename(folder)
    return Engine.read(folder)


def _download(model: str) -> Path:
    if model.count("/") != 1 or model.startswith((".", "/", "~")):
        raise OptionError(
            f"There is no folder {model!r}. Give a diffusers folder, or a hub id like owner/name."
        )
    try:
        return Path(DiffusionPipeline.download(model, use_safetensors=True, **dict.fromkeys(LEFT_OUT)))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"The model {model} cannot be fetched: {error} "
            "Check the name and the network, or download it elsewhere and give its folder."
        ) from error


def _check(source: Path) -> None:
    if not (source / "model_index.json").is_file():
        raise OptionError(
            f"{source} is no diffusers folder: it has no model_index.json. "
            "Convert a single-file checkpoint with the script "
            "convert_original_stable_diffusion_to_diffusers.py of diffusers."
        )
    kind = read_config(source / "model_index.json").get("_class_name")
    if kind not in PIPELINES:
        raise ModelError(f"{source} is a {kind}, which is not supported. Give one of {', '.join(PIPELINES)}.")
    for part in WEIGHTS:
        if not any((source / part).glob("*.safetensors")):
            raise ModelError(
                f"{source / part} has no .safetensors file, and pickled weights are not read: they can run any code. "
                "Get the model with safetensors, or convert it with diffusers: "
                "save_pretrained(safe_serialization=True)."
            )


def _recipe(source: Path, schedule: str | None, choices: dict[str, Any]) -> Recipe:
    scheduler, unet, vae = (
        read_config(source / name) for name in (SCHEDULER_CONFIG, "unet/config.json", "vae/config.json")
    )
    recipe = replace(default_recipe(scheduler, unet, vae, schedule), **choices)
    SCHEDULES[recipe.schedule](Training.from_config(scheduler), recipe.steps, recipe.strength)
    return recipe


def _load(source: Path) -> Any:
    try:
        return AutoPipelineForImage2Image.from_pretrained(
            source,
            use_safetensors=True,
            local_files_only=True,
            low_cpu_mem_usage=False,
            **dict.fromkeys(LEFT_OUT),
        )
    except Exception as error:  # diffusers, transformers and safetensors raise their own
        raise ModelError(f"The model in {source} cannot be loaded: {error}. Get it again.") from error
