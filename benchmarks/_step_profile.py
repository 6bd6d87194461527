"""A step of an encoder by operator, from onnxruntime's own profile."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from time import perf_counter
from typing import Any
from unittest.mock import patch

import numpy as np
import onnxruntime

from glaze_export.export import build_module
from glaze_models import EncoderCard
from glaze_runtime.devices import CPU, open_session
from glaze_runtime.weights.binding import Weights, bind, load_weights


@dataclass(frozen=True, kw_only=True)
class Group:
    """Operators of one type whose outputs have one height and width: how many, their milliseconds a step, and their
    flops."""

    operator: str
    size: str
    count: int
    milliseconds: float
    flops: int


def dims_of(card: EncoderCard, side: int) -> dict[str, int]:
    """The free dimensions of the graphs of `card` at this side of a square picture."""
    cells = side // card.stride
    return {"height": side, "width": side, "latent_height": cells, "latent_width": cells}


def step_profile(card: EncoderCard, side: int, rounds: int, folder: Path) -> tuple[list[float], list[Group]]:
    """Seconds of `rounds` steps, and the profile of as many others; one comes before each. Without weights they are
    random."""
    bound = bind(card.step_graph, _weights(card))
    dims = dims_of(card, side)
    shape = (1, card.channels, dims["latent_height"], dims["latent_width"])
    feeds = {
        "image": np.random.default_rng(0).random((1, 3, side, side), np.float32),
        "target": np.ones(shape, np.float32),
    }
    session = open_session(bound.model, CPU, dims=dims, initializers=bound.tensors)
    seconds = []
    for _ in range(rounds + 1):
        start = perf_counter()
        session.run(["loss", "gradient"], feeds)
        seconds.append(perf_counter() - start)
    made = onnxruntime.SessionOptions

    def profiling() -> onnxruntime.SessionOptions:
        options = made()
        options.enable_profiling = True
        options.profile_file_prefix = str(folder / card.name)
        return options

    # The product's own settings, and the profile beside them.
    with patch.object(onnxruntime, "SessionOptions", profiling):
        session = open_session(bound.model, CPU, dims=dims, initializers=bound.tensors)
    for _ in range(rounds + 1):
        session.run(["loss", "gradient"], feeds)
    events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    return seconds[1:], groups(events, rounds)


def groups(events: Sequence[dict[str, Any]], rounds: int) -> list[Group]:
    """Of the `events` of `rounds` runs and one before, which is left out; those that take longest first."""
    nodes = [e for e in events if e.get("cat") == "Node" and e["name"].endswith("_kernel_time")]
    found = defaultdict(list)
    for event in nodes[len(nodes) // (rounds + 1) :]:
        (shape,) = (size for kind in event["args"]["output_type_shape"][:1] for size in kind.values())
        found[event["args"]["op_name"], "x".join(map(str, shape[2:]))].append(event)
    made = [
        Group(
            operator=operator,
            size=size,
            count=len(those) // rounds,
            milliseconds=sum(event["dur"] for event in those) / 1e3 / rounds,
            flops=sum(_flops(event["args"]) for event in those) // rounds,
        )
        for (operator, size), those in found.items()
    ]
    return sorted(made, key=lambda group: -group.milliseconds)


def by_operator(those: Sequence[Group]) -> Iterator[Group]:
    """The sums of `those` over sizes, those that take longest first."""
    sums = []
    for operator in {group.operator for group in those}:
        same = [group for group in those if group.operator == operator]
        milliseconds, count, flops = (
            sum(getattr(g, a) for g in same) for a in ("milliseconds", "count", "flops")
        )
        sums.append(Group(operator=operator, size="", count=count, milliseconds=milliseconds, flops=flops))
    yield from sorted(sums, key=lambda group: -group.milliseconds)


def _flops(args: dict[str, Any]) -> int:
    """As glaze_export.flops counts them, from an event's shapes: channels that only fill a block of eight or sixteen
    count too."""
    inputs: list[list[int]]
    output: list[int]
    inputs, (output,) = (
        [next(iter(kind.values())) for kind in args[f"{end}_type_shape"]] for end in ("input", "output")
    )
    match args["op_name"]:
        case "Conv" | "FusedConv":
            return 2 * prod(output) * prod(inputs[1][1:])
        case "ConvTranspose":
            return 2 * prod(inputs[0]) * prod(inputs[1][1:])
        case "Gemm" | "FusedGemm" | "MatMul" | "FusedMatMul":
            return 2 * prod(output) * inputs[0][-1]
    return 0


def _weights(card: EncoderCard) -> Weights:
    if card.weights:
        return load_weights(card)
    tensors = {name: tensor.numpy() for name, tensor in build_module(card).state_dict().items()}
    return Weights(file=Path("random"), tensors=tensors)
