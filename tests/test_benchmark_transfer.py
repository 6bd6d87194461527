"""The transfer matrix: rows, columns, a run that resumes, the figures of a cell, the report."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import _transfer
import numpy as np
import pytest
import transfer
from _transfer import Column, Row, Scene, budget_scale, default_rows, parsed_row, published
from _transfer_report import BEGIN, END, above, interval, share_left, table, visibility_table, write_docs
from PIL import Image as PillowImage

from glaze_edge import Settings
from glaze_edge.audit.machine import Sight
from glaze_edge.settings import INTENSITIES
from glaze_models import DEFAULT_ENCODERS, ENCODERS
from glaze_models.errors import ModelError, OptionError
from glaze_runtime.arrays import Image, to_pillow
from glaze_runtime.optimiser.views import resize
from glaze_runtime.weights import catalogue

WEIGHTS = Path("/work/shared/weights")
ONE = DEFAULT_ENCODERS[0]
RNG = np.random.default_rng(0)
IMAGE = (0.2 + 0.6 * resize(RNG.random((6, 6, 3)).astype(np.float32), (64, 64))).clip(0, 1)
TARGET = (0.2 + 0.6 * resize(RNG.random((6, 6, 3)).astype(np.float32), (64, 64))).clip(0, 1)


class Blocks:
    """An encoder that sees the mean colour of 8x8 blocks; its decoder gives the picture's mean colour as its style."""

    def __init__(self, looks: list[bool] | None = None) -> None:
        self.looks = [] if looks is None else looks

    def look(self, image: Image, *, decode: bool = True) -> Sight:
        self.looks.append(decode)
        height, width = (n // 8 for n in image.shape[:2])
        latent = image.reshape(height, 8, width, 8, 3).mean((1, 3)).transpose(2, 0, 1)[None]
        return (
            Sight(latent=latent, decoded=image, style=image.mean((0, 1))) if decode else Sight(latent=latent)
        )


def column(name: str = "blocks", weights: str = "w", looks: list[bool] | None = None) -> Column:
    return Column(name=name, weights=weights, decodes=True, eye=lambda: Blocks(looks))


def test_a_row_is_a_name_and_encoders() -> None:
    assert parsed_row("TAESD itself=taesd, taef1") == Row(name="TAESD itself", encoders=("taesd", "taef1"))


@pytest.mark.parametrize("text", ["taesd", "=taesd", "a=", "a=taesd,", "a=taesd,taesd"])
def test_another_row_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match="--row"):
        parsed_row(text)


def test_a_row_needs_encoders_with_weights() -> None:
    with pytest.raises(OptionError, match="nothing-like-it"):
        Row(name="a", encoders=("nothing-like-it",)).weights()
    with pytest.raises(ModelError, match="taesd"):
        Row(name="a", encoders=("taesd",)).weights()


def test_the_default_rows_hold_each_bundled_encoder_and_the_default_set_once() -> None:
    sets = [row.encoders for row in default_rows()]
    assert {(card.name,) for card in ENCODERS.values() if card.weights} <= set(sets)
    assert DEFAULT_ENCODERS in sets
    assert len({frozenset(each) for each in sets}) == len(sets)


def test_another_scale_is_an_intensity_inside_the_block_only() -> None:
    before = dict(INTENSITIES)
    with budget_scale(1.234) as name:
        assert INTENSITIES[Settings(intensity=name).intensity] == 1.234
    assert before == INTENSITIES


def test_figures_are_beside_their_controls() -> None:
    half = to_pillow((IMAGE + TARGET) / 2)
    cell = Scene(to_pillow(IMAGE), to_pillow(TARGET), view=True, survival=True).figures(half, [column()])[
        "blocks"
    ]
    assert set(cell) == {*_transfer.FIGURES, *_transfer.SURVIVAL_FIGURES, *_transfer.VIEW_FIGURES}
    assert (cell["attainment"], cell["view"]) == pytest.approx((0.75, 0.75), abs=0.02)
    for name in ("shift", "jpeg75", "half"):
        assert cell[name] == pytest.approx(0.75, abs=0.1)
        assert cell[f"{name}_control"] < 0.3
    assert cell["control"] < 0.3


