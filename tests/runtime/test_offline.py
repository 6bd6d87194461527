"""Nothing is reported to anybody."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("package", ["glaze_runtime", "glaze_export"])
def test_onnxruntime_is_told_not_to_report_before_it_is_loaded(package: str) -> None:
    code = (
        f"import os, sys, {package}; assert 'onnxruntime' not in sys.modules; "
        "assert os.environ['ORT_DISABLE_TELEMETRY'] == '1'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
