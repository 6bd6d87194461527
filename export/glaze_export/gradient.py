"""Reverse-mode differentiation on the ONNX graph: `encode` or `decode` -> `step`, a squared error and its gradient.

    loss = sum (encode(image) − target)²        gradient = d loss / d image
    loss = sum (decode(latent) − target)²       gradient = d loss / d latent

Why not trace torch's backward pass: `torch.func.grad` under non-strict export yields fake weights without a
word, and `autograd.grad` is refused in strict export. On the graph, one small rule an operator is enough.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from onnx import GraphProto, NodeProto, TensorProto, ValueInfoProto, helper

from glaze_export import graphs
from glaze_export.lowering import written_out
from glaze_export.rules import RULES
from glaze_models.errors import ModelError

STEPS = {"encode": "step", "decode": "decode_step"}
"""The last part of a graph's name -> that of its step graph."""


def step_graph(forward: GraphProto) -> tuple[GraphProto, graphs.Derived]:
    """The graph input, target -> loss [], gradient, of the input's shape; and its derived tensors' recipes.

    Raises:
        ModelError: an operator has no rule, or its rule does not cover this use; the node is named.
    """
    source, output = forward.input[0], forward.output[0]
    stem, kind = forward.name.split(".")
    tape = _Tape(forward)
    error = tape.emit("Sub", output.name, "target")
    squares = tape.emit("Mul", error, error)
    if kind == "decode":  # an image's million numbers, added up in one go, would be 1e-5 off
        squares = tape.emit("ReduceSum", squares, tape.integers([3]))
    tape.emit("ReduceSum", squares, output="loss", keepdims=0)
    gradient = tape.back(forward, tape.emit("Mul", error, tape.scalar(2)))
    graph = tape.graph(
        f"{stem}.{STEPS[kind]}",
        [source, graphs.value("target", graphs.sizes(output))],
        [graphs.value("loss", []), gradient],
    )
    return graph, tape.recipes


def scalar_graph(forward: GraphProto) -> tuple[GraphProto, graphs.Derived]:
    """`forward`, whose output is a number, with its gradient for the first input beside it; and derived tensors'
    recipes.

    Raises:
        ModelError: as `step_graph`.
    """
    tape = _Tape(forward)
    gradient = tape.back(forward, tape.emit("Identity", tape.scalar(1)))
    graph = tape.graph(forward.name, list(forward.input), [*forward.output, gradient])
    return graph, tape.recipes


CHEAP = {"Add", "Div", "Mul", "Reshape", "Sigmoid", "Sub"}
"""Operators that are computed anew in the backward pass, not kept: an SD VAE at 512x512 then takes 2.2 GiB a step, not
3.6.

Only in networks that normalise, by an operator of NORMALISING. The others are small, and faster if all is kept.
"""
NORMALISING = {"InstanceNormalization", "LayerNormalization", "Sqrt"}


