"""The real command, on small pictures made here."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import run
from PIL import Image

from glaze_edge.audit import encoders_for
from glaze_edge.audit.purifiers import PURIFIERS, battery
from glaze_edge.files import Mark
from glaze_models import DEFAULT_ENCODERS, ENCODERS

Files = tuple[Path, Path, Path]


@pytest.fixture
def trio(files) -> Files:
    return files()


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A battery of two, for tests that are about something else."""
    monkeypatch.setattr("glaze_edge.audit.battery", lambda autoencoder: battery(autoencoder)[:2])


def audited(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    """The JSON of `glaze-edge audit ARGUMENTS --json`; it is strict JSON."""
    assert run("audit", *arguments, "--json") == 0
    return json.loads(capsys.readouterr().out, parse_constant=pytest.fail)


def test_all_figures(trio: Files, capsys: pytest.CaptureFixture[str]) -> None:
    original, glazed, target = trio
    said = audited(capsys, original, glazed, "--target", target)
    assert (said["measure"], said["mark"], said["report"]) == ("attainment", None, None)
    assert [reading["encoder"] for reading in said["encoders"]] == [*DEFAULT_ENCODERS]
    for reading in said["encoders"]:
        assert 0.1 < reading["effect"]["attainment"] < 0.6
        assert reading["effect"]["attainment"] > reading["control"]["attainment"]
        assert reading["glazed_against"] is None
        decoder = ENCODERS[reading["encoder"]].decoder
        assert reading["decoder"] == (decoder or "")
        assert (reading["effect"]["view"] is None) == (decoder is None)
        assert decoder is None or reading["effect"]["drift"] > 0
    rows = said["survival"]
    assert {row["purifier"] for row in rows} == {purifier.name for purifier in PURIFIERS}
    means = [sum(row["left"].values()) for row in rows]
    assert means == sorted(means)
    assert {row["purifier"] for row in rows if row["psnr"] is None} == {"crop", "shift"}
    assert "Stable Diffusion 3" in said["untested"]
    assert "Stable Diffusion 1.x" in said["stood_in_for"]
    assert "Stable Diffusion 1.x" not in said["untested"]


def test_attainment_is_0_for_the_original_and_1_for_the_target(
    trio: Files, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    original, _, target = trio
    for name, picture, value in (("same", original, 0), ("there", target, 1)):
        copy = tmp_path / f"{name}.png"
        copy.write_bytes(picture.read_bytes())
        said = audited(capsys, original, copy, "--target", target, "--encoder", "sd1-b")
        effect = said["encoders"][0]["effect"]
        assert (effect["attainment"], effect["view"], effect["drift"]) == (value, value, value)
        left = {row["purifier"]: row["left"]["sd1-b"] for row in said["survival"]}
        assert left["crop"] == pytest.approx(value, abs=0.01)
        if value == 0:
            assert said["person"]["psnr"] is None
            assert set(left.values()) == {0}


def test_without_a_target_there_is_drift(trio: Files, capsys: pytest.CaptureFixture[str]) -> None:
    said = audited(capsys, *trio[:2], "--encoder", "sd1-a")
    assert said["measure"] == "drift"
    for reading in said["encoders"]:
        assert (reading["effect"]["attainment"], reading["effect"]["view"]) == (None, None)
        assert reading["effect"]["drift"] > 0
    assert all(row["left"]["sd1-a"] > 0 for row in said["survival"])


@pytest.mark.slow
def test_the_text_and_the_report(trio: Files, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    assert run("audit", *trio[:2], "--target", trio[2], "-o", report) == 0
    said = capsys.readouterr().out
    html = report.read_text("utf-8")
    for text in (said, html):
        assert f"The best of {len(PURIFIERS)} attacks leaves" in text
        assert "Not tested" in text
        assert "no measure of safety" in text
        assert "protected" not in text
    assert f"Report: {report}" in said
    assert all(purifier.does in html for purifier in PURIFIERS)
    assert html.count("<img ") == 11
    assert "<script" not in html
    assert run("audit", *trio[:2], "--target", trio[2], "-o", report) == 1
    assert "exists already" in capsys.readouterr().err
    assert run("audit", *trio[:2], "--encoder", "sd1-b", "-o", report, "--overwrite") == 0
    assert "1 is a typical distance" in report.read_text("utf-8")


@pytest.mark.usefixtures("short")
def test_glaze_writes_the_report_beside_the_result(
    trio: Files, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    original, other, _ = trio
    with Image.open(original) as image:
        image.save(other.with_name("original.webp"), lossless=True)
    sources = (original, other.with_name("original.webp"))
    out = tmp_path / "out"
    glazing = ("glaze", "--effort", "quick", "--device", "cpu", "--encoder", "sd1-b", "--audit")
    assert run(*glazing, *sources, "-o", out, "--json") == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["report"] for one in said] == [
        str(out / "original-glazed-audit.html"),
        str(out / "original-glazed-audit-2.html"),
    ]
    html = (out / "original-glazed-audit.html").read_text("utf-8")
    assert f"style {said[0]['style']}" in html
    assert "was glazed against sd1-b, which flatters the figures" in html
    assert f"{said[0]['encoders'][0]['attainment']:.3f}" in html
    assert run(*glazing, original, "-o", out / "original-glazed.jpg") == 2
    (out / "original-glazed.png").unlink()
    assert run(*glazing, original, "-o", out / "original-glazed.png") == 1
    assert "original-glazed-audit.html exists already" in capsys.readouterr().err


@pytest.mark.usefixtures("short")
def test_a_marked_picture_is_looked_at_by_the_encoders_it_was_made_against(
    trio: Files, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    glazed, target = tmp_path / "original-glazed.png", tmp_path / "kept.png"
    glazing = ("glaze", trio[0], "--effort", "quick", "--device", "cpu", "--encoder", "sd1-b")
    assert run(*glazing, "--save-target", target, "--json") == 0
    by_glaze = json.loads(capsys.readouterr().out)
    said = audited(capsys, trio[0], glazed, "--target", target)
    assert said["mark"]["encoders"] == ["sd1-b"]
    assert said["mark"]["intensity"] == "medium"
    (reading,) = said["encoders"]
    assert reading["glazed_against"]
    # One definition: the two commands agree on every figure that both give.
    assert reading["effect"]["attainment"] == by_glaze["encoders"][0]["attainment"]
    assert reading["control"]["attainment"] == by_glaze["encoders"][0]["control"]
    assert said["person"]["visibility"] == by_glaze["visibility"]
    said = audited(capsys, trio[0], glazed, "--target", target, "--encoder", "sd1-a")
    assert [(r["encoder"], r["glazed_against"]) for r in said["encoders"]] == [("sd1-a", False)]


def test_a_mark_may_name_encoders_that_are_not_here() -> None:
    mark = Mark(version="1", intensity="low", effort="quick", style="", encoders=(), date=date.min)
    here = replace(mark, encoders=("my-own", "sdxl", "sd1-b"))
    assert encoders_for(here) == ("sd1-b",)
    for nothing in (None, mark, replace(mark, encoders=("my-own", "sdxl"))):
        assert encoders_for(nothing) == ()


@pytest.mark.usefixtures("short")
def test_alpha_is_seen_over_grey(trio: Files, capsys: pytest.CaptureFixture[str]) -> None:
    for path in trio[:2]:
        with Image.open(path) as image:
            image.putalpha(Image.new("L", image.size, 0))
            image.save(path)
    said = audited(capsys, *trio[:2], "--target", trio[2], "--encoder", "sd1-b")
    assert said["person"]["visibility"]["largest_change"] == 0
    assert said["encoders"][0]["effect"]["attainment"] == 0


@pytest.mark.usefixtures("short")
def test_a_smaller_target_is_enlarged(
    trio: Files, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with Image.open(trio[2]) as target:
        target.resize((64, 64)).save(tmp_path / "small.png")
    said = audited(capsys, *trio[:2], "--target", tmp_path / "small.png", "--encoder", "sd1-b")
    assert said["encoders"][0]["effect"]["attainment"] > 0.1


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("original.png", "original.png"), 2, "are the same file"),
        (("original.png", "wide.png"), 2, "has 128x64 pixels and"),
        (("original.png", "none.png"), 1, "none.png does not exist"),
        (("bad.png", "glazed.png"), 1, "bad.png"),
        (("original.png", "glazed.png", "--target", "bad.png"), 1, "bad.png"),
        (("original.png", "glazed.png", "--encoder", "nothing"), 2, "no encoder called 'nothing'"),
        (("original.png", "glazed.png", "--encoder", "sdxl"), 4, "sdxl has no weights"),
        (("original.png", "glazed.png", "-o", "glazed.png", "--overwrite"), 1, "never overwritten"),
        (("original.png", "glazed.png", "-o", "nowhere/report.html"), 1, "its folder does not exist"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_audited(
    trio: Files,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    says: str,
) -> None:
    folder = trio[0].parent
    monkeypatch.chdir(folder)
    Path("bad.png").write_text("not a picture")
    Image.fromarray(np.zeros((64, 200, 3), np.uint8)).save("wide.png")
    before = sorted(folder.iterdir())
    assert run("audit", *arguments) == code
    assert says in capsys.readouterr().err
    assert sorted(folder.iterdir()) == before


@pytest.mark.slow
def test_without_target_and_decoder_nothing_can_be_said(
    trio: Files, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = audited(capsys, *trio[:2])
    assert [each["encoder"] for each in said["encoders"]] == [
        n for n in DEFAULT_ENCODERS if ENCODERS[n].decoder
    ]
    monkeypatch.setattr("glaze_edge.api.decoder_of", lambda card, device: None)
    assert run("audit", *trio[:2], "--encoder", "sd1-b") == 2
    assert "--target" in capsys.readouterr().err
    said = audited(capsys, *trio[:2], "--target", trio[2], "--encoder", "sd1-b")
    assert said["encoders"][0]["effect"]["view"] is None
    assert {"vae", "impress"}.isdisjoint(row["purifier"] for row in said["survival"])


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("where", ["glaze_edge.audit.survives", "glaze_edge.audit.report._survival"])
def test_interrupt_leaves_nothing(
    trio: Files, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    before = sorted(trio[0].parent.iterdir())
    monkeypatch.setattr(where, interrupted)
    assert run("audit", *trio[:2], "-o", trio[0].with_name("report.html")) == 130
    assert "Interrupted" in capsys.readouterr().err
    assert sorted(trio[0].parent.iterdir()) == before


@pytest.mark.usefixtures("short")
def test_encoders_named_twice_look_once(trio: Files, capsys: pytest.CaptureFixture[str]) -> None:
    original, glazed, _ = trio
    said = audited(capsys, original, glazed, "--encoder", "sd1-b", "--encoder", "sd1-b")
    assert [reading["encoder"] for reading in said["encoders"]] == ["sd1-b"]


@pytest.mark.usefixtures("short")
def test_a_report_that_cannot_be_written_is_said(
    trio: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("glaze_edge.files.atomic.replacing", full)
    original, glazed, _ = trio
    assert run("audit", original, glazed, "--encoder", "sd1-b", "-o", tmp_path / "report.html") == 1
    assert "report.html was not written: the disk is full" in capsys.readouterr().err
