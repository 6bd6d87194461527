"""What the benchmarks compute: the other protectors, the frontier's interpolation and report, the detector, what is equal."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from _equal import as_visible, median_or_more, snapshots, time_to
from _frontier_report import ADAM, OURS, PGD, Row, at, curve, write_report
from _peers import free_adam, sign_pgd
from _peers_report import compared
from _peers_report import write_report as write_peers_report
from _pictures import save, working_picture
from _remover import Pixels, look, train
from _torch_peers import PEERS, towards
from _worker import OURS as OUR_METHOD
from _worker import Order, Worker, unbiased_levels
from detection import auc, energy
from PIL import Image as PillowImage

from glaze_edge.figures import attainments
from glaze_export.export import build_module
from glaze_models import DEFAULT_ENCODERS, encoder_card
from glaze_runtime.arrays import Image, to_pillow
from glaze_runtime.devices import CPU
from glaze_runtime.encoder import Encoder
from glaze_runtime.views import resize

RNG = np.random.default_rng(0)
IMAGE = resize(RNG.random((8, 10, 3)).astype(np.float32), (64, 128)).clip(0, 1)
TARGET = (IMAGE + resize(RNG.normal(0, 0.3, (16, 32, 3)).astype(np.float32), (64, 128))).clip(0, 1)


@pytest.fixture(scope="module")
def encoders() -> list[Encoder]:
    return [Encoder(encoder_card(name), CPU) for name in DEFAULT_ENCODERS]


def reached(change: Image, encoders: list[Encoder]) -> float:
    return min(
        row["attainment"] for row in attainments(*map(to_pillow, (IMAGE, IMAGE + change, TARGET)), encoders)
    )


def test_sign_pgd_nears_the_target_within_its_ball_and_the_gamut(encoders: list[Encoder]) -> None:
    change = sign_pgd(IMAGE, TARGET, encoders, largest=8 / 255, steps=10)
    assert np.abs(change).max() <= 8 / 255 + 1e-6
    assert 0 <= (IMAGE + change).min() <= (IMAGE + change).max() <= 1
    assert reached(change, encoders) > 0.1


def test_sign_pgd_has_no_gradient_left_unused(encoders: list[Encoder]) -> None:
    few, many = (sign_pgd(IMAGE, TARGET, encoders, largest=4 / 255, steps=n) for n in (2, 20))
    assert reached(many, encoders) > reached(few, encoders)


def test_free_adam_goes_as_far_as_it_is_strong(encoders: list[Encoder]) -> None:
    weak, strong = (free_adam(IMAGE, TARGET, encoders, strength=s, steps=10) for s in (0.05, 0.2))
    assert energy(weak) < energy(strong)
    assert 0.05 < reached(weak, encoders) < reached(strong, encoders)
    assert 0 <= (IMAGE + strong).min() <= (IMAGE + strong).max() <= 1


def row(picture: str, method: str, strength: str, butteraugli: float, attainment: float) -> Row:
    others = {"control": 0.05, "jpeg75": 0.8 * attainment, "bundled": 1.2 * attainment}
    seen = {"butteraugli": butteraugli, "attainment": attainment}
    return {"picture": picture, "method": method, "strength": strength} | seen | others


ROWS = [
    row("a", OURS, "medium", 2.0, 0.3),
    row("b", OURS, "medium", 4.0, 0.5),
    row("a", PGD, "2/255", 1.0, 0.1),
    row("b", PGD, "2/255", 3.0, 0.1),
    row("a", PGD, "8/255", 3.0, 0.2),
    row("b", PGD, "8/255", 5.0, 0.4),
    row("a", ADAM, "0.1", 2.0, 0.1),
    row("b", ADAM, "0.1", 2.0, 0.1),
]


def test_a_curve_holds_the_means_over_the_pictures() -> None:
    points = curve(ROWS, PGD)
    assert [(p["strength"], p["butteraugli"]) for p in points] == [("2/255", 2.0), ("8/255", 4.0)]
    assert [p["attainment"] for p in points] == pytest.approx([0.1, 0.3])


@pytest.mark.parametrize(
    ("butteraugli", "attainment"), [(0, 0), (1, 0.05), (2, 0.1), (3, 0.2), (4, 0.3), (4.01, None)]
)
def test_at_equal_visibility(butteraugli: float, attainment: float | None) -> None:
    assert at(curve(ROWS, PGD), butteraugli) == pytest.approx(attainment)


def test_the_report_has_the_ratio_at_equal_butteraugli(tmp_path: Path) -> None:
    write_report(ROWS, tmp_path, steps=52)
    text = (tmp_path / "frontier.md").read_text(encoding="utf-8")
    assert (
        "| medium | 3.00 | 0.40 | 0.20 (**2.00**) | beyond its points | 0.15 (**2.33**) | 0.16 (**2.00**) | 0.24 (**2.00**) |"
        in text
    )
    assert "| medium | 2 of 2; median 2.00 | 1 of 1; median 3.00 |" in text
    with PillowImage.open(tmp_path / "frontier.png") as plot:
        assert min(plot.size) > 400


def test_the_plot_is_the_same_file_each_time(tmp_path: Path) -> None:
    files = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_report(ROWS, tmp_path / name, steps=52)
        files.append((tmp_path / name / "frontier.svg").read_bytes())
    assert files[0] == files[1]


def test_a_working_picture_is_what_trainers_see(tmp_path: Path) -> None:
    save(np.ones((600, 1000, 3), np.float32), tmp_path / "large.png")
    assert working_picture(tmp_path / "large.png").size == (512, 256)
    PillowImage.new("RGBA", (130, 64)).save(tmp_path / "clear.png")
    seen = working_picture(tmp_path / "clear.png")
    assert (seen.size, seen.mode, seen.getpixel((0, 0))) == ((128, 64), "RGB", (128, 128, 128))


@pytest.mark.parametrize(
    ("positive", "negative", "expected"),
    [([2.0, 3.0], [0.0, 1.0], 1), ([0.0], [1.0], 0), ([1.0], [1.0], 0.5), ([0.0, 2.0], [1.0], 0.5)],
)
def test_auc(positive: list[float], negative: list[float], expected: float) -> None:
    assert auc(positive, negative) == expected


@pytest.mark.slow
@pytest.mark.slow
def test_the_remover_learns_a_change_that_is_always_the_same() -> None:
    checks = np.indices((128, 128)).sum(0)[..., None] % 2 * np.array([12, 0, 6])

    def pair() -> tuple[Pixels, Pixels]:
        clean = resize(RNG.uniform(0.1, 0.8, (6, 6, 3)).astype(np.float32), (128, 128)) * 255
        return clean.clip(0, 255).astype(np.uint8), (clean + checks).clip(0, 255).astype(np.uint8)

    remover = train([pair() for _ in range(6)], 40, lambda step, loss: None)
    clean, glazed = (image.astype(np.float32) / 255 for image in pair())
    found, logit = look(remover, glazed)
    unfound, lower = look(remover, clean)
    assert logit > lower
    assert energy(glazed - found - clean) < 0.7 * energy(glazed - clean)
    assert energy(unfound) < 0.7 * energy(found)


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


def test_the_torch_objective_is_that_of_the_numpy_peers(
    encoders: list[Encoder], modules: list[torch.nn.Module]
) -> None:
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
        for effort, row in zip(("quick", "standard", "thorough"), peer_rows(picture, OUR_METHOD), strict=True)
    ),
    *peer_rows("a", "Mist", strength=0.2, memory=0.6),
    *(row | {"seconds": 10 * row["seconds"]} for row in peer_rows("b", "Mist", strength=0.3, memory=0.6)),
    *(row | {"attainment": 0.26} for row in peer_rows("a", "PhotoGuard", strength=0.3)),
]


def test_the_peers_report_has_times_and_bounds(tmp_path: Path) -> None:
    write_peers_report(PEER_ROWS, tmp_path, side=512, threads=2)
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
    with Worker(replace(order, method=OUR_METHOD)) as worker:
        own = worker.run(effort="quick")
    assert list(own["files"]) == ["16"]
    assert 0.01 < own["memory"] < 2
