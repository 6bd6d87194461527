"""Every committed graph on a real device, with random weights at a small size, beside the CPU."""

import math
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

import glaze_models
from glaze_models import DECODERS, ENCODERS, DecoderCard, EncoderCard
from glaze_runtime.devices import CPU, Device, open_session
from glaze_runtime.devices.selftest import COSINE, TOLERANCE, cosine, relative

GRAPHS = {file.name: file for file in (Path(glaze_models.__file__).parent / "graphs").glob("*.onnx")}
CARDS: list[EncoderCard | DecoderCard] = [*ENCODERS.values(), *DECODERS.values()]
STRIDES = {file.name: card.stride for card in CARDS for file in card.graphs}
SIDE = 32
"""Pixels."""
DRAWS = 3
"""Of weights: at this size one value near 0, on the other side of a rectifier, moves the whole gradient; not in every
draw."""
TOWERS = {"clip_h.encode.onnx", "clip_h.step.onnx", "clip_l.encode.onnx", "clip_l.step.onnx"}
"""They take 224x224 and nothing else: hours on graphics that are made up by the processor."""

Tensors = dict[str, NDArray[np.float32]]


@pytest.mark.parametrize("name", sorted(GRAPHS))
def test_is_what_the_cpu_says(name: str, device: Device) -> None:
    if device.name == "webgpu" and name in TOWERS:
        pytest.skip("hours on software graphics")
    graph = onnx.load(GRAPHS[name], load_external_data=False).graph
    rectified = any(node.op_type == "Relu" for node in graph.node)
    wrong = [differences(name, graph, device, seed) for seed in range(DRAWS if rectified else 1)]
    assert [] in wrong, wrong


def differences(name: str, graph: onnx.GraphProto, device: Device, seed: int) -> list[str]:
    """The outputs that are not what the CPU gives, with weights and inputs drawn with `seed`."""
    rng = np.random.default_rng(seed)
    weights = {t.name: draw(t, rng) for t in graph.initializer if t.data_location == t.EXTERNAL}
    side = max(SIDE, 2 * STRIDES.get(name, 8))
    dims = dict.fromkeys(("height", "width"), side)
    dims |= dict.fromkeys(("latent_height", "latent_width"), side // STRIDES.get(name, 8))
    feeds = {value.name: picture(value, dims, rng) for value in graph.input}
    names = [value.name for value in graph.output]
    expected, found = (run(name, each, dims, weights, names, feeds) for each in (CPU, device))
    wrong = []
    for output, right, got in zip(names, expected, found, strict=True):
        error = relative(got, right)
        print(f"{name} {output}: relative L2 {error:.1e}")
        assert np.abs(right).max() > 0
        if error > TOLERANCE or (right.size > 1 and cosine(got, right) < COSINE):
            wrong.append(f"{output}: {error:.1e}")
    return wrong


def run(
    name: str, device: Device, dims: dict[str, int], weights: Tensors, outputs: list[str], feeds: Tensors
) -> list[NDArray[np.float32]]:
    session = open_session(GRAPHS[name].read_bytes(), device, dims=dims, initializers=weights)
    found: list[NDArray[np.float32]] = session.run(outputs, feeds)
    return found


def draw(tensor: onnx.TensorProto, rng: np.random.Generator) -> NDArray[np.float32]:
    """Values that keep a signal's size through a layer."""
    values = rng.standard_normal(tuple(tensor.dims), np.float32)
    if len(tensor.dims) > 1:
        return values * np.float32(math.prod(tensor.dims[1:]) ** -0.5)
    return values * np.float32(0.1) + np.float32(tensor.name.endswith("weight"))


def picture(
    value: onnx.ValueInfoProto, dims: dict[str, int], rng: np.random.Generator
) -> NDArray[np.float32]:
    shape = [d.dim_value or dims[d.dim_param] for d in value.type.tensor_type.shape.dim]
    return rng.random(shape, np.float32)
