"""Nothing is reported to anybody."""

import subprocess
import sys


def test_onnxruntime_is_told_not_to_report_before_it_is_loaded() -> None:
    code = (
        "import os, sys, glaze_runtime; assert 'onnxruntime' not in sys.modules; "
        "assert os.environ['ORT_DISABLE_TELEMETRY'] == '1'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
