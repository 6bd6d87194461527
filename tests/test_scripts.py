"""The scripts: what they need, the environments they make, and what they run."""

import ast
import os
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NAMES = ("glaze", "test", "test-bundle", "test-openvino", "test-webgpu", "check", "lint")
SCRIPTS = [ROOT / "scripts" / name for name in NAMES]
SHARED = ROOT / "scripts" / "_environment.py"


def load(path: Path):
    loader = SourceFileLoader(path.name, str(path))
    spec = spec_from_loader(path.name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


class Machine:
    """A checkout in a folder, where the commands that the scripts start are written down and pretended."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.commands: list[list[str]] = []
        self.fails: str | None = None
        self.shared = load(SHARED)
        self.shared.ROOT = folder
        self.pyproject = folder / "pyproject.toml"
        self.pyproject.write_text("first")
        self.environment = self.shared.Environment(".venv-x", "[extra]", "Installing…")
        monkeypatch.setattr(subprocess, "Popen", self.start)

    def start(self, command, cwd=None):
        command = [part for part in command if part not in ("--quiet", "--disable-pip-version-check")]
        self.commands.append(command)
        what = command[2]
        if what == "venv":
            python = Path(self.environment.program("python"))
            python.parent.mkdir()
            python.touch()
        return FakeProcess(1 if what == self.fails else 0)

    def prepare(self) -> list[str]:
        """What was started to prepare the environment."""
        self.commands.clear()
        self.environment.prepare()
        return [command[2] for command in self.commands]


class FakeProcess:
    def __init__(self, status: int, interrupts: int = 0) -> None:
        self.returncode: int | None = None
        self.status = status
        self.interrupts = interrupts

    def poll(self):
        return self.returncode

    def wait(self):
        if self.interrupts:
            self.interrupts -= 1
            raise KeyboardInterrupt
        self.returncode = self.status
        return self.status


@pytest.fixture
def machine(tmp_path, monkeypatch):
    return Machine(tmp_path, monkeypatch)


@pytest.mark.parametrize("script", [*SCRIPTS, SHARED], ids=lambda path: path.name)
def test_scripts_need_only_the_standard_library(script):
    imported = set()
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"), feature_version=(3, 7))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None
            imported.add(node.module.split(".")[0])
    assert imported <= sys.stdlib_module_names | {"_environment"}


@pytest.mark.parametrize("script", [*SCRIPTS, ROOT / ".ci" / "run"], ids=lambda path: path.name)
def test_scripts_can_be_started(script):
    assert script.read_text(encoding="utf-8").startswith("#!/usr/bin/env ")
    assert os.name == "nt" or os.access(script, os.X_OK)


def test_an_environment_is_made_once(machine, capfd):
    assert machine.prepare() == ["venv", "pip"]
    assert machine.commands[-1][-2:] == ["--editable", f"{machine.shared.ROOT}[extra]"]
    assert machine.prepare() == []
    assert capfd.readouterr().err == "Installing…\n"


def test_another_pyproject_is_installed_into_the_same_environment(machine):
    machine.prepare()
    machine.pyproject.write_text("second")
    assert machine.prepare() == ["pip"]
    assert machine.prepare() == []


def test_another_build_of_onnxruntime_takes_its_place_at_last(machine):
    machine.environment = machine.shared.Environment(".venv-x", "", "Installing…", "onnxruntime-other==1.2.*")
    assert machine.prepare() == ["venv", "pip", "pip", "pip"]
    assert [command[3:] for command in machine.commands[1:]] == [
        ["install", "--editable", str(machine.shared.ROOT)],
        ["uninstall", "--yes", "onnxruntime", "onnxruntime-other"],
        ["install", "onnxruntime-other==1.2.*"],
    ]
    assert machine.prepare() == []
    machine.environment.instead = "onnxruntime-other==1.3.*"
    assert machine.prepare() == ["pip", "pip", "pip"]


def test_device_tests_run_in_their_environment_and_name_the_device(machine, monkeypatch):
    monkeypatch.setenv("GLAZE_EDGE_DEVICE", "")
    assert machine.shared.test_device(machine.environment, "webgpu", "-k", "probe") == 0
    tests = machine.commands[-1]
    assert tests[:3] == [machine.environment.program("python"), "-m", "pytest"]
    assert tests[-3:] == ["tests/devices", "-k", "probe"]
    assert os.environ["GLAZE_EDGE_DEVICE"] == "webgpu"


def test_swiftshader_is_asked_for_by_name_or_missed(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(SHARED.parent)
    monkeypatch.setenv("GLAZE_EDGE_CHROMIUM", str(tmp_path))
    monkeypatch.setenv("VK_ICD_FILENAMES", "")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/mine")
    script = load(ROOT / "scripts" / "test-webgpu")
    with pytest.raises(SystemExit, match="sudo apt install chromium"):
        script.use_swiftshader()
    script.DRIVER.touch()
    script.use_swiftshader()
    assert os.environ["VK_ICD_FILENAMES"] == str(tmp_path / "vk_swiftshader_icd.json")
    assert os.environ["LD_LIBRARY_PATH"] == os.pathsep.join((str(tmp_path), "/mine"))


def test_an_interrupted_installation_is_made_anew(machine):
    machine.fails = "pip"
    with pytest.raises(SystemExit, match="could not be installed: see above"):
        machine.prepare()
    rest = machine.environment.folder / "half a package"
    rest.touch()
    machine.fails = None
    assert machine.prepare() == ["venv", "pip"]
    assert not rest.exists()


def test_an_environment_whose_python_is_gone_is_made_anew(machine):
    machine.prepare()
    Path(machine.environment.program("python")).unlink()
    assert machine.prepare() == ["venv", "pip"]


def test_an_environment_of_somebody_else_is_left_alone(machine):
    machine.environment.folder.mkdir()
    with pytest.raises(SystemExit, match="was made by something else"):
        machine.prepare()
    assert machine.environment.folder.is_dir()


def test_a_python_without_venv_is_told_what_to_install(machine):
    machine.fails = "venv"
    with pytest.raises(SystemExit, match="sudo apt install python3-venv"):
        machine.prepare()


def test_a_python_without_ensurepip_is_told_what_to_install(machine, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SystemExit, match="sudo apt install python3-venv"):
        machine.prepare()
    assert machine.commands == []


def test_an_old_python_is_told_so(machine, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 9, 2, "final", 0))
    with pytest.raises(SystemExit, match=r"needs Python 3\.11 or newer, and this is 3\.9\.2"):
        machine.prepare()
    assert machine.commands == []


def test_programs_are_found_on_windows(machine, monkeypatch):
    monkeypatch.setattr(machine.shared, "WINDOWS", True)
    assert Path(machine.environment.program("python")).parts[-2:] == ("Scripts", "python.exe")


@pytest.mark.parametrize(("ended", "status"), [(0, 0), (3, 3), (-15, 143)])
def test_the_exit_status_is_passed_on(ended, status):
    if ended < 0 and os.name == "nt":
        pytest.skip("signals have no exit status on Windows")
    program = f"import os, sys; os.kill(os.getpid(), {-ended}) if {ended} < 0 else sys.exit({ended})"
    assert load(SHARED).run([sys.executable, "-c", program]) == status


def test_ctrl_c_waits_for_the_program_and_ends_with_it(monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", lambda command, cwd: FakeProcess(1, interrupts=2))
    with pytest.raises(SystemExit) as caught:
        load(SHARED).run(["program"])
    assert caught.value.code == 1


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        ([], ["--help"]),
        (["--help"], ["--help"]),
        (["--version"], ["--version"]),
        (["a.png", "b.png"], ["glaze", "a.png", "b.png"]),
        (["--seed", "1", "a.png"], ["glaze", "--seed", "1", "a.png"]),
        (["glaze", "a.png"], ["glaze", "a.png"]),
        (["styles"], ["styles"]),
        (["models", "--help"], ["models", "--help"]),
        (["devices"], ["devices"]),
        (["show", "a.png"], ["show", "a.png"]),
    ],
    ids=" ".join,
)
def test_pictures_mean_the_command_glaze(given, passed, monkeypatch):
    monkeypatch.syspath_prepend(SHARED.parent)
    assert load(ROOT / "scripts" / "glaze").command_line(given) == passed


def test_windows_has_a_command_of_its_own() -> None:
    """It is not run here. Lines end as cmd.exe wants them, and no block is open where names of pictures are put in."""
    lines = (ROOT / "scripts" / "glaze.cmd").read_bytes().decode("ascii").split("\r\n")
    assert "\n" not in "".join(lines)
    calls = [line for line in lines if line.endswith('"%~dp0glaze" %*')]
    assert [call.split()[0] for call in calls] == ["py", "python"]
    assert {f":{line.split()[-1]}" for line in lines if "goto" in line} == {
        line for line in lines if line[:1] == ":"
    }
    assert "exit /b 1" in lines
    assert not [line for line in lines if "(" in line and not line.startswith("rem ")]
