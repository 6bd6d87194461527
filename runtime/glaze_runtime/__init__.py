"""glaze_runtime: the optimisation, on onnxruntime and numpy alone."""

import os

# Read when onnxruntime is loaded: its official builds report to their maker by default.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
