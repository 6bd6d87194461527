"""`glaze-edge devices`: kept verdicts or a probe, as a table or as JSON."""

import json

import pytest
from command import run

from glaze_edge.commands import devices
from glaze_runtime.devices import CPU, DEVICES
from glaze_runtime.devices.verdicts import Verdict

FOUND = {
    "cuda": Verdict(
        device="cuda",
        passed=True,
        reason="right to 1e-06, 20 times as fast as the CPU",
        size=512,
        hardware="Card 9000",
        relative_error=1e-6,
        gradient_cosine=0.99999998,
        seconds_per_step=0.02,
        cpu_seconds_per_step=0.4,
        operators=170,
        operators_on_cpu=2,
    ),
    "openvino": Verdict(device="openvino", passed=False, reason="it cannot run: no driver", size=512),
    "cpu": Verdict(
        device="cpu",
        passed=True,
        reason="right",
        size=512,
        relative_error=0.0,
        gradient_cosine=1.0,
        seconds_per_step=0.4,
        cpu_seconds_per_step=0.4,
        operators=171,
        operators_on_cpu=0,
    ),
}


@pytest.fixture
def tests(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """The devices of FOUND are here; what was tested, and whether anew."""
    tested = []

    def self_test(device, encoder, *, card, size, anew):
        assert (card.name, size) == ("sd1-a", 512)
        tested.append((device.name, anew))
        return FOUND[device.name]

    monkeypatch.setattr(devices, "available", lambda: tuple(DEVICES[name] for name in FOUND))
    monkeypatch.setattr("glaze_runtime.devices.selftest.self_test", self_test)
    monkeypatch.setenv("COLUMNS", "120")
    return tested


@pytest.mark.parametrize(("options", "anew"), [((), False), (("--probe",), True)], ids=["kept", "probe"])
def test_a_table(options, anew, tests, capsys):
    assert run("devices", *options) == 0
    lines = capsys.readouterr().out.splitlines()
    assert tests == [(name, anew) for name in FOUND]
    rows = {line.split()[0]: line.split() for line in lines if line.split()[0] in DEVICES}
    assert rows["cuda"][1:] == ["passed", "1.000000", "1e-06", "0.02", "20", "170/2", "Card", "9000"]
    assert lines[0].split() == [
        "device",
        "self-test",
        "cosine",
        "rel.",
        "L2",
        "s/step",
        "x",
        "CPU",
        "ops/CPU",
        "hardware",
    ]
    assert "openvino failed: it cannot run: no driver." in lines
    assert any(line.split()[:3] == ["coreml", "not", "here"] for line in lines)
    assert f"coreml needs {DEVICES['coreml'].needs}." in lines


def test_it_fits_a_narrow_terminal(tests, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    assert run("devices") == 0
    assert "170/2" in capsys.readouterr().out


def test_json(tests, capsys):
    assert run("devices", "--probe", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    first, second, third = said["found"]
    assert (first["device"], first["hardware"], first["gradient_cosine"]) == ("cuda", "Card 9000", 0.99999998)
    assert first["times_as_fast"] == pytest.approx(20)
    assert second["reason"] == "it cannot run: no driver"
    assert second["times_as_fast"] is None
    assert third["device"] == CPU.name
    assert said["missing"] == ["coreml", "directml", "openvino-cpu", "webgpu"]
    assert tests[0] == ("cuda", True)


def test_help_has_examples(capsys):
    assert run("devices", "--help") == 0
    assert "glaze-edge devices --probe --json" in capsys.readouterr().out
