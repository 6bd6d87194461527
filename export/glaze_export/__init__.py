"""glaze_export: from a torch encoder to two ONNX graphs, one of them its gradient."""

import glaze_runtime  # noqa: F401  it says to onnxruntime, before that is loaded, that nothing is to be reported
