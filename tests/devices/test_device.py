"""A device really run: the self-test on the bundled networks, the mask of rectifiers, the commands."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
from command import run
from onnx import helper, numpy_helper
from PIL import Image

from glaze_models import encoder_card
from glaze_runtime.devices import CPU, Device, available, open_session
from glaze_runtime.devices.selftest import self_test
from glaze_runtime.encoder import Encoder
from glaze_runtime.weights.binding import Weights, bind, load_weights

SMALLEST_MASKED = 8e-31
"""From here on a rectifier's mask, clip(2^100 y, 0, 1), is 1."""


def test_it_is_found(device: Device) -> None:
    assert device in available()


def test_the_mask_of_a_rectifier_is_exact(device: Device) -> None:
    rng = np.random.default_rng(0)
    y = np.minimum(10 ** rng.uniform(-45, 38.5, 2048), 3e38).astype(np.float32)
    y[:1024:2] *= -1
    y[0] = 0
    nodes = [
        helper.make_node("Relu", ["x"], ["y"]),
        helper.make_node("Mul", ["y", "large"], ["scaled"]),
        helper.make_node("Clip", ["scaled", "low", "high"], ["mask"]),
    ]
    constants = {"large": 2.0**100, "low": 0.0, "high": 1.0}
    shape = [1, 8, 16, 16]
    graph = helper.make_graph(
        nodes,
        "mask",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("mask", onnx.TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(np.float32(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    session = open_session(model.SerializeToString(), device)
    mask = session.run(None, {"x": y.reshape(shape)})[0].ravel()
    assert (mask[y <= 0] == 0).all()
    assert (mask[y >= SMALLEST_MASKED] == 1).all()
    assert ((mask >= 0) & (mask <= 1)).all()


@pytest.mark.parametrize(
    ("name", "size"), [("sd1-a", 64), ("sd1-b", 64), ("sd1-a", 128), ("sd1-b", 128), ("sd1-a", 256)]
)
def test_the_bundled_encoders_are_right(name: str, size: int, device: Device, tmp_path: Path) -> None:
    card = encoder_card(name)
    verdict = self_test(device, partial(Encoder, card), card=card, size=size, folder=tmp_path)
    print(verdict)
    assert verdict.passed, verdict.reason
    assert verdict.operators is not None
    assert verdict.operators > 100
    assert verdict.operators_on_cpu is not None
    assert verdict.operators_on_cpu <= 1


def test_two_checkpoints_of_one_graph_are_not_confused(device: Device) -> None:
    card = encoder_card("sd1-b")
    weights = load_weights(card)
    image = np.random.default_rng(0).random((1, 3, 64, 64), np.float32)
    dims = {"height": 64, "width": 64, "latent_height": 8, "latent_width": 8}
    latents = []
    for factor in (1, 1.5):
        tensors = {name: tensor * np.float32(factor) for name, tensor in weights.tensors.items()}
        bound = bind(card.encode_graph, Weights(file=weights.file, tensors=tensors))
        expected, found = (
            open_session(bound.model, each, dims=dims, initializers=bound.tensors).run(
                None, {"image": image}
            )[0]
            for each in (CPU, device)
        )
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())
        latents.append(found)
    one, other = latents
    assert not np.allclose(one, other, rtol=0.1)


def test_probe_names_it(device: Device, capsys: pytest.CaptureFixture[str]) -> None:
    """At the real size."""
    assert run("devices", "--probe", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    verdict = next(each for each in said["found"] if each["device"] == device.name)
    with capsys.disabled():
        print(verdict)
    assert verdict["passed"], verdict["reason"]
    assert verdict["size"] == 512
    assert verdict["gradient_cosine"] >= 0.9999
    assert device.name not in said["missing"]


def test_glaze_reaches_what_it_reaches_on_the_cpu(
    device: Device, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """After the probe, whose verdict holds here."""
    source = tmp_path / "a.png"
    colours = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    Image.fromarray(colours).resize((64, 64), Image.Resampling.BICUBIC).save(source)
    reached = {}
    for name in ("cpu", device.name):
        options = ("--effort", "quick", "--encoder", "sd1-a", "--style", "stained-glass", "--device", name)
        output = tmp_path / f"{name}.png"
        assert run("glaze", source, "-o", output, *options, "--json") == 0
        said = json.loads(capsys.readouterr().out)
        reached[name] = said["encoders"][0]
        with Image.open(output) as glazed:
            assert glazed.size == (64, 64)
    with capsys.disabled():
        print(reached)
    assert said["device"] == device.name
    assert reached[device.name]["attainment"] == pytest.approx(reached["cpu"]["attainment"], abs=0.01)
    assert reached["cpu"]["attainment"] > reached["cpu"]["control"] + 0.02
