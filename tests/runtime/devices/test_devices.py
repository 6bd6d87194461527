"""Devices: the table, what reaches onnxruntime, the refusal to fall back, and the session's constants."""

import gc
import sys
import weakref
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from fake_providers import IMAGE, WEIGHT, convolution, install, part, with_weight

from glaze_models.errors import DeviceError, ModelError, OptionError
from glaze_runtime.devices import CPU, DEVICES, Placement, available, choose, open_session, plugins, session
from glaze_runtime.devices.verdicts import Verdict


def verdict(device, *, passed=True, seconds=1.0, reason="fine") -> Verdict:
    return Verdict(
        device=device.name,
        passed=passed,
        reason=reason,
        size=64,
        relative_error=0.0,
        seconds_per_step=seconds,
        cpu_seconds_per_step=2.0,
    )


def never(device):
    raise AssertionError(f"{device.name} must not be tested")


def test_a_session_runs_with_the_tensors_the_model_leaves_out():
    session = open_session(convolution(), CPU, dims={"H": 8, "W": 6}, initializers={"w": WEIGHT})
    expected = open_session(with_weight(), CPU, dims={"H": 8, "W": 6}).run(None, {"image": IMAGE})[0]
    np.testing.assert_array_equal(session.run(None, {"image": IMAGE})[0], expected)


def test_the_tensors_live_as_long_as_the_session():
    tensor = WEIGHT.copy()
    alive = weakref.ref(tensor)
    session = open_session(convolution(), CPU, dims={"H": 8, "W": 6}, initializers={"w": tensor})
    del tensor
    gc.collect()
    assert alive() is not None
    del session
    gc.collect()
    assert alive() is None


@pytest.mark.parametrize("view", [WEIGHT[::-1, ::-1], np.asfortranarray(WEIGHT)], ids=["flipped", "fortran"])
def test_tensors_need_not_be_contiguous(view):
    session = open_session(convolution(), CPU, dims={"H": 8, "W": 6}, initializers={"w": view})
    copy = open_session(convolution(), CPU, dims={"H": 8, "W": 6}, initializers={"w": view.copy(order="C")})
    np.testing.assert_array_equal(*(s.run(None, {"image": IMAGE})[0] for s in (session, copy)))


@pytest.mark.parametrize(
    ("model", "arguments", "says"),
    [
        (b"not a model", {}, "cannot be loaded"),
        (convolution(), {"dims": {"H": 8, "W": 6}}, "cannot be loaded"),
        (convolution(), {"dims": {"H": 8}, "initializers": {"w": WEIGHT}}, "'image' has no fixed size"),
        (convolution(), {"dims": {"H": 8, "W": 6}, "initializers": {"w": WEIGHT[:1]}}, "cannot be loaded"),
    ],
    ids=["damaged", "tensor missing", "size missing", "tensor misshapen"],
)
def test_a_model_that_cannot_be_used_is_an_error(model, arguments, says):
    with pytest.raises(ModelError, match=says):
        open_session(model, CPU, **arguments)


def test_where_operators_run_is_known(monkeypatch):
    assert open_session(with_weight(), CPU, dims={"H": 8, "W": 6}).placement == Placement(1, 0)
    install(monkeypatch, "WebGpuExecutionProvider")
    model = onnx.ModelProto.FromString(convolution())
    model.graph.node.add(op_type="Det", input=["y"], output=["d"])
    for parts in ([], [part("CPUExecutionProvider", "Det")]):  # WebGPU's own are not listed
        monkeypatch.setattr(
            onnxruntime.InferenceSession, "get_provider_graph_assignment_info", lambda self, p=parts: p
        )
        placed = open_session(model.SerializeToString(), DEVICES["webgpu"]).placement
        assert placed == Placement(2 - len(parts), len(parts))


@pytest.mark.parametrize("name", ["cuda", "coreml", "directml", "webgpu", "openvino", "openvino-cpu"])
def test_falling_back_to_the_cpu_is_an_error(name, monkeypatch, user_cache):
    install(monkeypatch, DEVICES[name].provider)
    with pytest.raises(DeviceError, match=f"'{name}' takes no part of the model.*use the CPU"):
        open_session(convolution(), DEVICES[name])


def test_a_device_that_refuses_the_model_is_an_error(monkeypatch):
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["DmlExecutionProvider"])

    class Refusing:
        def __init__(self, *_, **__):
            raise RuntimeError("no adapter")

    monkeypatch.setattr(onnxruntime, "InferenceSession", Refusing)
    with pytest.raises(DeviceError, match=r"'directml' refuses the model: no adapter\. Use the CPU"):
        open_session(b"", DEVICES["directml"])


