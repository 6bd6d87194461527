"""The derivative of each operator, as operators: given dL/dy, emit dL/dx for inputs that depend on the image.

Only operators that onnxruntime has for CoreML too may come out of a rule (no Expand, Neg, Greater …); `audit` holds the
graphs to it. A new operator is one function in the module of its kind and one entry in `RULES`.
"""

from glaze_export.rules import (
    activation,
    arithmetic,
    convolution,
    linear,
    norm,
    pooling,
    reduction,
    resizing,
    shapes,
)
from glaze_export.rules.tape import Rule, Tape

__all__ = ["RULES", "Rule", "Tape"]

RULES: dict[str, Rule] = {
    "Add": arithmetic.add,
    "Concat": shapes.concat,
    "Conv": convolution.conv,
    "ConvTranspose": convolution.conv_transpose,
    "Div": arithmetic.div,
    "Erf": arithmetic.erf,
    "Gemm": linear.gemm,
    "InstanceNormalization": norm.instance_norm,
    "LayerNormalization": norm.layer_norm,
    "MatMul": linear.matmul,
    "MaxPool": pooling.max_pool,
    "Mul": arithmetic.mul,
    "ReduceMean": reduction.reduce_mean,
    "ReduceSum": reduction.reduce_sum,
    "Relu": activation.relu,
    "Reshape": shapes.reshape,
    "Resize": resizing.resize,
    "Sigmoid": arithmetic.sigmoid,
    "Slice": shapes.slice_,
    "Softmax": linear.softmax,
    "Sqrt": arithmetic.sqrt,
    "Sub": arithmetic.sub,
    "Tanh": arithmetic.tanh,
    "Transpose": shapes.transpose,
}
