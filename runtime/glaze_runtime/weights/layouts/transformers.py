"""Image towers of CLIP as transformers saves them, alone or beside the text tower."""

from glaze_runtime.weights.layouts.base import Layout

CLIP = Layout(
    name="transformers",
    mark="vision_model.embeddings.patch_embedding.weight",
    prefixes=("", "image_encoder."),
    keeps=r"(vision_model\.(?!embeddings\.position_ids$)|visual_projection\.)",
)
