"""Encoders added from files of diffusers and transformers: each is recognised, and agrees with those libraries."""

import json
import re
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from glaze_models import DECODERS, ENCODERS
from glaze_runtime.decoder import decoder_of
from glaze_runtime.devices import CPU
from glaze_runtime.encoder import Encoder
from glaze_runtime.weights import catalogue, store
from glaze_runtime.weights.recognise import Recognised, recognise
from glaze_runtime.weights.sources import Checkpoint
from glaze_runtime.weights.store import add_decoder
from glaze_runtime.weights.tensorfile import Entry

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from diffusers import AutoencoderDC, AutoencoderKL, AutoencoderKLFlux2, AutoencoderTiny
    from safetensors.torch import save_file
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

Module = torch.nn.Module
Rename = Callable[[str], str]

DOWN, UP = 4 * ("DownEncoderBlock2D",), 4 * ("UpDecoderBlock2D",)
WIDTHS = (128, 256, 512, 512)


def kl(channels: int, *, quant: bool) -> Module:
    return AutoencoderKL(
        down_block_types=DOWN,
        up_block_types=UP,
        block_out_channels=WIDTHS,
        layers_per_block=2,
        latent_channels=channels,
        use_quant_conv=quant,
        use_post_quant_conv=quant,
    )


def tiny(channels: int) -> Module:
    return AutoencoderTiny(latent_channels=channels)


def sana() -> Module:
    """mit-han-lab/dc-ae-f32c32-sana-1.0-diffusers."""
    blocks = 3 * ["ResBlock"] + 3 * ["EfficientViTBlock"]
    widths, scales = [128, 256, 512, 512, 1024, 1024], [[], [], [], [5], [5], [5]]
    return AutoencoderDC(
        latent_channels=32,
        encoder_block_types=blocks,
        decoder_block_types=blocks,
        encoder_block_out_channels=widths,
        decoder_block_out_channels=widths,
        encoder_layers_per_block=[2, 2, 2, 3, 3, 3],
        decoder_layers_per_block=[3, 3, 3, 3, 3, 3],
        encoder_qkv_multiscales=scales,
        decoder_qkv_multiscales=scales,
        upsample_block_type="interpolate",
        downsample_block_type="conv",
    )


def clip(width: int, depth: int, projection: int) -> Module:
    return CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=width,
            intermediate_size=4 * width,
            num_hidden_layers=depth,
            num_attention_heads=16,
            patch_size=14,
            projection_dim=projection,
        )
    )


def ldm(name: str) -> str:
    """diffusers' name of a tensor of an autoencoder -> LDM's."""
    parts = name.split(".")
    half = parts[0]
    if parts[1] in ("down_blocks", "up_blocks"):
        level = int(parts[2]) if half == "encoder" else 3 - int(parts[2])
        scales = {"downsamplers": "downsample", "upsamplers": "upsample"}
        block = scales.get(parts[3], f"block.{parts[4]}")
        last = ".".join(parts[5:]).replace("conv_shortcut", "nin_shortcut")
        return f"{half}.{parts[1].removesuffix('_blocks')}.{level}.{block}.{last}"
    if parts[1] == "mid_block" and parts[2] == "resnets":
        return f"{half}.mid.block_{int(parts[3]) + 1}." + ".".join(parts[4:])
    if parts[1] == "mid_block":
        places = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out": "proj_out"}
        return f"{half}.mid.attn_1.{places[parts[4]]}.{parts[-1]}"
    return name.replace("conv_norm_out", "norm_out")


def taesd(name: str) -> str:
    half, _, place, *rest = name.split(".")
    return ".".join([place if half == "encoder" else str(int(place) + 1), *rest])


def bare(name: str) -> str:
    return name


FILES: dict[str, tuple[str, Callable[[], Module], Rename, str]] = {
    "sd1, diffusers": ("sd1", lambda: kl(4, quant=True), bare, "diffusers"),
    "sdxl, LDM": ("sdxl", lambda: kl(4, quant=True), ldm, "LDM"),
    "sd3, LDM": ("sd3", lambda: kl(16, quant=False), ldm, "LDM"),
    "flux1, LDM": ("flux1", lambda: kl(16, quant=False), ldm, "LDM"),
    "flux2, diffusers": ("flux2", AutoencoderKLFlux2, bare, "diffusers"),
    "flux2, LDM": ("flux2", AutoencoderKLFlux2, ldm, "LDM"),
    "taesd, diffusers": ("taesd", lambda: tiny(4), bare, "diffusers (tiny)"),
    "taesd, TAESD": ("taesd", lambda: tiny(4), taesd, "TAESD"),
    "taesdxl, TAESD": ("taesdxl", lambda: tiny(4), taesd, "TAESD"),
    "taesd3, TAESD": ("taesd3", lambda: tiny(16), taesd, "TAESD"),
    "taef1, TAESD": ("taef1", lambda: tiny(16), taesd, "TAESD"),
    "sana, diffusers": ("sana", sana, bare, "diffusers (deep compression)"),
    "clip-l, transformers": ("clip-l", lambda: clip(1024, 24, 768), bare, "transformers"),
    "clip-h, transformers": ("clip-h", lambda: clip(1280, 32, 1024), bare, "transformers"),
}


