"""glaze_runtime: the optimisation, on onnxruntime and numpy alone."""
