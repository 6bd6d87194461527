"""Autoencoders as the latent-diffusion code names them: in full checkpoints, in bare VAE files, in FLUX's `ae.safetensors`."""

from glaze_runtime.layouts.base import Layout

LDM = Layout(
    name="LDM",
    mark="encoder.down.0.block.0.conv1.weight",
    prefixes=("", "first_stage_model.", "vae."),
    keeps=r"(encoder|quant_conv)\.",
    renames=(
        (r"^encoder\.quant_conv\.", "quant_conv."),
        (r"^encoder\.down\.(\d+)\.block\.", r"encoder.down_blocks.\1.resnets."),
        (r"^encoder\.down\.(\d+)\.downsample\.", r"encoder.down_blocks.\1.downsamplers.0."),
        (r"\.nin_shortcut\.", ".conv_shortcut."),
        (r"^encoder\.mid\.block_1\.", "encoder.mid_block.resnets.0."),
        (r"^encoder\.mid\.block_2\.", "encoder.mid_block.resnets.1."),
        (r"^encoder\.mid\.attn_1\.norm\.", "encoder.mid_block.attentions.0.group_norm."),
        (r"^encoder\.mid\.attn_1\.proj_out\.", "encoder.mid_block.attentions.0.to_out.0."),
        (r"^encoder\.mid\.attn_1\.([qkv])\.", r"encoder.mid_block.attentions.0.to_\1."),
        (r"^encoder\.norm_out\.", "encoder.conv_norm_out."),
    ),
)
