"""Runs before the program: the official builds of onnxruntime keep a device's number and report to their maker unless told not to
before they are loaded.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
