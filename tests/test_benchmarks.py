"""What the benchmarks compute: the other protectors, the frontier's interpolation and report, the detector."""

from pathlib import Path

import numpy as np
import pytest
from _frontier_report import ADAM, OURS, PGD, Row, at, curve, write_report
from _peers import free_adam, sign_pgd
from _pictures import save, working_picture
from _remover import Pixels, look, train
from detection import auc, energy
from PIL import Image as PillowImage

from glaze_edge.figures import attainments
from glaze_models import DEFAULT_ENCODERS, encoder_card
from glaze_runtime.arrays import Image, to_pillow
from glaze_runtime.devices import CPU
from glaze_runtime.encoder import Encoder
from glaze_runtime.optimiser.views import resize

RNG = np.random.default_rng(0)
IMAGE = resize(RNG.random((8, 10, 3)).astype(np.float32), (64, 128)).clip(0, 1)
TARGET = (IMAGE + resize(RNG.normal(0, 0.3, (16, 32, 3)).astype(np.float32), (64, 128))).clip(0, 1)


@pytest.fixture(scope="module")
def encoders() -> list[Encoder]:
    return [Encoder(encoder_card(name), CPU) for name in DEFAULT_ENCODERS]


def reached(change: Image, encoders: list[Encoder]) -> float:
    return min(
        row["attainment"]
        for row in attainments(to_pillow(IMAGE), to_pillow(IMAGE + change), to_pillow(TARGET), encoders)
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
        "| medium | 3.00 | 0.40 | 0.20 (**2.00**) | beyond its points | 0.15 (**2.33**) | 0.16 (**2.00**) | "
        "0.24 (**2.00**) |" in text
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
