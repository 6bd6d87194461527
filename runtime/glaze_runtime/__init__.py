"""glaze_runtime: the optimisation, on onnxruntime and numpy alone."""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = (
    "1"  # read when onnxruntime is loaded: its official builds report to their maker by default
)
