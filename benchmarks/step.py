#!/usr/bin/env python3
"""One optimisation step (loss and gradient) of each encoder NAME, of all without a name, at 512x512 or the one size it
takes.

onnxruntime against torch eager autograd in channels-last, two threads each, turn about, each in a process without the
other. Encoders without weights get random ones.
"""

import statistics
import tempfile
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import numpy as np
from safetensors.numpy import load_file

from glaze_export.flops import flops
from glaze_models import ENCODERS, EncoderCard, encoder_card
from glaze_runtime.devices import CPU, open_session
from glaze_runtime.weights.binding import Weights, bind

THREADS = 2


def dims_of(card: EncoderCard) -> dict[str, int]:
    side = card.side or 512
    cells = side // card.stride
    return {"height": side, "width": side, "latent_height": cells, "latent_width": cells}


def image_of(card: EncoderCard) -> Any:
    side = card.side or 512
    return np.random.default_rng(0).random((1, 3, side, side)).astype(np.float32)


def with_torch(card: EncoderCard, file: Path) -> Callable[[], Any]:
    """A step in torch; writes the weights to `file`."""
    import torch
    from safetensors.torch import save_model

    from glaze_export.export import build_module

    torch.set_num_threads(THREADS)
    module = build_module(card)
    save_model(module, str(file))
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    image = torch.from_numpy(image_of(card)).contiguous(memory_format=torch.channels_last)

    def step() -> None:
        leaf = image.clone().requires_grad_()
        (module(leaf) - 1).square().sum().backward()

    return step


def with_onnxruntime(card: EncoderCard, file: Path) -> Callable[[], Any]:
    """A step in onnxruntime, with the weights in `file`."""
    image = image_of(card)
    bound = bind(card.step_graph, Weights(file=file, tensors=load_file(file)))
    dims = dims_of(card)
    session = open_session(bound.model, CPU, dims=dims, initializers=bound.tensors)
    cells = dims["latent_height"], dims["latent_width"]
    feeds = {"image": image, "target": np.ones((1, card.channels, *cells), np.float32)}
    return lambda: session.run(["loss", "gradient"], feeds)


def serve(
    connection: Connection, make: Callable[[EncoderCard, Path], Callable[[], Any]], name: str, file: Path
) -> None:
    """Run a step whenever asked; answer with its seconds and the peak of the memory so far in GiB."""
    step = make(encoder_card(name), file)
    connection.send(True)
    while connection.recv():
        start = perf_counter()
        step()
        import resource  # not on Windows

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        connection.send((perf_counter() - start, peak))


def measure(card: EncoderCard, rounds: int, file: Path) -> dict[str, tuple[float, float]]:
    """For each of the two: median seconds a step, not counting the first, and peak memory in GiB."""
    context = get_context("spawn")
    workers = {}
    for name, make in (("torch", with_torch), ("onnxruntime", with_onnxruntime)):
        workers[name], theirs = context.Pipe()
        context.Process(target=serve, args=(theirs, make, card.name, file), daemon=True).start()
        workers[name].recv()
    seconds: dict[str, list[float]] = {name: [] for name in workers}
    peaks = {}
    for _ in range(rounds + 1):
        for name, worker in workers.items():
            worker.send(True)
            taken, peaks[name] = worker.recv()
            seconds[name].append(taken)
    for worker in workers.values():
        worker.send(False)
    return {name: (statistics.median(seconds[name][1:]), peaks[name]) for name in workers}


@click.command()
@click.argument("names", metavar="[NAME...]", nargs=-1)
@click.option("--rounds", default=5, show_default=True)
def main(names: tuple[str, ...], rounds: int) -> None:
    """Time a step of encoders."""
    for card in [encoder_card(name) for name in names or ENCODERS]:
        with tempfile.TemporaryDirectory() as folder:
            figures = measure(card, rounds, Path(folder) / "weights.safetensors")
        (ours, memory), (theirs, their_memory) = figures["onnxruntime"], figures["torch"]
        side = card.side or 512
        print(
            f"{card.name}: onnxruntime {ours:.3f} s, {memory:.2f} GiB; torch {theirs:.3f} s, {their_memory:.2f} GiB; "
            f"ratio {ours / theirs:.2f}; {flops(card.step_graph, dims_of(card)) / 1e9:.0f} Gflop a step at "
            f"{side}x{side}",
            flush=True,
        )


if __name__ == "__main__":
    main()
