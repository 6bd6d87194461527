"""The host process's environment is its own; the command's is set before numpy is loaded."""

import os
import subprocess
import sys

VARIABLE = "OPENBLAS_NUM_THREADS"


def said(code: str, **environment: str) -> str:
    """What a fresh interpreter prints."""
    clean = {name: value for name, value in os.environ.items() if name != VARIABLE}
    return subprocess.run(
        [sys.executable, "-c", code], env=clean | environment, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_an_import_leaves_the_threads_of_its_host_alone() -> None:
    assert said(f"import glaze_edge.api, os; print(os.environ.get('{VARIABLE}'))") == "None"


COMMAND = f"""
import os, sys
def seen(event, arguments):
    if event == "import" and arguments[0] == "numpy":
        print(os.environ.get("{VARIABLE}"))
        os._exit(0)
sys.addaudithook(seen)
sys.argv[1:] = ["styles"]
sys.stdout.reconfigure(line_buffering=True)
from glaze_edge.cli import main
main()
"""


def test_the_command_has_one_thread_before_numpy_is_loaded() -> None:
    assert said(COMMAND) == "1"
    assert said(COMMAND, **{VARIABLE: "3"}) == "3"
