"""Recognising: which encoder a file holds, from its tensors, its other keys, its config and its name; and plain
refusals."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from glaze_models.errors import OptionError, WeightsError
from glaze_runtime.weights.recognise import Recognised, recognise
from glaze_runtime.weights.sources import open_checkpoint

Make = Callable[..., dict[str, np.ndarray]]
CLIP = {"vision_model.embeddings.patch_embedding.weight": (8, 3, 2, 2), "visual_projection.weight": (6, 8)}
TINY: dict[str, tuple[int, ...]] = {
    "0.weight": (8, 3, 3, 3),
    "1.conv.0.weight": (8, 8, 3, 3),
    "2.weight": (4, 8, 3, 3),
}


def encoder_shapes(kl: Make, **options: object) -> dict[str, tuple[int, ...]]:
    return {n: t.shape for n, t in kl(**options).items() if n.startswith(("encoder.", "quant_conv."))}


@pytest.fixture
def world(known: Callable[..., object], kl: Make) -> None:
    """The known encoders: two pairs of the same shapes, a tiny pair, a CLIP tower."""
    known("sd1", encoder_shapes(kl), scale=0.18215)
    known("sdxl", encoder_shapes(kl), scale=0.13025)
    known("sd3", encoder_shapes(kl, channels=16, quant=False), scale=1.5305)
    known("flux1", encoder_shapes(kl, channels=16, quant=False), scale=0.3611)
    known("taesd", {f"encoder.layers.{name}": shape for name, shape in TINY.items()}, scale=1.0)
    known("taesdxl", {f"encoder.layers.{name}": shape for name, shape in TINY.items()}, scale=1.0)
    known("clip-l", CLIP, scale=1.0)


def zeros(shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    return {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}


def save(path: Path, tensors: dict[str, np.ndarray], *others: str, prefix: str = "") -> Path:
    named = {prefix + name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(named | dict.fromkeys(others, np.zeros(1, np.float32)), path)
    return path


def look(path: Path, name: str | None = None) -> Recognised:
    return recognise(open_checkpoint(path), name)


@pytest.mark.usefixtures("world")
class TestRecognised:
    """What is known of a file."""

    @pytest.mark.parametrize(
        ("other", "channels", "expected"),
        [
            ("conditioner.embedders.0.transformer.text_model.final_layer_norm.bias", 4, "sdxl"),
            ("cond_stage_model.transformer.text_model.final_layer_norm.bias", 4, "sd1"),
            ("model.diffusion_model.joint_blocks.0.x_block.attn.qkv.bias", 16, "sd3"),
            ("model.diffusion_model.double_blocks.0.img_attn.qkv.bias", 16, "flux1"),
        ],
    )
    def test_by_the_other_keys_of_a_checkpoint(
        self, tmp_path: Path, kl: Make, other: str, channels: int, expected: str
    ) -> None:
        tensors = kl("LDM", channels=channels, quant=channels == 4)
        found = look(save(tmp_path / "model.safetensors", tensors, other, prefix="first_stage_model."))
        assert (found.card.name, found.layout, found.notice) == (expected, "LDM", "")

    @pytest.mark.parametrize(
        ("scale", "channels", "expected"),
        [(0.18215, 4, "sd1"), (0.13025, 4, "sdxl"), (1.5305, 16, "sd3"), (0.3611, 16, "flux1")],
    )
    def test_by_the_scale_in_a_config(
        self, tmp_path: Path, kl: Make, scale: float, channels: int, expected: str
    ) -> None:
        save(
            tmp_path / "vae" / "diffusion_pytorch_model.safetensors",
            kl(channels=channels, quant=channels == 4),
        )
        (tmp_path / "vae" / "config.json").write_text(json.dumps({"scaling_factor": scale}))
        for folder in (tmp_path, tmp_path / "vae"):
            found = look(folder)
            assert (found.card.name, found.layout, found.notice) == (expected, "diffusers", "")

    @pytest.mark.parametrize(
        ("file", "channels", "expected"),
        [
            ("sdxl_vae.safetensors", 4, "sdxl"),
            ("SD_XL-vae.safetensors", 4, "sdxl"),
            ("FLUX.1-ae.safetensors", 16, "flux1"),
            ("sd3.5_vae.safetensors", 16, "sd3"),
        ],
    )
    def test_by_the_file_name_with_a_notice(
        self, tmp_path: Path, kl: Make, file: str, channels: int, expected: str
    ) -> None:
        found = look(save(tmp_path / file, kl("LDM", channels=channels, quant=channels == 4)))
        assert found.card.name == expected
        assert f"Taken for {expected}, for its file name" in found.notice

    def test_the_longer_of_two_names(self, tmp_path: Path) -> None:
        assert look(save(tmp_path / "taesdxl_encoder.safetensors", zeros(TINY))).card.name == "taesdxl"
        assert look(save(tmp_path / "taesd_encoder.safetensors", zeros(TINY))).card.name == "taesd"

    def test_sd1_is_the_likeliest(self, tmp_path: Path, kl: Make) -> None:
        found = look(save(tmp_path / "vae.safetensors", kl()))
        assert found.card.name == "sd1"
        assert "Taken for sd1, as nothing says otherwise; sdxl would fit as well" in found.notice

    def test_otherwise_the_name_is_asked_for(self, tmp_path: Path, kl: Make) -> None:
        path = save(tmp_path / "ae.safetensors", kl("LDM", channels=16, quant=False))
        with pytest.raises(
            OptionError, match=r"ae.safetensors fits sd3 and flux1, which have the same shapes"
        ):
            look(path)
        with pytest.raises(OptionError, match="fits sd3 and flux1"):
            look(path, "my-own")
        assert look(path, "sd3").card.name == "sd3"
        assert look(path, "flux1").notice == ""

    def test_a_part_of_a_pipeline(self, tmp_path: Path, kl: Make) -> None:
        for folder, tensors in (("vae", kl()), ("image_encoder", zeros(CLIP))):
            save(tmp_path / folder / "model.safetensors", tensors)
            (tmp_path / folder / "config.json").write_text("{}")
        assert look(tmp_path, "sdxl").card.name == "sdxl"
        assert look(tmp_path / "image_encoder").card.name == "clip-l"
        assert open_checkpoint(tmp_path, ("image_encoder", "vae")).file.parent.name == "image_encoder"

    def test_the_most_exact_of_several_precisions(self, tmp_path: Path, kl: Make) -> None:
        save(tmp_path / "diffusion_pytorch_model.fp16.safetensors", {"other": np.zeros(1)})
        save(tmp_path / "diffusion_pytorch_model.safetensors", kl())
        (tmp_path / "config.json").write_text("{}")
        assert look(tmp_path).card.name == "sd1"


@pytest.mark.usefixtures("world")
class TestRefused:
    """What cannot be added, and what is said of it."""

    def test_another_family_than_named(self, tmp_path: Path, kl: Make) -> None:
        path = save(tmp_path / "ae.safetensors", kl("LDM", channels=16, quant=False))
        with pytest.raises(WeightsError, match=r"holds an encoder of sd3 or flux1, not of sd1"):
            look(path, "sd1")
        with pytest.raises(WeightsError, match=r"holds an encoder of sd3 or flux1, not of clip-l"):
            look(path, "clip-l")

    def test_another_generator_of_the_same_shapes(self, tmp_path: Path, kl: Make) -> None:
        path = save(tmp_path / "model.safetensors", kl(), "cond_stage_model.x", prefix="vae.")
        with pytest.raises(WeightsError, match=r"holds an encoder of sd1, not of sdxl"):
            look(path, "sdxl")

    def test_a_missing_tensor(self, tmp_path: Path, kl: Make) -> None:
        tensors = kl("LDM")
        del tensors["encoder.mid.attn_1.q.weight"]
        path = save(tmp_path / "vae.safetensors", tensors)
        for name in (None, "sd1", "my-own"):
            with pytest.raises(
                WeightsError,
                match=r"sd1 comes nearest .* lacks the tensor 'encoder.mid_block.attentions.0.to_q",
            ):
                look(path, name)

    def test_a_misshapen_tensor(self, tmp_path: Path, kl: Make) -> None:
        tensors = kl("LDM")
        tensors["encoder.norm_out.bias"] = np.zeros(17, np.float32)
        with pytest.raises(WeightsError, match=r"has the shape \(17,\).* is called 'encoder.norm_out.bias'"):
            look(save(tmp_path / "vae.safetensors", tensors))

    def test_a_tensor_too_many(self, tmp_path: Path, kl: Make) -> None:
        tensors = kl() | {"encoder.down_blocks.2.resnets.0.conv1.weight": np.zeros(1, np.float32)}
        with pytest.raises(
            WeightsError, match=r"has the tensor 'encoder.down_blocks.2.*another architecture"
        ):
            look(save(tmp_path / "vae.safetensors", tensors))

    @pytest.mark.parametrize(
        ("names", "says"),
        [
            (["decoder.conv_in.weight", "post_quant_conv.weight"], "holds a decoder without its encoder"),
            (["1.weight", "3.conv.0.weight"], "holds a decoder without its encoder"),
            (["lora_unet_x.lora_down.weight"], "is a LoRA"),
            (["transformer.single_blocks.0.lora_A.weight"], "is a LoRA"),
            (["double_blocks.0.img_attn.qkv.weight"], "holds a generator without its image encoder"),
            (["model.diffusion_model.out.2.weight"], "holds a generator without its image encoder"),
            (
                ["text_model.embeddings.token_embedding.weight"],
                "holds no image encoder that glaze-edge knows",
            ),
            ([], "holds no image encoder that glaze-edge knows"),
        ],
    )
    def test_files_without_an_encoder(self, tmp_path: Path, names: list[str], says: str) -> None:
        with pytest.raises(WeightsError, match=f"a.safetensors {says}"):
            look(save(tmp_path / "a.safetensors", {}, *names))

    @pytest.mark.parametrize(
        ("file", "content"),
        [
            ("model.ckpt", b"PK\x03\x04 and so on"),
            ("model.pt", b"\x80\x02}q\x00."),
            ("renamed.safetensors", b"PK\x03\x04 and so on"),
            ("renamed.safetensors", b"\x80\x04\x95 and so on"),
            ("model.pth", b"something else"),
            ("pytorch_model.bin", b""),
        ],
    )
    def test_pickled_files(self, tmp_path: Path, file: str, content: bytes) -> None:
        (tmp_path / file).write_bytes(content)
        with pytest.raises(
            WeightsError, match=rf"{file} is pickled, .* any program .* convert it with torch"
        ):
            look(tmp_path / file)

    def test_a_header_that_begins_like_a_pickle_is_none(self, tmp_path: Path, kl: Make) -> None:
        header = json.dumps({"decoder.x": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}}).encode()
        (tmp_path / "a.safetensors").write_bytes(b"\x80\x02" + bytes(6) + header.ljust(0x280))
        with pytest.raises(WeightsError, match="holds a decoder"):
            look(tmp_path / "a.safetensors")

    def test_gguf(self, tmp_path: Path) -> None:
        (tmp_path / "flux1-Q4.gguf").write_bytes(b"GGUF\x03\x00\x00\x00\x00\x00")
        with pytest.raises(WeightsError, match=r"flux1-Q4.gguf is a GGUF file"):
            look(tmp_path / "flux1-Q4.gguf")

    def test_nothing_there(self, tmp_path: Path) -> None:
        with pytest.raises(OptionError, match=r"none: there is no such file or folder"):
            look(tmp_path / "none")

    def test_folders(self, tmp_path: Path) -> None:
        with pytest.raises(OptionError, match=r"has no config.json, nor a folder vae or image_encoder"):
            look(tmp_path)
        config = tmp_path / "config.json"
        config.write_text("{")
        with pytest.raises(OptionError, match=r"has no .safetensors file. Download it completely"):
            look(tmp_path)
        (tmp_path / "diffusion_pytorch_model.bin").touch()
        with pytest.raises(WeightsError, match=r"diffusion_pytorch_model.bin is pickled"):
            look(tmp_path)
        save(tmp_path / "model-00001-of-00002.safetensors", {})
        with pytest.raises(WeightsError, match=r"are in several files \(model-00001-of-00002.safetensors"):
            look(tmp_path)
        save(tmp_path / "model.safetensors", {})
        with pytest.raises(WeightsError, match=r"config.json cannot be read"):
            look(tmp_path)
