"""What the machine can do, and what a process may have of it."""

import os
from collections.abc import Callable
from functools import partial
from time import perf_counter

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

MATRICES = 1024, 1536, 2048, 3072
CONVOLUTIONS = (24, 256), (32, 256), (48, 128), (64, 128), (96, 64), (128, 256), (512, 64)
"""Channels and side of the picture."""
IN_A_ROW = 4
"""So many convolutions follow each other, as in a network, so that what their layout costs at both ends is shared."""


def hold_to(threads: int) -> None:
    """Hold this process and those that it starts to so many processors, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def best_seconds(do: Callable[[], object], rounds: int) -> float:
    """The least of `rounds`, after one that is not counted."""
    do()
    taken = []
    for _ in range(rounds):
        start = perf_counter()
        do()
        taken.append(perf_counter() - start)
    return min(taken)


def gemm_peaks(threads: int, rounds: int, sides: tuple[int, ...] = MATRICES) -> dict[tuple[str, int], float]:
    """(numpy or onnxruntime, side) -> Gflop/s of the product of two square float32 matrices, at best."""
    found = {}
    for side in sides:
        a, b = np.random.default_rng(0).random((2, side, side), np.float32)
        out = np.empty_like(a)
        work = 2 * side**3 / 1e9
        found["numpy", side] = work / best_seconds(partial(np.matmul, a, b, out=out), rounds)
        product = helper.make_node("MatMul", ["a", "b"], ["c"])
        session = _session([product], a.shape, {"b": b}, threads)
        found["onnxruntime", side] = work / best_seconds(partial(session.run, None, {"a": a}), rounds)
    return found


def convolution_rate(channels: int, side: int, threads: int, rounds: int) -> float:
    """Gflop/s of IN_A_ROW 3x3 convolutions of a picture of this side, as many channels out as in, at best."""
    rng = np.random.default_rng(0)
    names = ["a", *(f"x{k}" for k in range(1, IN_A_ROW)), "c"]
    nodes = [
        helper.make_node("Conv", [names[k], f"w{k}"], [names[k + 1]], pads=[1, 1, 1, 1])
        for k in range(IN_A_ROW)
    ]
    weights = {f"w{k}": rng.random((channels, channels, 3, 3), np.float32) for k in range(IN_A_ROW)}
    image = rng.random((1, channels, side, side), np.float32)
    session = _session(nodes, image.shape, weights, threads)
    work = IN_A_ROW * 2 * 9 * channels**2 * side**2 / 1e9
    return work / best_seconds(lambda: session.run(None, {"a": image}), rounds)


def _session(
    nodes: list[onnx.NodeProto], shape: tuple[int, ...], constants: dict[str, np.ndarray], threads: int
) -> onnxruntime.InferenceSession:
    """A session of `nodes`, from the input a to the output c, both of `shape`."""
    tensors = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    ends = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name in "ac"]
    graph = helper.make_graph(nodes, "graph", ends[:1], ends[1:], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
