"""What each provider is told."""

import threading
import time

import numpy as np
import onnx
import onnxruntime
import pytest
from fake_providers import WEIGHT, convolution, factors, install, with_weight

from glaze_runtime.devices import CPU, DEVICES, open_session, session


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
