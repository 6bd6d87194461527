"""The app's modules: none knows whoever uses it, and each has one subject."""

import ast
from graphlib import TopologicalSorter
from importlib.resources import files
from pathlib import Path

FOLDER = Path(str(files("glaze_edge.app")))
MOST_LINES = 300


def modules() -> dict[str, Path]:
    """The modules of the app and their files, by their names."""
    named = {path.relative_to(FOLDER).with_suffix(""): path for path in FOLDER.rglob("*.py")}
    return {".".join(("glaze_edge.app", *name.parts)): path for name, path in named.items()}


def imports(path: Path) -> set[str]:
    """The modules of the app that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name if name in modules() else f"{name}.__init__" for name in found} & modules().keys()


def test_no_module_imports_what_imports_it() -> None:
    order = list(TopologicalSorter({name: imports(path) for name, path in modules().items()}).static_order())
    assert order.index("glaze_edge.app.state") < order.index("glaze_edge.app.controller")


def test_routes_know_the_controller_and_no_part_below_it() -> None:
    parts = {"checkpoints", "feed", "intake", "networks", "preferences", "results", "trials", "worker"}
    for name, path in modules().items():
        if ".routes." in name:
            used = {
                alias.name
                for node in ast.walk(ast.parse(path.read_text("utf-8")))
                if isinstance(node, ast.ImportFrom)
                and node.module in {f"glaze_edge.app.{part}" for part in parts}
                for alias in node.names
            }
            assert used <= {"MOST_BYTES", "Replaced"}, name


def test_a_module_fits_its_subject() -> None:
    long = {
        name: n
        for name, path in modules().items()
        if (n := len(path.read_text("utf-8").splitlines())) > MOST_LINES
    }
    assert long == {}
