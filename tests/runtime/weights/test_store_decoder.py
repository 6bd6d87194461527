"""Decoders of the artist's: found beside the encoder, or in a file of their own; never half there, and nothing is
guessed."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from glaze_models import DECODERS, ENCODERS
from glaze_models.errors import ModelError, OptionError, WeightsError
from glaze_runtime.weights import catalogue, store, verify
from glaze_runtime.weights.recognise import is_decoder
from glaze_runtime.weights.sources import open_checkpoint

Make = Callable[..., dict[str, np.ndarray]]
Known = Callable[..., object]
RNG = np.random.default_rng(0)

KL = {
    "decoder.up_blocks.0.resnets.0.conv1.weight": ("decoder.up.3.block.0.conv1.weight", (8, 8, 3, 3)),
    "decoder.up_blocks.0.upsamplers.0.conv.bias": ("decoder.up.3.upsample.conv.bias", (8,)),
    "decoder.up_blocks.3.resnets.1.conv_shortcut.weight": (
        "decoder.up.0.block.1.nin_shortcut.weight",
        (8, 8, 1, 1),
    ),
    "decoder.mid_block.attentions.0.to_q.weight": ("decoder.mid.attn_1.q.weight", (8, 8)),
    "decoder.conv_norm_out.bias": ("decoder.norm_out.bias", (8,)),
    "post_quant_conv.bias": ("post_quant_conv.bias", (4,)),
}
"""diffusers' name -> (LDM's, shape)."""
MARK = "decoder.up.0.block.0.conv1.weight"
KL_SHAPES = {name: shape for name, (_, shape) in KL.items()} | {
    "decoder.up_blocks.3.resnets.0.conv1.weight": (8, 8, 3, 3)
}
TINY = {"1.weight": (8, 4, 3, 3), "3.conv.0.weight": (8, 8, 3, 3), "19.bias": (3,)}
TINY_SHAPES = {
    "decoder.layers.0.weight": (8, 4, 3, 3),
    "decoder.layers.2.conv.0.weight": (8, 8, 3, 3),
    "decoder.layers.18.bias": (3,),
}
TINY_ENCODER: dict[str, tuple[int, ...]] = {"1.conv.0.weight": (8, 8, 3, 3)}


@pytest.fixture(autouse=True)
def world(known: Known, kl: Make) -> None:
    """`sd1`, and two tiny encoders of the same shapes, all with decoders; `plain`, without one."""
    known(
        "sd1",
        {n: t.shape for n, t in kl().items() if n.startswith(("encoder.", "quant_conv."))},
        decoder=KL_SHAPES,
    )
    for name in ("small", "smaller"):
        known(name, {"encoder.layers.1.conv.0.weight": (8, 8, 3, 3)}, decoder=TINY_SHAPES)
    known("plain", {"encoder.layers.1.conv.0.weight": (4, 4, 3, 3)})


def random(shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    return {name: RNG.standard_normal(shape, np.float32) for name, shape in shapes.items()}


def save(path: Path, tensors: dict[str, np.ndarray]) -> Path:
    save_file(tensors, path)
    return path


def whole(kl: Make, layout: str = "diffusers") -> dict[str, np.ndarray]:
    """An autoencoder with both halves."""
    encoder = {n: t for n, t in kl(layout).items() if not n.startswith(("decoder.", "post_quant"))}
    names: dict[str, tuple[int, ...]] = {
        MARK if layout == "LDM" else "decoder.up_blocks.3.resnets.0.conv1.weight": (8, 8, 3, 3)
    }
    names |= {old if layout == "LDM" else new: shape for new, (old, shape) in KL.items()}
    return encoder | random(names)


@pytest.fixture
def encoder(tmp_path: Path) -> Callable[[str], None]:
    """Adds a tiny encoder under its name."""

    def add(name: str) -> None:
        store.add(save(tmp_path / f"{name}_encoder.safetensors", random(TINY_ENCODER)), name, version="1")

    return add


@pytest.mark.parametrize("layout", ["diffusers", "LDM"])
def test_the_decoder_comes_with_its_encoder(tmp_path: Path, data: Path, kl: Make, layout: str) -> None:
    tensors = whole(kl, layout)
    manifest, notice = store.add(save(tmp_path / "vae.safetensors", tensors), "mine", version="1")
    assert (manifest.card, manifest.decoder, notice) == ("sd1", "vae.safetensors", "")
    stored = load_file(data / "encoders" / "mine" / "decoder.safetensors")
    assert {name: tensor.shape for name, tensor in stored.items()} == KL_SHAPES
    for name, (old, _) in KL.items():
        np.testing.assert_array_equal(stored[name], tensors[old if layout == "LDM" else name])
    card = catalogue.find_decoder(catalogue.find_encoder("mine"))
    assert card is not None
    assert (card.name, card.family, card.weights and card.weights.bytes) == (
        "mine",
        "test",
        manifest.decoder_bytes,
    )
    verify.verify("mine")


def test_an_encoder_alone_has_the_decoder_of_its_card(tmp_path: Path, kl: Make, known: Known) -> None:
    shapes = {n: t.shape for n, t in kl(channels=2).items() if n.startswith(("encoder.", "quant_conv."))}
    known("other", shapes, decoder=KL_SHAPES)
    manifest, notice = store.add(save(tmp_path / "vae.safetensors", kl(channels=2)), version="1")
    assert (manifest.name, manifest.decoder, notice) == ("other", None, "")
    assert catalogue.find_decoder(catalogue.find_encoder("other")) is None
    assert catalogue.find_decoder(ENCODERS["sd1-a"]) is DECODERS["sd1-small"]


def test_a_decoder_that_does_not_fit_is_left_out_and_named(tmp_path: Path, kl: Make) -> None:
    tensors = whole(kl) | {"decoder.conv_norm_out.bias": np.zeros(9, np.float32)}
    manifest, notice = store.add(save(tmp_path / "vae.safetensors", tensors), version="1")
    assert manifest.decoder is None
    assert "Its decoder was left out. The tensor 'decoder.conv_norm_out.bias'" in notice


@pytest.mark.parametrize("prefix", ["", "decoder."])
def test_a_file_of_its_own(tmp_path: Path, data: Path, encoder: Callable[[str], None], prefix: str) -> None:
    encoder("small")
    tensors = random(TINY)
    file = save(tmp_path / "tae_decoder.safetensors", {prefix + n: t for n, t in tensors.items()})
    assert is_decoder(open_checkpoint(file))
    before = catalogue.read_manifest("small")
    manifest = store.add_decoder(file)
    assert (manifest.name, manifest.decoder) == ("small", file.name)
    assert manifest.sha256 == before.sha256
    assert catalogue.read_manifest("small") == manifest
    stored = load_file(data / "encoders" / "small" / "decoder.safetensors")
    np.testing.assert_array_equal(stored["decoder.layers.18.bias"], tensors["19.bias"])
    verify.verify("small")
    assert [path.name for path in (data / "encoders").iterdir()] == ["small"]
    with pytest.raises(OptionError, match=r"small has a decoder already, from tae_decoder"):
        store.add_decoder(file)
    store.remove("small")
    assert list((data / "encoders").iterdir()) == []


def test_an_encoder_is_no_decoder(tmp_path: Path, kl: Make) -> None:
    file = save(tmp_path / "vae.safetensors", whole(kl))
    assert not is_decoder(open_checkpoint(file))
    assert not is_decoder(open_checkpoint(save(tmp_path / "other.safetensors", {"x": np.zeros(1)})))


def test_of_two_encoders_the_files_name_decides_or_the_artist(
    tmp_path: Path, encoder: Callable[[str], None]
) -> None:
    encoder("small")
    encoder("smaller")
    file = save(tmp_path / "decoder.safetensors", random(TINY))
    with pytest.raises(OptionError, match=r"fits the encoders small and smaller\. Say which"):
        store.add_decoder(file)
    assert store.add_decoder(file, "smaller").name == "smaller"
    named = save(tmp_path / "Small-decoder.safetensors", random(TINY))
    assert store.add_decoder(named).name == "small"


def test_without_its_encoder_it_says_what_to_add(
    tmp_path: Path, data: Path, encoder: Callable[[str], None]
) -> None:
    encoder("small")
    file = save(tmp_path / "smaller_decoder.safetensors", random(TINY))
    with pytest.raises(
        WeightsError, match=r"a decoder of smaller, but no such encoder was added. Add the enc"
    ):
        store.add_decoder(file)
    with pytest.raises(WeightsError, match=r"there is no such added encoder 'other'"):
        store.add_decoder(file, "other")
    assert not list(data.rglob("decoder.safetensors"))


def test_an_unknown_decoder_is_refused(tmp_path: Path, encoder: Callable[[str], None]) -> None:
    encoder("small")
    file = save(tmp_path / "decoder.safetensors", random(TINY | {"19.bias": (4,)}))
    with pytest.raises(WeightsError, match="holds a decoder without its encoder"):
        store.add_decoder(file)


def test_damage_leaves_the_encoder_as_it_was(
    tmp_path: Path, data: Path, encoder: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder("small")
    tensors = random(TINY)
    tensors["19.bias"][0] = np.nan
    with pytest.raises(WeightsError, match=r"'19.bias' of .* holds infinities or no numbers"):
        store.add_decoder(save(tmp_path / "bad.safetensors", tensors))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "write_tensors", full)
    with pytest.raises(ModelError, match=r"small cannot be stored .* No space left"):
        store.add_decoder(save(tmp_path / "good.safetensors", random(TINY)))
    assert catalogue.read_manifest("small").decoder is None
    assert sorted(path.name for path in data.rglob("*") if path.is_file()) == [
        "manifest.json",
        "weights.safetensors",
    ]


def test_a_damaged_decoder_is_found(tmp_path: Path, data: Path, encoder: Callable[[str], None]) -> None:
    encoder("small")
    store.add_decoder(save(tmp_path / "decoder.safetensors", random(TINY)))
    file = data / "encoders" / "small" / "decoder.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(WeightsError, match=r"decoder.safetensors are damaged"):
        verify.verify("small")


def test_manifests_of_older_versions_are_read(data: Path, encoder: Callable[[str], None]) -> None:
    encoder("small")
    file = data / "encoders" / "small" / "manifest.json"
    kept = {key: value for key, value in json.loads(file.read_text()).items() if "decoder" not in key}
    file.write_text(json.dumps(kept))
    assert catalogue.read_manifest("small").decoder is None


def test_a_bundled_decoder_is_verified_and_its_name_taken() -> None:
    verify.verify("sd1-small")
    with pytest.raises(OptionError, match="'sd1-small' is a bundled decoder"):
        store.require_free("sd1-small")
