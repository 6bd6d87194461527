"""What all tests share: a data folder of their own, a small world of encoders to be added, and a small style engine."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file

from glaze_models import DECODERS, ENCODERS, GENERATORS, DecoderCard, EncoderCard
from glaze_models.perceptual import PERCEPTUALS

Shapes = Mapping[str, tuple[int, ...]]
Tensors = dict[str, NDArray[np.float32]]
MakeKnown = Callable[..., EncoderCard]
KlTensor = tuple[tuple[str, str, str], tuple[int, ...]]
"""(diffusers' name, diffusers' name before 0.17, LDM's name), shape"""


@pytest.fixture(autouse=True)
def data(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder, empty; nobody's own encoders are seen."""
    folder = tmp_path_factory.mktemp("data")
    monkeypatch.setenv("GLAZE_EDGE_DATA", str(folder))
    return folder


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeKnown]:
    """Makes known encoders whose graphs only declare tensors of given shapes, and decoders, of `decoder`'s; the bundled
    ones stay, others are forgotten, also by the generators.
    """
    generators = dict(GENERATORS)
    package = tmp_path / "package"
    (package / "graphs").mkdir(parents=True)
    tables: list[dict[str, Any]] = [ENCODERS, DECODERS]
    for table in tables:
        for name, card in list(table.items()):
            if card.weights is None:
                monkeypatch.delitem(table, name)
            else:
                for graph in card.graphs:
                    shutil.copy(graph, package / "graphs")
    monkeypatch.setattr("glaze_models.files._data", lambda: package)

    def tell_generators() -> None:
        GENERATORS.clear()
        for name, generator in generators.items():
            groups = tuple(group for group in generator.encoders if ENCODERS.keys() >= set(group))
            if groups:
                GENERATORS[name] = replace(generator, encoders=groups)

    tell_generators()

    def write(card: EncoderCard | DecoderCard, shapes: Shapes, derived: str) -> None:
        for graph in card.graphs:
            model = onnx.helper.make_model(onnx.helper.make_graph([], name, [], [], []))
            for tensor, shape in shapes.items():
                declared = model.graph.initializer.add(name=tensor, data_type=1, dims=shape)
                declared.data_location = onnx.TensorProto.EXTERNAL
            onnx.helper.set_model_props(model, {"derived": derived})
            graph.write_bytes(model.SerializeToString())

    def make(
        name: str, shapes: Shapes, derived: str = "{}", decoder: Shapes | None = None, **fields: Any
    ) -> EncoderCard:
        fields = {
            "family": "test",
            "graph": name,
            "weights": None,
            "decoder": None,
            "stand_in": False,
        } | fields
        card = replace(ENCODERS["sd1-a"], name=name, **fields)
        write(card, shapes, derived)
        if decoder is not None:
            other = replace(DECODERS["sd1-small"], name=name, family="test", graph=name, weights=None)
            write(other, decoder, "{}")
            monkeypatch.setitem(DECODERS, name, other)
        monkeypatch.setitem(ENCODERS, name, card)
        tell_generators()
        return card

    yield make
    GENERATORS.clear()
    GENERATORS.update(generators)


@pytest.fixture
def squeezenet(tmp_path: Path) -> Path:
    """SqueezeNet's features with random weights, as `squeezenet.safetensors`."""
    graph = onnx.load(PERCEPTUALS["lpips-squeeze"].graph, load_external_data=False).graph
    rng = np.random.default_rng(0)
    tensors = {
        tensor.name: rng.normal(0, (2 / np.prod(tensor.dims[1:])) ** 0.5, tensor.dims).astype(np.float32)
        for tensor in graph.initializer
        if tensor.name.startswith("features.") and tensor.name.endswith((".weight", ".bias"))
    }
    save_file(tensors, tmp_path / "squeezenet.safetensors")
    return tmp_path / "squeezenet.safetensors"


@pytest.fixture
def kl() -> Callable[..., Tensors]:
    """Makes the encoder and a part of the decoder of a small autoencoder, with the names of a layout."""
    return _kl


def _kl(layout: str = "diffusers", *, channels: int = 4, quant: bool = True, seed: int = 0) -> Tensors:
    """name -> float32: two scales of 8 and 16 channels; the same numbers in every layout."""
    rng = np.random.default_rng(seed)
    tensors = {}
    for (diffusers, old, ldm), shape in _kl_table(channels, quant):
        name = {"diffusers": diffusers, "old diffusers": old, "LDM": ldm}[layout]
        tensor = rng.standard_normal(shape, np.float32)
        conv = layout == "LDM" and ".attn_1." in name and len(shape) == 2
        tensors[name] = tensor[..., None, None] if conv else tensor
    return tensors


def _kl_table(channels: int, quant: bool) -> Iterator[KlTensor]:
    """Each tensor."""

    def layer(name: str, ldm: str, *shape: int, old: str | None = None) -> Iterator[KlTensor]:
        yield (f"{name}.weight", f"{old or name}.weight", f"{ldm}.weight"), shape
        yield (f"{name}.bias", f"{old or name}.bias", f"{ldm}.bias"), shape[:1]

    def block(name: str, ldm: str, narrow: int, wide: int) -> Iterator[KlTensor]:
        yield from layer(f"{name}.norm1", f"{ldm}.norm1", narrow)
        yield from layer(f"{name}.conv1", f"{ldm}.conv1", wide, narrow, 3, 3)
        yield from layer(f"{name}.norm2", f"{ldm}.norm2", wide)
        yield from layer(f"{name}.conv2", f"{ldm}.conv2", wide, wide, 3, 3)
        if narrow != wide:
            yield from layer(f"{name}.conv_shortcut", f"{ldm}.nin_shortcut", wide, narrow, 1, 1)

    e, mid = "encoder", "encoder.mid_block"
    attention = f"{mid}.attentions.0"
    yield from layer(f"{e}.conv_in", f"{e}.conv_in", 8, 3, 3, 3)
    yield from block(f"{e}.down_blocks.0.resnets.0", f"{e}.down.0.block.0", 8, 8)
    yield from block(f"{e}.down_blocks.0.resnets.1", f"{e}.down.0.block.1", 8, 8)
    yield from layer(f"{e}.down_blocks.0.downsamplers.0.conv", f"{e}.down.0.downsample.conv", 8, 8, 3, 3)
    yield from block(f"{e}.down_blocks.1.resnets.0", f"{e}.down.1.block.0", 8, 16)
    yield from block(f"{mid}.resnets.0", f"{e}.mid.block_1", 16, 16)
    yield from layer(f"{attention}.group_norm", f"{e}.mid.attn_1.norm", 16)
    for new, old, ldm in (("to_q", "query", "q"), ("to_k", "key", "k"), ("to_v", "value", "v")):
        yield from layer(f"{attention}.{new}", f"{e}.mid.attn_1.{ldm}", 16, 16, old=f"{attention}.{old}")
    yield from layer(
        f"{attention}.to_out.0", f"{e}.mid.attn_1.proj_out", 16, 16, old=f"{attention}.proj_attn"
    )
    yield from block(f"{mid}.resnets.1", f"{e}.mid.block_2", 16, 16)
    yield from layer(f"{e}.conv_norm_out", f"{e}.norm_out", 16)
    yield from layer(f"{e}.conv_out", f"{e}.conv_out", 2 * channels, 16, 3, 3)
    yield from layer("decoder.conv_in", "decoder.conv_in", 16, channels, 3, 3)
    if quant:
        yield from layer("quant_conv", "quant_conv", 2 * channels, 2 * channels, 1, 1)
        yield from layer("post_quant_conv", "post_quant_conv", channels, channels, 1, 1)


CHANNELS, TEXT = 4, 8
WORDS = ("cubism", "by", "picasso")
MERGES = (
    "b y</w>",
    "c u",
    "cu b",
    "cub i",
    "cubi s",
    "cubis m</w>",
    "p i",
    "pi c",
    "pic a",
    "pica s",
    "picas s",
)
MakeEngine = Callable[..., Path]


@pytest.fixture
def make_engine(tmp_path: Path) -> MakeEngine:
    """Makes the folder of an engine; `name` is the folder's, other arguments are of `write_engine`."""

    def make(name: str = "engine", **changes: Any) -> Path:
        return write_engine(tmp_path / name, **changes)

    return make


def write_engine(
    folder: Path,
    *,
    scheduler: dict[str, Any] | None = None,
    unet: dict[str, Any] | None = None,
    recipe: dict[str, Any] | None = None,
) -> Path:
    """An engine with a cell of 2 pixels, a multiple of 4 and linear networks. Arguments change its configurations."""
    configs: dict[str, dict[str, Any]] = {
        "scheduler/scheduler_config.json": {
            "_class_name": "DDIMScheduler",
            "beta_start": 0.00085,
            "beta_end": 0.012,
            "beta_schedule": "scaled_linear",
            "steps_offset": 1,
            "set_alpha_to_one": False,
            **(scheduler or {}),
        },
        "unet/config.json": {"block_out_channels": [4, 4], "sample_size": 32, **(unet or {})},
        "vae_decoder/config.json": {"block_out_channels": [4, 4], "scaling_factor": 0.18215},
    }
    if recipe is not None:
        configs["engine.json"] = recipe
    for name, content in configs.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    write_tokenizer(folder / "tokenizer")
    takes_guidance = bool((unet or {}).get("time_cond_proj_dim"))
    for part, model in networks(takes_guidance).items():
        (folder / part).mkdir(exist_ok=True)
        onnx.save(model, folder / part / "model.onnx")
    return folder


def write_tokenizer(folder: Path) -> None:
    """CLIP's kind of vocabulary, with letters, digits, some signs and a few merges."""
    signs = [chr(n) for n in range(33, 127)]
    vocabulary = [*signs, *(sign + "</w>" for sign in signs), *("".join(merge.split()) for merge in MERGES)]
    vocabulary += ["<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({token: n for n, token in enumerate(vocabulary)}))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *MERGES, ""]))
    roles = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>"}
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 77, **roles}))


