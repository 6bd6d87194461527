#!/usr/bin/env python3
"""One method at work on one picture, in a process of its own that holds nothing else: its time and its memory are the
method's.

    _worker.py ORDER

ORDER is an `Order` as JSON. The worker prints a line when it is ready; then each line of standard input is a request,
JSON with the arguments of a run, and is answered by a line, an `Answer`.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any, TypedDict

import numpy as np
from PIL import Image as PillowImage

OURS = "glaze-edge"


@dataclass(frozen=True, kw_only=True)
class Order:
    """The method, the files of the picture and its style target, and a folder for results.

    `backbone` is VGG16's file for the methods that look at LPIPS.
    """

    method: str
    original: str
    target: str
    folder: str
    encoders: tuple[str, ...]
    threads: int
    backbone: str | None = None


class Answer(TypedDict):
    """Steps done -> the file and the seconds that the loop took until then; the most memory so far, in GiB."""

    files: dict[str, str]
    seconds: dict[str, float]
    memory: float


Snapshot = tuple[int, float, Any]
"""Steps done, seconds of the loop until then, the picture [H,W,3] in 0..1."""


class Worker:
    """The process that carries out `order`; `with` ends it."""

    def __init__(self, order: Order) -> None:
        command = [sys.executable, __file__, json.dumps(asdict(order))]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        self._answer()

    def run(self, **request: Any) -> Answer:
        """Run the method once."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer: Answer = self._answer()
        return answer

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"A worker ended with status {self._process.wait()}; what it said is above.")
        return json.loads(line)

    def __enter__(self) -> "Worker":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()


def own_runs(order: Order) -> Callable[..., Iterator[Snapshot]]:
    """Runs of this tool at an effort, from the decoded picture and the painted target to the change; one comes before,
    unmeasured."""
    from dataclasses import replace

    from glaze_edge import Session, Settings, TargetStyle, read_picture
    from glaze_edge.settings import EFFORTS, Effort

    target = _opened(order.target)

    style = TargetStyle(name="the target that is there", paint=lambda image: target.copy())
    picture = read_picture(Path(order.original))
    session = Session(Settings(device="cpu", encoders=order.encoders))
    session.glaze(picture, style, effort=replace(EFFORTS["standard"], steps=1))

    def run(effort: str) -> Iterator[Snapshot]:
        chosen: Effort = EFFORTS[effort]
        start = perf_counter()
        result = session.glaze(picture, style, effort=chosen)
        yield chosen.steps, perf_counter() - start, result.image

    return run


def peer_runs(order: Order) -> Callable[..., Iterator[Snapshot]]:
    """Runs of a peer in torch at a strength; a step comes before, unmeasured."""
    import torch
    from _torch_peers import PEERS, gradient, hinged, towards

    from glaze_export.export import build_module
    from glaze_models import encoder_card

    torch.set_num_threads(order.threads)
    image, target = (
        torch.from_numpy(_opened(path).transpose(2, 0, 1)[None]).contiguous(memory_format=torch.channels_last)
        for path in (order.original, order.target)
    )
    modules = [build_module(encoder_card(name)) for name in order.encoders]
    peer = PEERS[order.method]
    for module in modules:
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    loss = towards(image, target, modules)
    if peer.lpips:
        assert order.backbone is not None
        loss = hinged(loss, image, Path(order.backbone))
    gradient(loss, image)

    def run(strength: float, steps: int, snapshots: Sequence[int]) -> Iterator[Snapshot]:
        walk = peer.walk(image, loss, strength, steps)
        seconds = 0.0
        for step in range(1, steps + 1):
            start = perf_counter()
            seen = next(walk)
            seconds += perf_counter() - start
            if step in snapshots:
                yield step, seconds, seen[0].permute(1, 2, 0).numpy()

    return run


def memory() -> float:
    """The most memory so far, in GiB. Linux's `ru_maxrss` would count what the parent had, too."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 2**20
    import resource  # not on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**30


def whole_levels(seen: Any) -> Any:
    """[H,W,3] in 0..1 -> the nearest of 256 levels, as this tool's files have them."""
    return np.rint(seen * 255).clip(0, 255).astype(np.uint8)


def unbiased_levels(seen: Any) -> Any:
    """[H,W,3] in 0..1 -> levels, up or down at random by the fraction; a whole number stays.

    The nearest level would make 2/255 of every limit between 1.5 and 2.5: no strength would be as visible as another
    method's.
    """
    scaled = seen.astype(np.float64) * 255
    nearest = np.rint(scaled)
    scaled = np.where(np.abs(scaled - nearest) < 1e-3, nearest, scaled)
    levels = np.floor(scaled + np.random.default_rng(0).random(seen.shape))
    return levels.clip(0, 255).astype(np.uint8)


def _opened(path: str) -> Any:
    return np.asarray(PillowImage.open(path).convert("RGB"), np.float32) / 255


def main() -> None:
    order = Order(**json.loads(sys.argv[1]))
    run = own_runs(order) if order.method == OURS else peer_runs(order)
    stem = f"{Path(order.original).stem.removesuffix('-original')}-{order.method.replace(', ', '-').replace(' ', '-')}"
    print(json.dumps("ready"), flush=True)
    for number, line in enumerate(sys.stdin):
        files, seconds = {}, {}
        for step, taken, seen in run(**json.loads(line)):
            files[str(step)] = str(Path(order.folder, f"{stem}-{number}-{step}.png"))
            seconds[str(step)] = taken
            levels = whole_levels(seen) if order.method == OURS else unbiased_levels(seen)
            PillowImage.fromarray(levels).save(files[str(step)])
        print(json.dumps(Answer(files=files, seconds=seconds, memory=memory())), flush=True)


if __name__ == "__main__":
    main()