ENCODER, DECODER = ("encoder.", "quant_conv.", "vision_model.", "visual_"), ("decoder.", "post_quant_conv.")


def state(module: Module, rename: Rename, part: tuple[str, ...] = ENCODER) -> dict[str, torch.Tensor]:
    """The tensors of the part whose names begin so, under a layout's names."""
    tensors = {}
    for name, tensor in module.state_dict().items():
        if not name.startswith(part):
            continue
        attention = rename is ldm and ".attentions." in name and tensor.ndim == 2
        tensors[rename(name)] = tensor[..., None, None] if attention else tensor
    return tensors


@pytest.mark.parametrize("file", [f for f in FILES if FILES[f][0] in ENCODERS])
def test_every_published_encoder_is_recognised(file: str) -> None:
    name, make, rename, layout = FILES[file]
    with torch.device("meta"):
        tensors = state(make(), rename)
    found = recognised(tensors, name)
    assert (found.card, found.layout, found.decoder, found.notice) == (ENCODERS[name], layout, {}, "")


@pytest.mark.parametrize("file", [f for f in FILES if FILES[f][0] in DECODERS and FILES[f][2] is not taesd])
def test_every_published_decoder_is_recognised_beside_its_encoder(file: str) -> None:
    name, make, rename, _ = FILES[file]
    with torch.device("meta"):
        module = make()
        tensors = state(module, rename, ENCODER + DECODER)
    found = recognised(tensors, name)
    assert (found.card, found.notice) == (ENCODERS[name], "")
    assert found.decoder.keys() == {n for n in module.state_dict() if n.startswith(DECODER)}


@pytest.mark.parametrize("name", [card.name for card in ENCODERS.values() if card.weights is None])
def test_no_card_is_forgotten(name: str) -> None:
    assert name in {card for card, *_ in FILES.values()} | {"taef2"}


def recognised(tensors: Mapping[str, torch.Tensor], name: str) -> Recognised:
    entries = {
        key: Entry(name=key, dtype="F32", shape=tuple(tensor.shape), start=0, stop=0)
        for key, tensor in tensors.items()
    }
    return recognise(Checkpoint(file=Path("a"), given=Path("a"), entries=entries, config={}), name)


def compare(name: str, latent: Callable[[torch.Tensor], torch.Tensor]) -> tuple[np.ndarray, np.ndarray]:
    """The gradient that the added encoder `name` finds, and torch's, [128,128,3], once the latents agree.

    `latent` takes an image [1,3,H,W] in 0..1.
    """
    encoder = Encoder(catalogue.find_encoder(name), CPU)
    image = np.random.default_rng(0).random((128, 128, 3), np.float32)
    x = torch.from_numpy(image.transpose(2, 0, 1)[None].copy()).requires_grad_()
    expected = latent(x)
    target = torch.from_numpy(np.random.default_rng(1).standard_normal(expected.shape, np.float32))
    (expected - target).square().sum().backward()
    _, gradient = encoder.value_and_grad(image, target.numpy())
    assert relative(encoder.encode(image), expected.detach().numpy()) <= 1e-5
    return gradient, x.grad[0].permute(1, 2, 0).numpy()


def compare_decoder(
    name: str, image: Callable[[torch.Tensor], torch.Tensor]
) -> tuple[np.ndarray, np.ndarray]:
    """The gradient that the decoder of the added encoder `name` finds, and torch's, once the images agree.

    `image` takes a latent and gives an image [1,3,H,W] in -1..1.
    """
    decoder = decoder_of(catalogue.find_encoder(name), CPU)
    assert decoder is not None
    latent = np.random.default_rng(0).standard_normal((1, decoder.card.channels, 8, 10), np.float32)
    z = torch.from_numpy(latent.copy()).requires_grad_()
    expected = image(z) / 2 + 0.5
    target = np.random.default_rng(1).random((64, 80, 3), np.float32)
    (expected[0].permute(1, 2, 0) - torch.from_numpy(target)).square().sum().backward()
    _, gradient = decoder.value_and_grad(latent, target)
    decoded = expected.detach()[0].permute(1, 2, 0).clamp(0, 1).numpy()
    assert relative(decoder.decode(latent), decoded) <= 1e-5
    return gradient, z.grad.numpy()


