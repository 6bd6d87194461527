"""Devices: the table, what reaches onnxruntime, the refusal to fall back, and the session's constants."""

import gc
import sys
import threading
import time
import weakref
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from glaze_models.errors import DeviceError, ModelError, OptionError
from glaze_runtime.devices import CPU, DEVICES, Placement, available, choose, open_session, plugins, session
from glaze_runtime.devices.verdicts import Verdict

WEIGHT = np.random.default_rng(0).standard_normal((4, 3, 3, 3)).astype(np.float32)
IMAGE = np.random.default_rng(1).random((1, 3, 8, 6)).astype(np.float32)


def convolution() -> bytes:
    """image [1,3,H,W] -> y [1,4,H,W]; its weight `w` is left out."""
    weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=WEIGHT.shape)
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="weights")
    graph = helper.make_graph(
        [helper.make_node("Conv", ["image", "w"], ["y"], pads=[1, 1, 1, 1])],
        "convolution",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, "H", "W"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4, "H", "W"])],
        [weight],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10
    ).SerializeToString()


def with_weight() -> bytes:
    model = onnx.load_from_string(convolution())
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(WEIGHT, "w"))
    return model.SerializeToString()


def factors() -> bytes:
    """x [2,4] -> c [2,4], d [2,6]: by `wide` [6,4] and `square` [6,6], transposed and then as they are."""
    rng = np.random.default_rng(0)
    constants = {"wide": rng.random((6, 4), np.float32), "square": rng.random((6, 6), np.float32)}
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["x", "wide"], ["a"], transB=1),
            helper.make_node("Gemm", ["a", "square"], ["b"], transB=1),
            helper.make_node("Gemm", ["b", "wide"], ["c"]),
            helper.make_node("Gemm", ["a", "square"], ["d"]),
        ],
        "factors",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 4])],
        [
            helper.make_tensor_value_info("c", TensorProto.FLOAT, [2, 4]),
            helper.make_tensor_value_info("d", TensorProto.FLOAT, [2, 6]),
        ],
        [onnx.numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10
    ).SerializeToString()


def install(
    monkeypatch: pytest.MonkeyPatch, *providers: str, at_work: str = "CPUExecutionProvider", run=None
) -> list[SimpleNamespace]:
    """Pretend that onnxruntime has these providers, and that one of them does the work; the sessions that are
    opened."""
    opened = []

    class Session:
        def __init__(self, model, options, **arguments):
            opened.append(SimpleNamespace(model=model, options=options, **arguments))

        def run(self, *arguments):
            return run(*arguments)

        def get_inputs(self):
            return []

        def get_provider_graph_assignment_info(self):
            return [part(at_work, "Conv")]

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [*providers, "CPUExecutionProvider"])
    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    return opened


def part(provider, *operators):
    """Of a graph: what one provider was given."""
    nodes = [SimpleNamespace(op_type=operator) for operator in operators]
    return SimpleNamespace(ep_name=provider, get_nodes=lambda: nodes)


@pytest.fixture
def user_cache(monkeypatch, tmp_path):
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / name)
    return tmp_path / "glaze-edge"


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


def test_coreml_gets_its_options_and_a_cache(monkeypatch, user_cache):
    opened = install(monkeypatch, "CoreMLExecutionProvider", at_work="CoreMLExecutionProvider")
    open_session(convolution(), DEVICES["coreml"])
    options = {
        "ModelFormat": "MLProgram",
        "MLComputeUnits": "CPUAndGPU",
        "RequireStaticInputShapes": "1",
        "AllowLowPrecisionAccumulationOnGPU": "0",
        "ModelCacheDirectory": str(user_cache / "coreml"),
    }
    assert opened[0].providers == [("CoreMLExecutionProvider", options)]
    assert opened[0].enable_fallback is False
    assert (user_cache / "coreml").is_dir()


def test_coreml_does_without_a_cache_that_cannot_be_made(monkeypatch, user_cache):
    opened = install(monkeypatch, "CoreMLExecutionProvider", at_work="CoreMLExecutionProvider")
    user_cache.write_text("in the way")
    open_session(convolution(), DEVICES["coreml"])
    assert "ModelCacheDirectory" not in opened[0].providers[0][1]


