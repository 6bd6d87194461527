"""The self-test: wrong numbers fail, slow devices are not worth using, verdicts are remembered."""

import json
import sys
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from glaze_models.encoders import encoder_card
from glaze_runtime.devices import CPU, DEVICES, Device, Placement, choose, open_session, selftest, verdicts
from glaze_runtime.devices.selftest import cosine, self_test
from glaze_runtime.devices.verdicts import Verdict

CARD = encoder_card("sd1-a")
assert CARD.weights is not None
WEIGHTS = CARD.weights
OTHER = Device(name="other", provider="CPUExecutionProvider", note="a made-up device", needs="nothing")
KERNEL = np.random.default_rng(0).standard_normal((4, 3, 8, 8)).astype(np.float32)
CONVOLUTION = helper.make_node("Conv", ["image", "kernel"], ["latent"], strides=[8, 8])


def model(outputs: dict[str, Any], nodes: list[Any], kernel: np.ndarray) -> bytes:
    inputs = {"image": [1, 3, "H", "W"], "target": [1, 4, "h", "w"]}
    read = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        nodes,
        "encoder",
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in inputs.items()
            if name in read
        ],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(kernel, "kernel"), numpy_helper.from_array(np.float32(2), "two")],
    )
    opsets = [helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()


def encode_graph(kernel) -> bytes:
    """image -> latent; the encoder is one convolution of stride 8."""
    return model({"latent": [1, 4, "h", "w"]}, [CONVOLUTION], kernel)


def step_graph(kernel) -> bytes:
    """image, target -> sum of squares, gradient."""
    nodes = [
        CONVOLUTION,
        helper.make_node("Sub", ["latent", "target"], ["error"]),
        helper.make_node("ReduceSumSquare", ["error"], ["loss"], keepdims=0),
        helper.make_node("Mul", ["error", "two"], ["slope"]),
        helper.make_node("ConvTranspose", ["slope", "kernel"], ["gradient"], strides=[8, 8]),
    ]
    return model({"loss": [], "gradient": [1, 3, "H", "W"]}, nodes, kernel)


class Clock:
    """The time that passes in a self-test: only what encoders say they take."""

    now = 0.0


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    monkeypatch.setattr("time.perf_counter", lambda: Clock.now)


@dataclass
class Encoder:
    """A real encoder on a device that is there; its convolutions can be made wrong and its steps slow."""

    kernel: np.ndarray
    device: Device = CPU
    delay: float = 0.0
    fault: Exception | None = None
    spoils: int | None = None
    steps = 0

    def __post_init__(self):
        dims = {"H": 32, "W": 32, "h": 4, "w": 4}
        self.encoder, self.step = (
            open_session(graph(self.kernel), self.device, dims=dims) for graph in (encode_graph, step_graph)
        )

    def encode(self, image):
        return self.encoder.run(None, {"image": image.transpose(2, 0, 1)[None]})[0]

    def value_and_grad(self, image, target):
        if self.fault:
            raise self.fault
        Clock.now += self.delay
        loss, gradient = self.step.run(None, {"image": image.transpose(2, 0, 1)[None], "target": target})
        self.steps += 1
        if self.steps == self.spoils:
            gradient = -gradient
        return float(loss), gradient[0].transpose(1, 2, 0)

    def placement(self, height, width):
        assert (height, width) == (32, 32)
        return Placement(7, 3)


def encoders(other=KERNEL, *, cpu_delay=0.01, **faults):
    """A factory; what it made is in `made`."""

    names: list[str] = []
    every: list[Encoder] = []

    def make(device):
        made = (
            Encoder(KERNEL, delay=cpu_delay)
            if device == CPU
            else Encoder(other, **{"delay": 0.001, **faults})
        )
        names.append(device.name)
        every.append(made)
        return made

    made: Any = make
    made.made, made.encoders = names, every
    return made


@pytest.fixture
def examine(tmp_path):
    return lambda factory, device=OTHER, card=CARD, size=32, anew=False: self_test(
        device, factory, card=card, size=size, folder=tmp_path, anew=anew
    )


def test_a_device_that_is_right_and_fast_is_worth_using(examine):
    found = examine(encoders())
    assert found.passed
    assert found.worth_using
    assert found.relative_error == 0
    assert found.gradient_cosine == 1
    assert found.times_as_fast == pytest.approx(10)
    assert (found.operators, found.operators_on_cpu) == (7, 3)
    assert found.seconds_per_step < found.cpu_seconds_per_step
    assert "times as fast as the CPU" in found.reason
    assert found.size == 32


def test_rounding_is_allowed(examine):
    found = examine(encoders(KERNEL * np.float32(1 + 1e-5)))
    assert found.passed
    assert 0 < found.relative_error < 1e-3


@pytest.mark.parametrize(
    "kernel",
    [
        KERNEL[:, :, ::-1].copy(),
        KERNEL * np.float32(1.01),
        KERNEL * np.float32(np.nan),
        KERNEL * np.float32(0),
    ],
    ids=["flipped", "off by 1 %", "not finite", "zeros"],
)
def test_wrong_convolutions_fail(examine, kernel):
    found = examine(encoders(kernel))
    assert not found.passed
    assert not found.worth_using
    assert found.relative_error > 1e-3
    assert "away from the CPU's" in found.reason


def test_a_gradient_that_points_elsewhere_fails(examine, monkeypatch):
    monkeypatch.setattr(selftest, "TOLERANCE", 9)  # the angle alone
    found = examine(encoders(KERNEL[:, :, ::-1].copy()))
    assert not found.passed
    assert found.gradient_cosine < 0.9999
    assert "cosine of the gradients" in found.reason
    assert "0.9999 is asked for" in found.reason


def test_the_last_step_must_be_as_right_as_the_first(examine):
    found = examine(encoders(spoils=4))
    assert not found.passed
    assert found.gradient_cosine == pytest.approx(-1)


def test_a_device_that_takes_long_is_not_timed_again(examine):
    factory = encoders(delay=11.0)
    found = examine(factory)
    assert found.passed
    assert found.seconds_per_step == 11
    assert [made.steps for made in factory.encoders] == [4, 1]


@pytest.mark.parametrize("gradient", [np.zeros(3), np.full(3, np.nan), np.array([np.inf, 0, 0])], ids=str)
def test_no_gradient_has_no_angle(gradient):
    assert cosine(gradient, np.ones(3)) == 0


def test_a_slow_device_passes_but_auto_leaves_it(examine, monkeypatch):
    monkeypatch.setattr(
        onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"]
    )
    factory = encoders(cpu_delay=0.002, delay=0.02)
    found = examine(factory, DEVICES["cuda"])
    assert found.passed
    assert not found.worth_using
    assert "0.1 times as fast" in found.reason
    assert choose("auto", lambda device: found) == CPU
    assert choose("cuda", lambda device: found) == DEVICES["cuda"]


def test_a_device_that_cannot_run_fails_and_is_tried_again(examine):
    found = examine(encoders(fault=RuntimeError("device removed")))
    assert not found.passed
    assert found.reason == "it cannot run: device removed"
    assert found.seconds_per_step is None
    assert examine(encoders()).passed


def test_a_fault_on_the_cpu_is_not_the_devices(examine):
    def broken(device):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        examine(broken)


def test_a_verdict_is_remembered(examine):
    factory = encoders()
    assert examine(factory) == examine(factory)
    assert factory.made == ["cpu", "other"]


def test_a_verdict_is_replaced_when_that_is_asked_for(examine):
    assert examine(encoders()).passed
    assert not examine(encoders(KERNEL * 2), anew=True).passed
    assert not examine(encoders()).passed


def change_onnxruntime(monkeypatch):
    monkeypatch.setattr(onnxruntime, "__version__", "0.0.1")


def change_system(monkeypatch):
    monkeypatch.setattr("platform.version", lambda: "another")


def change_build(monkeypatch):
    monkeypatch.setattr(onnxruntime, "get_build_info", lambda: "another")


def change_hardware(monkeypatch):
    hardware(monkeypatch, Description="another")


def hardware(monkeypatch, **metadata):
    """Pretend that onnxruntime tells this of what the device OTHER runs on."""
    told = SimpleNamespace(
        vendor="Maker", vendor_id=1, device_id=2, type=SimpleNamespace(name="GPU"), metadata=metadata
    )
    found = SimpleNamespace(ep_name=OTHER.provider, ep_metadata={"version": "1"}, device=told)
    monkeypatch.setattr(onnxruntime, "get_ep_devices", lambda: [found])


@pytest.mark.parametrize(
    "change",
    [
        change_onnxruntime,
        change_system,
        change_build,
        change_hardware,
        {"device": replace(OTHER, name="another")},
        {"device": replace(OTHER, options={"precision": "f16"})},
        {"card": replace(CARD, weights=replace(WEIGHTS, sha256="0" * 64))},
        {"card": replace(CARD, name="another")},
    ],
    ids=["onnxruntime", "system", "build", "hardware", "device", "options", "weights", "encoder"],
)
def test_a_verdict_holds_only_while_nothing_has_changed(examine, change, monkeypatch):
    factory = encoders()
    examine(factory)
    if callable(change):
        change(monkeypatch)
        examine(factory)
    else:
        examine(factory, **change)
    assert len(factory.made) == 4


@pytest.mark.parametrize(
    ("told", "name"),
    [({"Description": "Card 9000"}, "Card 9000"), ({}, "Maker GPU")],
    ids=["named", "nameless"],
)
def test_what_a_device_runs_on_is_named(told, name, examine, monkeypatch):
    hardware(monkeypatch, **told)
    assert examine(encoders()).hardware == name


def test_a_plugin_of_another_version_is_tested_again(examine, monkeypatch):
    versions = ["0.4.0", "0.5.0", "0.5.0"]
    monkeypatch.setattr("glaze_runtime.devices.hardware.version", lambda package: versions.pop(0))
    factory = encoders()
    for _ in range(3):
        examine(factory, replace(OTHER, plugin="onnxruntime_ep_other"))
    assert len(factory.made) == 4


@pytest.mark.skipif(sys.platform != "linux", reason="the files are Linux's")
def test_another_vulkan_driver_is_another_machine(monkeypatch, tmp_path):
    driver = tmp_path / "driver.json"
    files = []
    for text in ("1.0", "1.1.0"):
        driver.write_text(text)
        monkeypatch.setenv("VK_ICD_FILENAMES", str(driver))
        files.append(verdicts.verdict_file(["other"]))
    monkeypatch.delenv("VK_ICD_FILENAMES")
    files.append(verdicts.verdict_file(["other"]))
    assert len(set(files)) == 3


def test_a_verdict_holds_for_one_size():
    assert verdicts.verdict_file(["other", 32]) != verdicts.verdict_file(["other", 64])


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[]", b'{"passed": true}', b"\xff\xfe", b'{"verdict": 1}'], ids=repr
)
def test_a_damaged_file_is_ignored_and_written_again(examine, damage, tmp_path):
    first = examine(encoders())
    (file,) = tmp_path.iterdir()
    file.write_bytes(damage)
    factory = encoders()
    again = examine(factory)
    assert factory.made == ["cpu", "other"]
    assert again.passed == first.passed
    assert json.loads(file.read_text())["device"] == "other"
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_that_cannot_be_written_costs_only_time(tmp_path):
    blocked = tmp_path / "file"
    blocked.touch()
    assert self_test(OTHER, encoders(), card=CARD, size=32, folder=blocked / "sub").passed


def test_verdicts_are_kept_in_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / name)
    assert self_test(OTHER, encoders(), card=CARD, size=32).passed
    assert len(list((tmp_path / "glaze-edge" / "self-tests").iterdir())) == 1


def test_an_untimed_verdict_is_not_worth_using():
    assert not Verdict(device="other", passed=True, reason="", size=32).worth_using
