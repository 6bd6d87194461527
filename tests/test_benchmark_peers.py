"""The comparison with other protectors in torch: their walks, what is equal, the processes that run them, the
report."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import peers
import pytest
import torch
from _equal import Row, as_visible, median_or_more, snapshots, time_to
from _peers_report import compared, write_report
from _pictures import save
from _torch_peers import PEERS, hinged, towards
from _worker import OURS, Order, Worker, unbiased_levels
from PIL import Image as PillowImage
from safetensors.torch import save_file

from glaze_edge.settings import EFFORTS
from glaze_export.export import build_module
from glaze_export.lpips import build as build_lpips
from glaze_models import DEFAULT_ENCODERS, encoder_card
from glaze_models.perceptual import PERCEPTUALS
from glaze_runtime.arrays import Image
from glaze_runtime.devices import CPU
from glaze_runtime.encoder import Encoder
from glaze_runtime.optimiser.perceptual import lpips_on
from glaze_runtime.optimiser.views import resize

RNG = np.random.default_rng(0)
IMAGE = resize(RNG.random((8, 10, 3)).astype(np.float32), (64, 128)).clip(0, 1)
TARGET = (IMAGE + resize(RNG.normal(0, 0.3, (16, 32, 3)).astype(np.float32), (64, 128))).clip(0, 1)


def planes(image: Image) -> torch.Tensor:
    return torch.from_numpy(image.transpose(2, 0, 1)[None].copy())


@pytest.fixture(scope="module")
def modules() -> list[torch.nn.Module]:
    return [build_module(encoder_card(name)) for name in DEFAULT_ENCODERS]


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_nears_the_target_and_more_so_the_stronger_it_is(
    name: str, modules: list[torch.nn.Module]
) -> None:
    image, target = planes(IMAGE), planes(TARGET)
    loss = towards(image, target, modules)
    assert loss(image).item() == pytest.approx(1)
    assert loss(target).item() == pytest.approx(0, abs=1e-6)
    ends = []
    for strength in (0.1, 0.4):
        *before, end = PEERS[name].walk(image, loss, strength, 8)
        assert len(before) == 7
        assert 0 <= end.min() <= end.max() <= 1
        ends.append((end - image).abs().max().item())
        assert loss(end).item() < 0.98
    assert ends[0] < ends[1]


def test_the_torch_objective_is_that_of_the_numpy_peers(modules: list[torch.nn.Module]) -> None:
    encoders = [Encoder(encoder_card(name), CPU) for name in DEFAULT_ENCODERS]
    seen = (IMAGE + 0.1 * (TARGET - IMAGE)).astype(np.float32)
    expected = np.mean(
        [
            np.square(e.encode(seen) - e.encode(TARGET)).sum()
            / np.square(e.encode(IMAGE) - e.encode(TARGET)).sum()
            for e in encoders
        ]
    )
    assert towards(planes(IMAGE), planes(TARGET), modules)(planes(seen)).item() == pytest.approx(
        expected, rel=1e-4
    )


def test_the_hinge_is_that_of_lpips_on_vgg(tmp_path: Path) -> None:
    torch.manual_seed(0)
    tensors = build_lpips(PERCEPTUALS["lpips-vgg"]).state_dict()
    file = tmp_path / "vgg16.safetensors"
    save_file({name: tensor for name, tensor in tensors.items() if name.startswith("features.")}, file)
    image = IMAGE[:32, :32]
    noisy = (image + RNG.normal(0, 0.3, image.shape)).clip(0, 1).astype(np.float32)
    loss = hinged(lambda seen: seen.sum() * 0, planes(image), file)
    distance, _ = lpips_on(file, CPU).value_and_grad(noisy, image)
    assert distance > 0.05
    assert loss(planes(noisy)).item() == pytest.approx(30 * (distance - 0.05), rel=1e-3)
    assert loss(planes(image)).item() == 0


@pytest.mark.parametrize(
    ("steps", "looked_at"), [(1, [1]), (4, [1, 2, 3, 4]), (30, [1, 2, 3, 5, 8, 12, 20, 30])]
)
def test_snapshots_end_with_the_last_step(steps: int, looked_at: list[int]) -> None:
    assert snapshots(steps) == looked_at


@pytest.mark.parametrize(
    "butteraugli_at",
    [lambda s: 8 * s, lambda s: 5 * s**0.7, lambda s: 1 + 3 * s**2],
    ids=["linear", "slower", "faster"],
)
def test_the_strength_that_is_as_visible(butteraugli_at: Callable[[float], float]) -> None:
    strength, off = as_visible(butteraugli_at, 2.0, 0.3)
    assert butteraugli_at(strength) == pytest.approx(2 * off)
    assert off == pytest.approx(1, abs=0.03)


def test_where_visibility_jumps_the_nearest_strength_is_taken() -> None:
    strength, off = as_visible(lambda s: 1.8 if s < 0.4 else 3.0, 2.0, 0.3)
    assert strength < 0.4
    assert off == pytest.approx(0.9)


def test_levels_are_unbiased() -> None:
    seen = np.full((64, 64, 3), 100.25 / 255, np.float32)
    levels = unbiased_levels(seen)
    assert set(np.unique(levels)) == {100, 101}
    assert levels.mean() == pytest.approx(100.25, abs=0.02)
    whole = np.arange(256, dtype=np.float32).reshape(16, 16, 1).repeat(3, 2)
    assert np.array_equal(unbiased_levels(whole / 255), whole)


def snapshot(seconds: float, attainment: float, butteraugli: float = 2.0) -> Row:
    return {"seconds": seconds, "attainment": attainment, "butteraugli": butteraugli}


@pytest.mark.parametrize(
    ("run", "seconds"),
    [
        ([snapshot(1, 0.1), snapshot(3, 0.3), snapshot(2, 0.2), snapshot(9, 0.5)], 3),
        ([snapshot(1, 0.3, 2.05)], 1),
        ([snapshot(1, 0.1), snapshot(9, 0.29)], None),
        ([snapshot(1, 0.9, 2.1)], None),
        ([snapshot(1, 0.9, 2.1), snapshot(5, 0.3)], 5),
    ],
    ids=[
        "the first that reaches it",
        "hardly more visible",
        "never reached",
        "too visible",
        "too visible at first",
    ],
)
def test_time_to_equal_attainment(run: list[Row], seconds: float | None) -> None:
    there = time_to(run, "attainment", 0.3, 2.0)
    assert (there and there["seconds"]) == seconds


@pytest.mark.parametrize(
    ("ratios", "expected"),
    [
        ([10.0, 20.0, 30.0], (20.0, True)),
        ([10.0, 20.0, None], (20.0, True)),
        ([10.0, None, None], (100.0, False)),
        ([10.0, None], (55.0, False)),
    ],
)
def test_a_median_with_pictures_that_never_got_there(
    ratios: list[float | None], expected: tuple[float, bool]
) -> None:
    assert median_or_more(ratios, [100.0] * len(ratios)) == expected


def peer_rows(picture: str, method: str, **more: object) -> list[Row]:
    figures = {"above": 0.2, "bundled": 0.4, "bundled above": 0.3, "memory": 0.2}
    return [
        {"picture": picture, "method": method, "step": n, "seconds": n / 10}
        | snapshot(n / 10, n / 100)
        | figures
        | more
        for n in (16, 52, 120)
    ]


PEER_ROWS = [
    *(
        row | {"effort": effort, "whole": 4.0}
        for picture in "ab"
        for effort, row in zip(("quick", "standard", "thorough"), peer_rows(picture, OURS), strict=True)
    ),
    *peer_rows("a", "Mist", strength=0.2, memory=0.6),
    *(row | {"seconds": 10 * row["seconds"]} for row in peer_rows("b", "Mist", strength=0.3, memory=0.6)),
    *(row | {"attainment": 0.26} for row in peer_rows("a", "PhotoGuard", strength=0.3)),
]


def test_the_peers_report_has_times_and_bounds(tmp_path: Path) -> None:
    write_report(PEER_ROWS, tmp_path, side=512, threads=2)
    text = (tmp_path / "peers.md").read_text(encoding="utf-8")
    assert "| Mist | 2 of 2; **5.5** times |" in text
    assert "| PhotoGuard | 0 of 1; over **2.3** times; best 0.50 of ours |" in text
    assert "| Mist | 0.25 of ±16/255 | 120 | 0.550 | 66.0 | 0.60 | 2.00 | 1.20 |" in text
    assert "VGG16's weights" in text
    with PillowImage.open(tmp_path / "peers.png") as plot:
        assert min(plot.size) > 400


def test_a_peer_that_is_always_too_visible_has_no_best() -> None:
    own = PEER_ROWS[1]
    assert (
        compared([(own, [own | {"butteraugli": 9.0}])], "attainment")
        == "0 of 1; over **1.0** times; best 0.00 of ours"
    )


def test_a_worker_is_imported_where_there_is_no_resource_module() -> None:
    code = "import sys; sys.modules['resource'] = None; import _worker"
    folder = Path(peers.__file__).parent
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True)


@pytest.mark.slow
def test_workers_run_methods_in_processes_of_their_own(tmp_path: Path) -> None:
    for name, image in (("a-original", IMAGE), ("a-target", TARGET)):
        save(image, tmp_path / f"{name}.png")
    order = Order(
        method="Mist",
        original=str(tmp_path / "a-original.png"),
        target=str(tmp_path / "a-target.png"),
        folder=str(tmp_path),
        encoders=DEFAULT_ENCODERS,
        threads=1,
    )
    with Worker(order) as worker:
        answer = worker.run(strength=0.5, steps=3, snapshots=[1, 3])
        again = worker.run(strength=0.5, steps=3, snapshots=[3])
    assert list(answer["files"]) == ["1", "3"]
    assert 0 < answer["seconds"]["1"] < answer["seconds"]["3"]
    assert Path(again["files"]["3"]).name == "a-Mist-1-3.png"
    change = np.asarray(PillowImage.open(again["files"]["3"]), np.float32) / 255 - IMAGE
    assert 0 < np.abs(change).max() <= 9 / 255
    with Worker(replace(order, method=OURS)) as worker:
        own = worker.run(effort="quick")
    assert list(own["files"]) == [str(EFFORTS["quick"].steps)]
    assert 0.01 < own["memory"] < 2


INSTRUMENT = """
import json
print(json.dumps({"effect": {"attainment": 0.5}, "control": {"attainment": 0.1}}))
"""


@pytest.mark.slow
def test_a_run_starts_at_what_it_learnt_and_goes_on_where_it_was_cut_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mean_change(original: Path, glazed: Path) -> float:
        a, b = (np.asarray(PillowImage.open(file).convert("RGB"), np.float32) for file in (original, glazed))
        return float(np.abs(a - b).mean())

    save(IMAGE, tmp_path / "b.png")
    (tmp_path / "instrument.py").write_text(INSTRUMENT)
    monkeypatch.setattr(peers, "butteraugli", mean_change)
    monkeypatch.setattr(peers, "PEERS", {"Mist": replace(PEERS["Mist"], steps=3)})
    before = {"picture": "a", "method": "Mist", "step": 3, "strength": 0.2, "tried": 0.1}
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "results.jsonl").write_text(json.dumps(before) + "\n")

    bench = peers.Bench(tmp_path / "out", tmp_path / "instrument.py", threads=1, backbone=None)
    bench.run(tmp_path / "b.png", 512)
    own = [row for row in bench.rows if row["method"] == OURS]
    theirs = [row for row in bench.rows if row["picture"] == "b" and row["method"] == "Mist"]
    assert {row["effort"]: row["step"] for row in own} == {
        name: effort.steps for name, effort in EFFORTS.items()
    }
    assert [row["step"] for row in theirs] == [1, 2, 3]
    assert theirs[-1]["butteraugli"] == pytest.approx(own[0]["butteraugli"], rel=0.03)
    assert {row["above"] for row in bench.rows[1:]} == {0.4}
    assert all(row["whole"] > 0 and row["seconds"] > 0 for row in own)

    again = peers.Bench(tmp_path / "out", tmp_path / "missing.py", threads=1, backbone=None)
    again.run(tmp_path / "b.png", 512)
    assert again.rows == bench.rows