def networks(takes_guidance: bool = False) -> dict[str, onnx.ModelProto]:
    """text_encoder: token numbers / 100. vae_encoder, vae_decoder: convolutions by 2x2. unet: half of the sample, plus
    a colour that depends on the text, plus timestep / 10000 (and the guidance embedding's sum).
    """
    rng = np.random.default_rng(0)
    mean = rng.normal(0, 0.3, (CHANNELS, 3, 2, 2))
    colour = [("colour", [[[[0.4]], [[-0.3]], [[0.2]], [[0.1]]]])]
    return {
        "text_encoder": _model(
            [("input_ids", TensorProto.INT64, ["batch_size", "sequence_length"])],
            ("last_hidden_state", ["batch_size", "sequence_length", TEXT]),
            [
                ("Cast", ["input_ids"], "numbers", {"to": TensorProto.FLOAT}),
                ("Unsqueeze", ["numbers", "last"], "column", {}),
                ("Mul", ["column", "hundredth"], "last_hidden_state", {}),
            ],
            [("last", np.array([2])), ("hundredth", np.full((1, 1, TEXT), 0.01))],
        ),
        "vae_encoder": _model(
            [("sample", TensorProto.FLOAT, ["batch_size", 3, "sample_height", "sample_width"])],
            ("latent_parameters", ["batch_size", 2 * CHANNELS, "h", "w"]),
            [("Conv", ["sample", "kernel", "bias"], "latent_parameters", {"strides": [2, 2]})],
            [
                ("kernel", np.concatenate([mean, 0 * mean])),
                ("bias", np.repeat([0.0, -4.0], CHANNELS)),
            ],
        ),
        "unet": _model(
            [
                ("sample", TensorProto.FLOAT, ["batch_size", CHANNELS, "height", "width"]),
                ("timestep", TensorProto.FLOAT, []),
                ("encoder_hidden_states", TensorProto.FLOAT, ["batch_size", "sequence_length", TEXT]),
                *([("timestep_cond", TensorProto.FLOAT, ["batch_size", 8])] if takes_guidance else []),
            ],
            ("out_sample", ["batch_size", CHANNELS, "height", "width"]),
            [
                ("Mul", ["sample", "half"], "halved", {}),
                ("ReduceMean", ["encoder_hidden_states"], "text", {"keepdims": 0}),
                ("Mul", ["text", "colour"], "tint", {}),
                ("Mul", ["timestep", "small"], "time", {}),
                ("Add", ["halved", "tint"], "tinted", {}),
                ("Add", ["tinted", "time"], "timed" if takes_guidance else "out_sample", {}),
                *(
                    [
                        ("ReduceSum", ["timestep_cond"], "guidance", {"keepdims": 0}),
                        ("Add", ["timed", "guidance"], "out_sample", {}),
                    ]
                    if takes_guidance
                    else []
                ),
            ],
            [("half", 0.5), ("small", 1e-4), *colour],
        ),
        "vae_decoder": _model(
            [("latent_sample", TensorProto.FLOAT, ["batch_size", CHANNELS, "latent_height", "latent_width"])],
            ("sample", ["batch_size", 3, "h", "w"]),
            [("ConvTranspose", ["latent_sample", "kernel"], "sample", {"strides": [2, 2]})],
            [("kernel", mean)],
        ),
    }


def _model(
    inputs: list[tuple[str, int, list[Any]]],
    output: tuple[str, list[Any]],
    nodes: list[tuple[str, list[str], str, dict[str, Any]]],
    constants: list[tuple[str, Any]],
) -> onnx.ModelProto:
    def constant(value: Any) -> np.ndarray:
        array = np.asarray(value)
        return array if array.dtype == np.int64 else array.astype(np.float32)

    graph = helper.make_graph(
        [helper.make_node(kind, ins, [out], **options) for kind, ins, out, options in nodes],
        "network",
        [helper.make_tensor_value_info(*value) for value in inputs],
        [helper.make_tensor_value_info(output[0], TensorProto.FLOAT, output[1])],
        [numpy_helper.from_array(constant(value), name) for name, value in constants],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
