"""Which operators of opset 18 the graphics devices take; what they lack runs on the CPU, at the cost of a copy there
and back.

Only names: what a provider asks of an operator's attributes is in the tests of the graphs.
"""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


COREML = _names(
    """
    Add ArgMax AveragePool BatchNormalization Cast Ceil Clip Concat Conv ConvTranspose Cos DepthToSpace Div Elu
    Erf Exp Flatten Gather GatherND Gelu Gemm GlobalAveragePool GlobalMaxPool GridSample GroupNormalization
    HardSigmoid Identity InstanceNormalization LayerNormalization LeakyRelu MatMul Max MaxPool Mul PRelu Pad Pow
    Range Reciprocal ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum Relu Reshape Resize Round Shape Sigmoid
    Sin Slice Softmax Softplus Split Sqrt Squeeze Sub Tanh Tile Transpose Unsqueeze
    """
)
"""MLProgram: tools/ci_build/github/apple/coreml_supported_mlprogram_ops.md in microsoft/onnxruntime, and for those it
leaves out (Pad, Gather, BatchNormalization …) onnxruntime/core/providers/coreml/builders/op_builder_factory.cc."""

DIRECTML = _names(
    """
    Abs Add ArgMax AveragePool BatchNormalization Cast Ceil Clip Concat Conv ConvTranspose Cos DepthToSpace Div
    Elu Equal Erf Exp Expand Flatten Floor Gather GatherElements GatherND Gemm GlobalAveragePool GlobalMaxPool
    Greater GreaterOrEqual GridSample HardSigmoid Identity InstanceNormalization LayerNormalization LeakyRelu
    Less LessOrEqual Log LogSoftmax MatMul Max MaxPool Min Mul Neg Not PRelu Pad Pow Range Reciprocal ReduceL1
    ReduceL2 ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape
    Resize Round ScatterND Shape Sigmoid Sign Sin Size Slice Softmax Softplus SpaceToDepth Split Sqrt Squeeze
    Sub Sum Tanh Tile Transpose Unsqueeze Where
    """
)
"""docs/OperatorKernels.md in microsoft/onnxruntime, the table of DmlExecutionProvider; it has Gelu and
GroupNormalization from later opsets on."""

WEBGPU = _names(
    """
    Abs Acos Acosh Add ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization Cast Ceil Clip Concat
    Conv ConvTranspose Cos Cosh CumSum DepthToSpace DequantizeLinear Div Einsum Elu Equal Erf Exp Expand Flatten
    Floor Gather GatherElements Gemm GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual HardSigmoid If
    InstanceNormalization LayerNormalization LeakyRelu Less LessOrEqual Log MatMul MaxPool Mul Neg Not Pad Pow
    Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd
    ReduceSum ReduceSumSquare Relu Reshape Resize Shape Sigmoid Sin Sinh Slice Softmax Split Sqrt Squeeze Sub
    Tan Tanh ThresholdedRelu Tile Transpose Unsqueeze Where
    """
)
"""The kernels that onnxruntime/core/providers/webgpu/webgpu_execution_provider.cc in microsoft/onnxruntime
registers."""

OPENVINO = _names(
    """
    Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization Cast Ceil Celu
    Clip Concat Constant ConstantOfShape Conv ConvInteger ConvTranspose Cos Cosh CumSum DepthToSpace
    DequantizeLinear Div Dropout Elu Equal Erf Exp Expand Flatten Floor Gather GatherElements GatherND Gemm
    GlobalAveragePool GlobalLpPool GlobalMaxPool Greater GreaterOrEqual HardSigmoid Hardmax Identity If
    InstanceNormalization LRN LSTM LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax Loop MatMul Max
    MaxPool Mean MeanVarianceNormalization Min Mod Mul Neg NonMaxSuppression Not OneHot Or PRelu Pad Pow
    QuantizeLinear RandomNormalLike Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax
    ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize ReverseSequence RoiAlign Round
    Scatter ScatterElements ScatterND Selu Shape Shrink Sigmoid Sign Sin Size Slice Softmax Softplus Softsign
    SpaceToDepth Split Sqrt Squeeze Sub Sum Tan Tanh ThresholdedRelu Tile TopK Transpose Trilu Unsqueeze
    Upsample Where Xor
    """
)
"""On CPU and GPU: onnxruntime/core/providers/openvino/ov_versions/data_ops.cc in microsoft/onnxruntime,
`supported_op_mode` and `ops_supported_as_function`."""

TAKES = {
    "coreml": COREML,
    "directml": DIRECTML,
    "webgpu": WEBGPU,
    "openvino": OPENVINO,
    "openvino-cpu": OPENVINO,
}
"""By device."""

REMOVED = frozenset({"Identity"})
"""What onnxruntime takes out of a graph before it asks a provider."""
