"""Which operators of opset 18 the graphics devices take; what they lack runs on the CPU, at the cost of a copy there and back.

Only names: what a provider asks of an operator's attributes is in the tests of the graphs.
"""

COREML = frozenset(
    (
        *("Add", "ArgMax", "AveragePool", "BatchNormalization", "Cast", "Ceil", "Clip", "Concat", "Conv"),
        *(
            "ConvTranspose",
            "Cos",
            "DepthToSpace",
            "Div",
            "Elu",
            "Erf",
            "Exp",
            "Flatten",
            "Gather",
            "GatherND",
        ),
        *("Gelu", "Gemm", "GlobalAveragePool", "GlobalMaxPool", "GridSample", "GroupNormalization"),
        *("HardSigmoid", "Identity", "InstanceNormalization", "LayerNormalization", "LeakyRelu", "MatMul"),
        *("Max", "MaxPool", "Mul", "PRelu", "Pad", "Pow", "Range", "Reciprocal", "ReduceMax", "ReduceMean"),
        *("ReduceMin", "ReduceProd", "ReduceSum", "Relu", "Reshape", "Resize", "Round", "Shape", "Sigmoid"),
        *("Sin", "Slice", "Softmax", "Softplus", "Split", "Sqrt", "Squeeze", "Sub", "Tanh", "Tile"),
        *("Transpose", "Unsqueeze"),
    )
)
"""MLProgram: tools/ci_build/github/apple/coreml_supported_mlprogram_ops.md in microsoft/onnxruntime, and for those it leaves out
(Pad, Gather, BatchNormalization …) onnxruntime/core/providers/coreml/builders/op_builder_factory.cc."""

DIRECTML = (COREML - {"Gelu", "GroupNormalization"}) | {
    *(
        "Abs",
        "Equal",
        "Expand",
        "Floor",
        "GatherElements",
        "Greater",
        "GreaterOrEqual",
        "Less",
        "LessOrEqual",
    ),
    *("Log", "LogSoftmax", "Min", "Neg", "Not", "ReduceL1", "ReduceL2", "ReduceLogSumExp", "ReduceSumSquare"),
    *("ScatterND", "Sign", "Size", "SpaceToDepth", "Sum", "Where"),
}
"""docs/OperatorKernels.md in microsoft/onnxruntime, the table of DmlExecutionProvider; it has Gelu and GroupNormalization from later
opsets on."""