def relative(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def random_weights(module: Module) -> Module:
    """Norms start at exactly one and zero, which would hide a norm that is forgotten."""
    generator = torch.Generator().manual_seed(0)
    for parameter in module.parameters():
        if parameter.ndim == 1:
            parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator)
    return module.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def vae() -> Module:
    torch.manual_seed(0)
    return random_weights(kl(4, quant=True))


def mean(vae: Module) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda x: vae.encode(2 * x - 1).latent_dist.mean


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_a_folder_of_diffusers(tmp_path: Path, vae: Module, dtype: torch.dtype) -> None:
    (tmp_path / "vae").mkdir()
    tensors = {name: tensor.to(dtype) for name, tensor in vae.state_dict().items()}
    save_file(tensors, tmp_path / "vae" / "diffusion_pytorch_model.safetensors")
    (tmp_path / "vae" / "config.json").write_text(json.dumps({"scaling_factor": 0.13025}))
    manifest, notice = store.add(tmp_path, version="0")
    assert (manifest.name, manifest.dtype, notice) == ("sdxl", "F32", "")
    rounded = kl(4, quant=True).eval().requires_grad_(False)
    rounded.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    assert relative(*compare("sdxl", mean(rounded))) <= 5e-5
    assert relative(*compare_decoder("sdxl", lambda z: rounded.decode(z).sample)) <= 5e-5


@pytest.mark.slow
def test_a_full_checkpoint(tmp_path: Path, vae: Module) -> None:
    parts = state(vae, ldm, ENCODER + DECODER)
    tensors = {f"first_stage_model.{n}": t.half().contiguous() for n, t in parts.items()}
    tensors["cond_stage_model.transformer.text_model.final_layer_norm.bias"] = torch.zeros(768)
    tensors["model.diffusion_model.out.2.bias"] = torch.zeros(4)
    save_file(tensors, tmp_path / "model.safetensors")
    manifest, notice = store.add(tmp_path / "model.safetensors", "my-sd", version="0")
    assert (manifest.card, manifest.layout, manifest.dtype, notice) == ("sd1", "LDM", "F16", "")
    rounded = kl(4, quant=True).eval().requires_grad_(False)
    rounded.load_state_dict({name: tensor.half().float() for name, tensor in vae.state_dict().items()})
    assert relative(*compare("my-sd", mean(rounded))) <= 5e-5
    assert relative(*compare_decoder("my-sd", lambda z: rounded.decode(z).sample)) <= 5e-5


@pytest.mark.skipif("taesd" not in ENCODERS, reason="the tiny family is not there")
def test_a_file_of_taesd(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = tiny(4).eval().requires_grad_(False)
    save_file(state(module, taesd), tmp_path / "taesd_encoder.safetensors")
    manifest, notice = store.add(tmp_path / "taesd_encoder.safetensors", version="0")
    assert (manifest.name, manifest.layout) == ("taesd", "TAESD")
    assert re.match("Taken for taesd, for its file name", notice)
    found, expected = compare("taesd", lambda x: module.encode(2 * x - 1).latents)
    # A rectifier at its kink may go either way, so single pixels differ.
    assert np.mean(np.sign(found) == np.sign(expected)) >= 0.9999
    assert np.median(np.abs(found - expected)) <= 1e-5 * np.median(np.abs(expected))


def test_a_decoders_file_of_taesd(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = tiny(4).eval().requires_grad_(False)
    for part, names in (("encoder", ENCODER), ("decoder", DECODER)):
        save_file(state(module, taesd, names), tmp_path / f"taesd_{part}.safetensors")
    store.add(tmp_path / "taesd_encoder.safetensors", version="0")
    assert add_decoder(tmp_path / "taesd_decoder.safetensors").name == "taesd"
    found, expected = compare_decoder("taesd", lambda z: module.decode(z).sample)
    assert np.mean(np.sign(found) == np.sign(expected)) >= 0.99
    assert np.median(np.abs(found - expected)) <= 1e-4 * np.median(np.abs(expected))
