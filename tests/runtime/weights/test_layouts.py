"""Layouts: the same tensors under every layout's names become the same canonical ones."""

from collections.abc import Callable, Iterable

import numpy as np
import pytest

from glaze_runtime.weights.layouts import LAYOUTS
from glaze_runtime.weights.tensorfile import Entry

Make = Callable[..., dict[str, np.ndarray]]


def entries(shapes: dict[str, tuple[int, ...]]) -> dict[str, Entry]:
    return {name: Entry(name=name, dtype="F32", shape=s, start=0, stop=0) for name, s in shapes.items()}


def found(shapes: dict[str, tuple[int, ...]]) -> dict[str, dict[str, Entry]]:
    """layout -> canonical tensors, of the layouts that see any."""
    seen = {layout.name: layout.canonical(entries(shapes)) for layout in LAYOUTS}
    return {name: tensors for name, tensors in seen.items() if tensors}


def shapes_of(tensors: dict[str, np.ndarray], prefix: str = "") -> dict[str, tuple[int, ...]]:
    return {prefix + name: tensor.shape for name, tensor in tensors.items()}


def encoders(names: Iterable[str]) -> set[str]:
    return {name for name in names if name.startswith(("encoder.", "quant_conv."))}


@pytest.mark.parametrize(
    ("layout", "prefix", "says"),
    [
        ("diffusers", "", "diffusers"),
        ("old diffusers", "", "diffusers"),
        ("diffusers", "vae.", "diffusers"),
        ("LDM", "", "LDM"),
        ("LDM", "first_stage_model.", "LDM"),
        ("LDM", "vae.", "LDM"),
    ],
)
@pytest.mark.parametrize("quant", [True, False], ids=["quant_conv", "no quant_conv"])
def test_autoencoders(kl: Make, layout: str, prefix: str, says: str, quant: bool) -> None:
    canonical = shapes_of(kl("diffusers", quant=quant))
    (seen,) = found(
        shapes_of(kl(layout, quant=quant), prefix) | {"model.diffusion_model.out.2.bias": (4,)}
    ).items()
    assert seen[0] == says
    assert seen[1].keys() == encoders(canonical)
    for name, entry in seen[1].items():
        assert entry.shape == canonical[name], name
        assert entry.name.startswith(prefix)


def test_the_same_tensor_goes_to_the_same_place(kl: Make) -> None:
    """Not only the set of names: q is not swapped with k, nor one block with another."""
    diffusers, ldm = kl("diffusers"), kl("LDM")
    (seen,) = found(shapes_of(ldm)).values()
    for name, entry in seen.items():
        np.testing.assert_array_equal(ldm[entry.name].ravel(), diffusers[name].ravel())


def test_flux2_keeps_its_quant_conv_in_the_encoder(kl: Make) -> None:
    shapes = shapes_of(kl("LDM", quant=False)) | {
        "encoder.quant_conv.weight": (8, 8, 1, 1),
        "bn.running_mean": (16,),
    }
    (seen,) = found(shapes).values()
    assert seen["quant_conv.weight"].name == "encoder.quant_conv.weight"
    assert seen.keys() == encoders(shapes_of(kl("diffusers", quant=False))) | {"quant_conv.weight"}


TINY = {"0.weight": (64, 3, 3, 3), "1.conv.0.weight": (64, 64, 3, 3), "11.pool.1.bias": (256,)}


@pytest.mark.parametrize("prefix", ["", "encoder.", "taesd_encoder."])
def test_tiny(prefix: str) -> None:
    others = {"decoder.3.conv.0.weight": (64, 64, 3, 3)}
    (seen,) = found({prefix + name: s for name, s in TINY.items()} | others).items()
    assert seen[0] == "TAESD"
    assert {name: entry.shape for name, entry in seen[1].items()} == {
        f"encoder.layers.{name}": shape for name, shape in TINY.items()
    }


def test_tiny_of_diffusers() -> None:
    names = {f"encoder.layers.{name}": shape for name, shape in TINY.items()}
    (seen,) = found(names | {"decoder.layers.0.weight": (64, 4, 3, 3)}).items()
    assert seen[0] == "diffusers (tiny)"
    assert seen[1].keys() == names.keys()


def test_deep_compression() -> None:
    names: dict[str, tuple[int, ...]] = {
        "encoder.conv_in.weight": (8, 3, 3, 3),
        "encoder.down_blocks.0.0.conv1.weight": (8, 8, 3, 3),
    }
    (seen,) = found(names | {"decoder.conv_in.weight": (8, 32, 3, 3)}).items()
    assert seen[0] == "diffusers (deep compression)"
    assert seen[1].keys() == names.keys()


def test_clip() -> None:
    names = {
        "vision_model.embeddings.patch_embedding.weight": (1024, 3, 14, 14),
        "vision_model.embeddings.position_embedding.weight": (257, 1024),
        "visual_projection.weight": (768, 1024),
    }
    others = {
        "vision_model.embeddings.position_ids": (1, 257),
        "text_model.final_layer_norm.bias": (768,),
        "logit_scale": (),
    }
    (seen,) = found(names | others).items()
    assert seen[0] == "transformers"
    assert seen[1].keys() == names.keys()


@pytest.mark.parametrize(
    "names",
    [
        ["decoder.conv_in.weight"],
        ["1.weight", "3.conv.0.weight"],
        ["lora_unet_mid_block_attentions_0_proj_in.lora_down.weight"],
        ["double_blocks.0.img_attn.qkv.weight"],
        [],
    ],
    ids=["decoder", "TAESD's decoder", "LoRA", "FLUX without its encoder", "empty"],
)
def test_nothing_of_an_encoder(names: list[str]) -> None:
    assert found(dict.fromkeys(names, (4, 4))) == {}
