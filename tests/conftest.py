"""What all tests share: a data folder of their own, a small world of encoders to be added, and a small style engine."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from engines import MakeEngine, write_engine
from numpy.typing import NDArray
from safetensors.numpy import save_file

import glaze_models.learned_step  # noqa: F401  its card must know its files before `known` moves the folder
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


@pytest.fixture
def make_engine(tmp_path: Path) -> MakeEngine:
    """Makes the folder of an engine; `name` is the folder's, other arguments are of `write_engine`."""

    def make(name: str = "engine", **changes: Any) -> Path:
        return write_engine(tmp_path / name, **changes)

    return make