def test_coreml_keeps_what_it_compiled_by_graph_weights_and_sizes(monkeypatch, user_cache):
    opened = install(monkeypatch, "CoreMLExecutionProvider", at_work="CoreMLExecutionProvider")
    other_graph = convolution().replace(b"convolution", b"convolutioN")
    for model, width, weight in (
        (convolution(), 6, WEIGHT),
        (convolution(), 6, WEIGHT),
        (convolution(), 7, WEIGHT),
        (convolution(), 6, WEIGHT + 1),
        (other_graph, 6, WEIGHT),
    ):
        open_session(model, DEVICES["coreml"], dims={"H": 8, "W": width}, initializers={"w": weight})
    keys = []
    for session_ in opened:
        given = onnx.ModelProto.FromString(session_.model)
        keys += [entry.value for entry in given.metadata_props if entry.key == "COREML_CACHE_KEY"]
    assert keys[0] == keys[1]
    assert len(keys) == len(opened)
    assert len(set(keys)) == 4
    assert all(key.isalnum() and len(key) <= 64 for key in keys)
    del given.metadata_props[:]
    assert given == onnx.ModelProto.FromString(other_graph)


def test_a_network_in_a_file_is_not_kept_compiled(monkeypatch, user_cache, tmp_path):
    """Nothing here reads its weights, so no key could tell them from others."""
    opened = install(monkeypatch, "CoreMLExecutionProvider", at_work="CoreMLExecutionProvider")
    file = tmp_path / "network.onnx"
    file.write_bytes(with_weight())
    open_session(file, DEVICES["coreml"])
    assert opened[0].model == str(file)
    assert "ModelCacheDirectory" not in opened[0].providers[0][1]


def test_directml_gets_its_options_and_the_session_it_asks_for(monkeypatch):
    opened = install(monkeypatch, "DmlExecutionProvider", at_work="DmlExecutionProvider")
    open_session(convolution(), DEVICES["directml"])
    assert opened[0].providers == [("DmlExecutionProvider", {"performance_preference": "high_performance"})]
    assert opened[0].enable_fallback is False
    assert opened[0].options.execution_mode == onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    assert opened[0].options.enable_mem_pattern is False


@pytest.mark.parametrize(("name", "overlap"), [("directml", False), ("cuda", True)])
def test_directml_runs_one_at_a_time(name, overlap, monkeypatch):
    at_work: list[None] = []
    most: list[int] = []

    def run(*_):
        at_work.append(None)
        most.append(len(at_work))
        time.sleep(0.02)
        at_work.pop()
        return ["y"]

    install(monkeypatch, DEVICES[name].provider, at_work=DEVICES[name].provider, run=run)
    sessions = [open_session(convolution(), DEVICES[name]) for _ in range(2)]
    threads = [threading.Thread(target=sessions[n % 2].run, args=(["y"], {})) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 6
    assert (max(most) > 1) is overlap
    assert sessions[0].run(["y"], {}) == ["y"]


def test_a_failed_run_leaves_the_device_to_the_next(monkeypatch):
    def run(*_):
        raise RuntimeError("device removed")

    install(monkeypatch, "DmlExecutionProvider", at_work="DmlExecutionProvider", run=run)
    opened = open_session(convolution(), DEVICES["directml"])
    for _ in range(2):
        with pytest.raises(RuntimeError, match="device removed"):
            opened.run(["y"], {})


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("cuda", {"use_tf32": "0"}),
        ("webgpu", {}),
        ("openvino", {"device_type": "GPU", "precision": "ACCURACY"}),
        ("openvino-cpu", {"device_type": "CPU", "precision": "ACCURACY"}),
    ],
)
def test_a_built_in_provider_gets_its_options_and_the_model_as_it_is(name, options, monkeypatch):
    provider = DEVICES[name].provider
    opened = install(monkeypatch, provider, at_work=provider)
    monkeypatch.setattr(session, "plugin_hardware", lambda module: None)
    open_session(convolution(), DEVICES[name])
    assert opened[0].providers == [(provider, options)]
    assert onnx.ModelProto.FromString(opened[0].model) == onnx.ModelProto.FromString(convolution())


def test_openvino_gets_no_square_weight_both_ways(monkeypatch):
    """A square weight, as it is and transposed: it would take it one way in both places."""
    opened = install(monkeypatch, "OpenVINOExecutionProvider", at_work="OpenVINOExecutionProvider")
    given = factors()
    open_session(given, DEVICES["openvino-cpu"])
    monkeypatch.undo()
    changed = opened[0].model
    nodes = onnx.ModelProto.FromString(changed).graph.node
    assert [node.op_type for node in nodes] == ["Gemm", "Gemm", "Gemm", "Reshape", "Gemm"]
    assert [node.input[1] for node in nodes[:3]] == ["wide", "square", "wide"]
    assert (nodes[3].input[0], nodes[3].output[0]) == ("square", nodes[4].input[1])
    feeds = {"x": np.random.default_rng(0).random((2, 4), np.float32)}
    np.testing.assert_array_equal(
        *(open_session(model, CPU).run(["d"], feeds)[0] for model in (given, changed))
    )


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