class _Tape:
    """The operators emitted so far: `nodes`, which carry the gradient, and `again`, which follow from the forward pass
    alone.

    onnxruntime runs of an operator's inputs the one first that comes last in the file. So `again` goes before all of
    `nodes`: a gradient is then ready before what it is multiplied with is computed. Else the slopes of all layers would
    be there at once.
    """

    def __init__(self, forward: GraphProto) -> None:
        normalises = not NORMALISING.isdisjoint(node.op_type for node in forward.node)
        forward = written_out(forward)
        self.nodes: list[NodeProto] = []
        self.again: list[NodeProto] = []
        self.tensors: dict[str, TensorProto] = {}
        self.recipes: dict[str, dict[str, str | int]] = {}
        self._forward = forward
        self._shapes = graphs.example_shapes(forward)
        self._held = {t.name: t for t in forward.initializer if not graphs.is_weight(t)}
        self._producers = {node.output[0]: node for node in forward.node}
        self._repeated: dict[str, str] = {}
        self._cheap = CHEAP if normalises else set[str]()
        self._late = {"target"}
        self._alive = {forward.input[0].name}
        for node in forward.node:
            if self._alive.intersection(node.input):
                self._alive.update(node.output)

    def back(self, forward: GraphProto, start: str) -> ValueInfoProto:
        """Carry `start`, the gradient of the output of `forward`, back to its first input; the graph's output
        `gradient`."""
        source = forward.input[0]
        gradients = {forward.output[0].name: start}
        self._late.add(start)
        for node in reversed(forward.node):
            grad = gradients.pop(node.output[0], None)
            if grad is None:
                continue
            if node.op_type not in RULES:
                raise ModelError(
                    f"{node.op_type} {node.name!r} has no gradient rule. Add one to glaze_export/rules."
                )
            for name, part in RULES[node.op_type](node, grad, self):
                gradients[name] = self.emit("Add", gradients[name], part) if name in gradients else part
        self.emit("Identity", gradients[source.name], output="gradient")
        return graphs.value("gradient", graphs.sizes(source))

    def graph(
        self, name: str, inputs: Sequence[ValueInfoProto], outputs: Sequence[ValueInfoProto]
    ) -> GraphProto:
        """The forward and the backward pass, with the tensors that they use."""
        nodes = [*self._forward.node, *self.again, *self.nodes]
        used = {name for node in nodes for name in node.input}
        tensors = {t.name: t for t in self._forward.initializer} | self.tensors
        kept = [tensor for key, tensor in sorted(tensors.items()) if key in used]
        return helper.make_graph(nodes, name, inputs, outputs, kept)

    def emit(self, op: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        name = output or f"grad_{len(self.again) + len(self.nodes)}"
        late = not self._late.isdisjoint(inputs)
        (self.nodes if late else self.again).append(graphs.node(op, inputs, name, attributes))
        if late:
            self._late.add(name)
        return name

    def value(self, name: str) -> str:
        if self._root(name) in (None, name):
            return name
        if name not in self._repeated:
            node = self._producers[name]
            inputs = [self.value(i) if self._root(i) == self._root(name) else i for i in node.input]
            self._repeated[name] = f"again_{name}"
            self.again.append(
                graphs.node(node.op_type, inputs, self._repeated[name], graphs.attributes(node))
            )
        return self._repeated[name]

    def _root(self, name: str) -> str | None:
        """The one kept value that `name` can be computed anew from, or itself; None for constants.

        Statistics, far smaller than what they are of, are kept and count as constants.
        """
        if not self.needs_gradient(name):
            return None
        node = self._producers.get(name)
        if node is None or node.op_type not in self._cheap:
            return name
        size = math.prod(self._shapes[name])
        inputs = [i for i in node.input if 16 * math.prod(self._shapes[i]) > size]
        roots = {self._root(i) for i in inputs} - {None}
        return roots.pop() if len(roots) == 1 else name

    def scalar(self, number: float) -> str:
        name = f"number_{number:g}"
        self.tensors[name] = graphs.scalar(name, number)
        return name

    def integers(self, numbers: Iterable[int]) -> str:
        vector = list(numbers)
        name = "integers_" + "_".join(map(str, vector))
        self.tensors[name] = graphs.integers(name, vector)
        return name

    def flip_transpose(self, weight: str, groups: int = 1) -> str:
        name = f"{weight}.flip_transpose"
        first, second, *kernel = self._shapes[weight]
        self.tensors[name] = graphs.weight(name, (second * groups, first // groups, *kernel))
        self.recipes[name] = {"recipe": "flip_transpose", "of": weight}
        if groups > 1:
            self.recipes[name]["groups"] = groups
        return name

    def shape(self, name: str) -> tuple[int, ...]:
        return self._shapes[name]

    def constant(self, name: str) -> list[Any]:
        if name not in self._held:
            raise ModelError(f"{name!r} is no constant of the graph. Extend the rule in glaze_export/rules.")
        return graphs.numbers(self._held[name])

    def producer(self, name: str) -> NodeProto | None:
        return self._producers.get(name)

    def needs_gradient(self, name: str) -> bool:
        return name in self._alive