@pytest.mark.parametrize("name", ["cuda", "coreml", "directml", "webgpu", "openvino"])
def test_a_missing_device_says_what_it_needs(name, monkeypatch):
    install(monkeypatch)
    monkeypatch.setattr(session, "plugin_hardware", lambda module: None)
    with pytest.raises(DeviceError) as caught:
        open_session(b"", DEVICES[name])
    assert DEVICES[name].needs in str(caught.value)
    with pytest.raises(DeviceError, match="is not available here"):
        choose(name, never)


def test_a_plugin_is_registered_and_its_graphics_card_preferred(monkeypatch):
    def hardware(name, discrete):
        return SimpleNamespace(ep_name=name, device=SimpleNamespace(metadata={"Discrete": discrete}))

    registered = []
    plugin: Any = ModuleType("onnxruntime_ep_webgpu")
    plugin.__spec__ = SimpleNamespace()
    plugin.get_ep_name = lambda: "WebGpuExecutionProvider"
    plugin.get_library_path = lambda: "libwebgpu.so"
    cards = [
        hardware("CPUExecutionProvider", "1"),
        hardware("WebGpuExecutionProvider", "0"),
        hardware("WebGpuExecutionProvider", "1"),
    ]
    monkeypatch.setitem(sys.modules, plugin.__name__, plugin)
    monkeypatch.setattr(onnxruntime, "register_execution_provider_library", lambda *a: registered.append(a))
    monkeypatch.setattr(onnxruntime, "get_ep_devices", lambda: cards)
    monkeypatch.setattr(session, "plugin_hardware", plugins.plugin_hardware.__wrapped__)
    assert DEVICES["webgpu"] in available()
    assert registered == [("WebGpuExecutionProvider", "libwebgpu.so")]
    assert plugins.plugin_hardware.__wrapped__(plugin.__name__) is cards[2]


def test_a_plugin_session_is_opened_on_its_hardware(monkeypatch):
    opened = install(monkeypatch, at_work="WebGpuExecutionProvider")
    given = []

    class Options(onnxruntime.SessionOptions):  # type: ignore[misc]
        def add_provider_for_devices(self, found, options):
            given.append((found, options))

    monkeypatch.setattr(onnxruntime, "SessionOptions", Options)
    monkeypatch.setattr(session, "plugin_hardware", lambda module: f"graphics of {module}")
    open_session(b"", DEVICES["webgpu"])
    assert given == [(["graphics of onnxruntime_ep_webgpu"], {})]
    assert opened[0].providers is None


def test_the_cpu_is_always_there_and_last():
    assert available()[-1] == CPU
    assert list(DEVICES)[-1] == "cpu"


def test_auto_takes_the_first_that_passes_and_beats_the_cpu(monkeypatch):
    install(monkeypatch, "CUDAExecutionProvider", "DmlExecutionProvider", "OpenVINOExecutionProvider")
    verdicts: dict[str, dict[str, Any]] = {
        "cuda": {"passed": False, "reason": "wrong"},
        "directml": {"seconds": 3.0},
        "openvino": {},
    }
    tested = []

    def test(device):
        tested.append(device.name)
        return verdict(device, **verdicts[device.name])

    assert choose("auto", test) == DEVICES["openvino"]
    assert tested == ["cuda", "directml", "openvino"]


def test_auto_ends_at_the_cpu_untested(monkeypatch):
    install(monkeypatch)
    assert choose("auto", never) == CPU
    assert choose("cpu", never) == CPU


def test_a_named_device_may_be_slow_but_not_wrong(monkeypatch):
    install(monkeypatch, "DmlExecutionProvider")
    assert choose("directml", lambda device: verdict(device, seconds=9.0)) == DEVICES["directml"]
    with pytest.raises(DeviceError, match="'directml' failed its self-test: all green"):
        choose("directml", lambda device: verdict(device, passed=False, reason="all green"))


def test_an_unknown_device_is_an_error():
    with pytest.raises(OptionError, match="no device called 'tpu'"):
        choose("tpu", never)


@pytest.mark.parametrize(
    ("held_to", "threads"), [({0, 1, 2, 3}, 0), ({1}, 1)], ids=["whole machine", "one processor"]
)
def test_threads_follow_the_processors_this_process_may_use(held_to, threads, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: held_to, raising=False)
    assert session._threads() == threads
