"""Where the time goes: the machine, a step by operator, a whole picture by part."""

from pathlib import Path

import numpy as np
import pytest
from _machine import convolution_rate, gemm_peaks
from _pictures import save
from _step_profile import by_operator, dims_of, groups, step_profile
from _whole import parts
from performance import whole

from glaze_export.flops import flops
from glaze_models import encoder_card


def test_the_machine_has_a_peak_and_convolutions_a_rate() -> None:
    peaks = gemm_peaks(1, 1, (64, 96))
    assert peaks.keys() == {(by, n) for by in ("numpy", "onnxruntime") for n in (64, 96)}
    assert min(peaks.values()) > 0
    assert convolution_rate(8, 32, 1, 1) > 0


def node_event(
    operator: str, milliseconds: float, inputs: list[list[int]], output: list[int]
) -> dict[str, object]:
    shapes = {
        "input_type_shape": [{"float": shape} for shape in inputs],
        "output_type_shape": [{"float": output}],
    }
    name = f"{operator}_kernel_time"
    return {"cat": "Node", "name": name, "dur": 1000 * milliseconds, "args": {"op_name": operator, **shapes}}


def test_a_profile_is_summed_by_operator_and_size_without_the_first_run() -> None:
    conv = [[1, 3, 4, 4], [8, 3, 3, 3]], [1, 8, 4, 4]
    runs = [(90, 50), (2, 1), (4, 1)]
    events = [{"cat": "Session", "name": "model_run", "dur": 1, "args": {}}]
    for first, second in runs:
        events += [
            node_event("Conv", first, *conv),
            node_event("Mul", second, [[1, 8, 4, 4]] * 2, [1, 8, 4, 4]),
        ]
    found = groups(events, 2)
    assert [(g.operator, g.size, g.count, g.milliseconds, g.flops) for g in found] == [
        ("Conv", "4x4", 1, 3.0, 2 * 8 * 16 * 27),
        ("Mul", "4x4", 1, 1.0, 0),
    ]
    assert [(g.operator, g.milliseconds) for g in by_operator([*found, *found])] == [
        ("Conv", 6.0),
        ("Mul", 2.0),
    ]


def test_the_profile_of_a_step_has_all_its_flops(tmp_path: Path) -> None:
    card = encoder_card("sd1-a")
    seconds, found = step_profile(card, 128, 1, tmp_path)
    assert len(seconds) == 1
    # The four channels of a latent are filled up to a block of eight or sixteen; all others fill theirs.
    assert sum(group.flops for group in found) == pytest.approx(
        flops(card.step_graph, dims_of(card, 128)), rel=0.02
    )
    assert {"Conv", "ConvTranspose"} < {group.operator for group in found}
    assert len(list(tmp_path.iterdir())) == 1


def test_the_parts_of_a_command_are_all_of_it() -> None:
    rows = {
        ("x/glaze_runtime/optimiser/optimise.py", 1, "optimise"): (1, 1, 0.0, 6.0, {}),
        ("x/onnxruntime/capi/session.py", 1, "run"): (
            *(2, 2, 5.0, 5.0),
            {("e.py", 1, "value_and_grad"): (1, 1, 0.0, 4.0), ("e.py", 2, "encode"): (1, 1, 0.0, 1.0)},
        ),
        ("x/glaze_runtime/optimiser/budget.py", 1, "penalty"): (1, 1, 0.5, 0.5, {}),
        ("elsewhere/budget.py", 1, "penalty"): (1, 1, 9.0, 9.0, {}),
    }
    found = parts(rows, 8.0)
    assert sum(found.values()) == pytest.approx(8)
    seen = {
        name: found[name]
        for name in ("encoder steps", "encoding, to measure too", "penalty", "optimiser's rest")
    }
    assert seen == {
        "encoder steps": 4.0,
        "encoding, to measure too": 1.0,
        "penalty": 0.5,
        "optimiser's rest": 1.5,
    }


@pytest.mark.slow
def test_a_whole_picture_is_taken_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(np.random.default_rng(0).random((64, 96, 3), np.float32), tmp_path / "picture.png")
    whole(tmp_path / "picture.png", 128)
    said = capsys.readouterr().out
    assert "`glaze-edge glaze` of 128x128" in said
    cells = [line.split("|") for line in said.splitlines()]
    seconds = {row[1].strip(): float(row[2]) for row in cells if len(row) == 5 and "." in row[2]}
    assert all(seconds[part] > 0 for part in ("starting Python", "imports", "encoder steps", "learned steps"))
    assert sum(seconds.values()) == pytest.approx(float(said.split("(")[1].split()[0]), abs=0.15)
