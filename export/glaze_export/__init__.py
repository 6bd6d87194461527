"""glaze_export: from a torch encoder to two ONNX graphs, one of them its gradient."""
