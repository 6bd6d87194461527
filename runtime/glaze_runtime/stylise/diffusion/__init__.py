"""Style targets by diffusion, without torch: tokenizer, schedules, guidance and the loop are numpy, the networks
onnxruntime."""

from glaze_runtime.stylise.diffusion.engine import Engine, Recipe, engines_folder, find_engine
from glaze_runtime.stylise.diffusion.stylist import DiffusionStylist

__all__ = ["DiffusionStylist", "Engine", "Recipe", "engines_folder", "find_engine"]
