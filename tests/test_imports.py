"""Imports go one way: glaze_edge and glaze_export -> glaze_runtime -> glaze_models. Only export has torch."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = {
    "glaze_edge": ROOT / "glaze_edge",
    "glaze_export": ROOT / "export" / "glaze_export",
    "glaze_models": ROOT / "models" / "glaze_models",
    "glaze_runtime": ROOT / "runtime" / "glaze_runtime",
}
MAY_IMPORT = {
    "glaze_edge": {"glaze_runtime", "glaze_models"},
    "glaze_export": {"glaze_runtime", "glaze_models"},
    "glaze_models": set(),
    "glaze_runtime": {"glaze_models"},
}
HEAVY = {"diffusers", "onnxscript", "optimum", "torch", "transformers"}

IMPORT_ALL = """
import importlib, json, pkgutil, sys
for name in ("glaze_models", "glaze_runtime", "glaze_edge"):
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, name + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def test_nothing_but_the_export_stage_brings_torch_along() -> None:
    result = subprocess.run([sys.executable, "-c", IMPORT_ALL], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    loaded = set(ast.literal_eval(result.stdout.splitlines()[-1]))
    assert {"glaze_models", "glaze_runtime", "glaze_edge"} <= loaded
    assert loaded.isdisjoint(HEAVY | {"glaze_export"})


@pytest.mark.parametrize("package", FOLDERS)
def test_imports_go_one_way(package: str) -> None:
    forbidden = FOLDERS.keys() - MAY_IMPORT[package] - {package}
    if package != "glaze_export":
        forbidden |= HEAVY
    files = list(FOLDERS[package].rglob("*.py"))
    assert files
    found = [
        f"{file.relative_to(ROOT)} imports {name}"
        for file in files
        for name in imports(ast.parse(file.read_text("utf-8")))
        if name in forbidden
    ]
    assert found == []


def imports(tree: ast.AST) -> Iterator[str]:
    """The top-level packages that a module imports, anywhere in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module.partition(".")[0]
