"""Nothing is reported to anybody."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("package", ["glaze_runtime", "glaze_export"])
def test_onnxruntime_is_told_not_to_report_before_it_is_loaded(package: str) -> None:
    code = (
        f"import os, sys, {package}; assert 'onnxruntime' not in sys.modules; "
        "assert os.environ['ORT_DISABLE_TELEMETRY'] == '1'"
    )
    clean = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    subprocess.run([sys.executable, "-c", code], env=clean, check=True)


def test_whoever_wants_reports_may_have_them() -> None:
    code = "import os, glaze_runtime; assert os.environ['ORT_DISABLE_TELEMETRY'] == '0'"
    subprocess.run([sys.executable, "-c", code], env=os.environ | {"ORT_DISABLE_TELEMETRY": "0"}, check=True)