def test_the_original_attains_nothing_and_what_is_left_out_is_not_looked_at() -> None:
    looks: list[bool] = []
    scene = Scene(to_pillow(IMAGE), to_pillow(TARGET), view=False, survival=False)
    cell = scene.figures(to_pillow(IMAGE), [column(looks=looks)])["blocks"]
    assert set(cell) == set(_transfer.FIGURES)
    assert all(value == pytest.approx(0, abs=1e-6) for value in cell.values())
    assert not any(looks)


Run = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command on one small picture and gives the lines of figures.jsonl."""
    (tmp_path / "pictures").mkdir()
    to_pillow(IMAGE).save(tmp_path / "pictures" / "small.png")
    monkeypatch.setattr(transfer, "butteraugli", _distance)

    def call(columns: list[Column], *options: str) -> list[dict[str, Any]]:
        monkeypatch.setattr(transfer, "published", lambda folder: columns)
        transfer.main([str(tmp_path / "pictures"), "weights", "-o", str(tmp_path / "out"), *options])
        return [json.loads(line) for line in (tmp_path / "out/figures.jsonl").read_text("utf-8").splitlines()]

    return call


def _distance(one: Path, other: Path) -> float:
    a, b = (np.asarray(PillowImage.open(path), np.float32) for path in (one, other))
    return float(np.abs(a - b).mean())


def test_a_run_resumes_and_only_measures_what_is_missing(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    looks: list[bool] = []
    (first,) = run([column(looks=looks)], "--row", f"a={ONE}", "--no-view", "--no-survival")
    assert (first["row"], first["picture"], first["encoders"]) == ("a", "small", [ONE])
    assert first["columns"]["blocks"]["attainment"] > first["columns"]["blocks"]["control"]
    assert first["butteraugli"] > 0
    assert first["style"]
    glazed = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "glazed").iterdir()}
    assert len(glazed) == 3
    done = len(looks)
    docs = "--docs", str(tmp_path / "docs")
    again = run([column(looks=looks)], "--row", f"b={ONE}", "--no-view", "--no-survival", *docs)
    assert (again, len(looks)) == ([first], done)
    assert "| b |" in capsys.readouterr().out
    assert "| b |" in (tmp_path / "docs" / "transfer.md").read_text("utf-8")
    _, viewed = run([column(looks=looks)], "--row", f"b={ONE}")
    more_figures = viewed["columns"]["blocks"].keys() - first["columns"]["blocks"].keys()
    assert more_figures == {*_transfer.VIEW_FIGURES, *_transfer.SURVIVAL_FIGURES}
    more: list[bool] = []
    done = len(looks)
    *_, both = run([column(looks=looks), column("more", looks=more)], "--row", f"b={ONE}", "--no-view")
    assert set(both["columns"]) == {"blocks", "more"}
    assert "view" in both["columns"]["blocks"]
    assert (len(looks) == done, len(more) > 0) == (True, True)
    *_, other = run([column(weights="others", looks=looks)], "--row", f"b={ONE}", "--no-view")
    assert (other["columns"]["blocks"]["weights"], len(looks) > done) == ("others", True)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "glazed").iterdir()} == glazed


def test_rows_are_made_equally_visible(run: Run) -> None:
    (line,) = run([column()], "--row", f"a={ONE}", "--butteraugli", "3")
    assert line["scale"] != INTENSITIES["medium"]
    assert line["butteraugli"] == pytest.approx(3, rel=0.1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--row", "a"], "--row 'a'"),
        (["--row", "a=taesd"], "no weights here"),
        (["--row", f"a={ONE}", "--row", f"a={ONE}"], "the same name"),
        (["--only", "0"], "PICTURES"),
    ],
)
def test_what_cannot_be_run_is_told(
    options: list[str], said: str, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run([column()], *options)
    assert said in capsys.readouterr().err


def test_another_style_target_is_an_error(tmp_path: Path) -> None:
    bench = transfer.Bench(tmp_path, [column()], view=False, survival=True)
    to_pillow(IMAGE).save(tmp_path / "small.png")
    work = bench.work(tmp_path / "small.png")
    bench._same_target(work, to_pillow(TARGET))
    bench._same_target(work, to_pillow(TARGET))
    with pytest.raises(OptionError, match=r"small\.png got another style target"):
        bench._same_target(work, to_pillow(IMAGE))


def test_a_line_that_was_cut_short_is_dropped(tmp_path: Path) -> None:
    file = tmp_path / "figures.jsonl"
    assert transfer.read_lines(file) == []
    file.write_text('{"key": 1}\n{"key": 2}\n{"ke', encoding="utf-8")
    assert transfer.read_lines(file) == [{"key": 1}, {"key": 2}]
    assert file.read_text("utf-8") == '{"key": 1}\n{"key": 2}\n'


def line(row: str, picture: str, attainment: float, *, encoders: tuple[str, ...] = ("x",)) -> dict[str, Any]:
    cell = {"weights": "w", "attainment": attainment, "control": 0.1}
    cell |= {"jpeg75": attainment / 2, "jpeg75_control": 0.05, "half": attainment, "half_control": 0.2}
    return {
        "row": row,
        "picture": picture,
        "encoders": encoders,
        "scale": 1.0,
        "seconds": 2.0,
        "butteraugli": 3.0,
        "rms_flat": None,
        "rms_textured": 4.0,
        "columns": {"taesd": cell},
    }


LINES = [
    line("a", "p", 0.3),
    line("a", "q", 0.5),
    line("b", "p", 0.6, encoders=("taesd",)),
    line("b", "q", 0.6, encoders=("taesd",)),
]


def test_above_the_control() -> None:
    assert above(LINES[:2], "taesd", "attainment", "control") == pytest.approx([0.2, 0.4])


def test_the_interval_is_of_the_mean() -> None:
    values = list(np.random.default_rng(1).normal(0.2, 0.1, 100))
    low, high = interval(values)
    assert (low, high) == interval(values)
    assert low == pytest.approx(np.mean(values) - 1.96 * 0.01, abs=0.003)
    assert high == pytest.approx(np.mean(values) + 1.96 * 0.01, abs=0.003)
    assert interval([0.5]) == (0.5, 0.5)


def test_the_share_left_is_of_what_is_above_the_controls() -> None:
    assert share_left(LINES[:2], "taesd", "jpeg75") == pytest.approx(0.15 / 0.3)
    assert share_left(LINES[:2], "taesd", "half") == pytest.approx(0.2 / 0.3)
    assert share_left([line("a", "p", 0.11)], "taesd", "half") is None


def test_the_tables() -> None:
    text = table(LINES, "attainment", "control")
    assert "| a | 0.30 (0.10) [0.20, 0.40] |" in text
    assert "| b | **0.50** (0.10) [0.50, 0.50] |" in text
    assert "| b | taesd | 1.00 | 3.00 | – | 4.00 | 2.00 |" in visibility_table(LINES)


def test_the_page_keeps_what_stands_around_the_figures(tmp_path: Path) -> None:
    write_docs(LINES, tmp_path, goal=3)
    page, plot = tmp_path / "transfer.md", tmp_path / "transfer.svg"
    first, drawn = page.read_text("utf-8"), plot.read_bytes()
    assert "a (0.30) on taesd" in first
    assert "`--butteraugli 3`" in first
    assert "## View" not in first
    page.write_text(first.replace("# Transfer between encoders", "# My title") + "More.\n", encoding="utf-8")
    write_docs(LINES, tmp_path, goal=None)
    second = page.read_text("utf-8")
    assert second.startswith("# My title")
    assert second.endswith("More.\n")
    assert (second.count(BEGIN), second.count(END), second.count("2 pictures")) == (1, 1, 1)
    assert "medium intensity" in second
    assert plot.read_bytes() == drawn
    with PillowImage.open(tmp_path / "transfer.png") as picture:
        assert min(picture.size) > 200


def test_a_page_without_its_markers_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "transfer.md").write_text("Mine.\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="transfer:begin"):
        write_docs(LINES, tmp_path, goal=None)
    assert [path.name for path in tmp_path.iterdir()] == ["transfer.md"]


@pytest.mark.skipif(not WEIGHTS.exists(), reason="the published weights are not here")
def test_the_published_encoders_are_columns_and_rows() -> None:
    columns = {each.name: each for each in published(WEIGHTS)}
    assert {"taesd", "taesdxl", "taef1", "taef2", "vaelight"} <= columns.keys()
    assert all(each.decodes for each in columns.values())
    assert Row(name="taesd itself", encoders=("taesd",)) in default_rows()
    for name, off in (("taesd", 0.06), ("vaelight", 0.12)):
        sight = columns[name].eye().look(IMAGE)
        assert sight.latent.shape == (1, 4, 8, 8)
        assert sight.decoded is not None
        assert np.abs(sight.decoded - IMAGE).mean() < off
    assert [each.weights for each in published(WEIGHTS)] == [each.weights for each in columns.values()]
    assert "taesd" in catalogue.installed()
