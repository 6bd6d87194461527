"""What a gradient rule is, and what it may do."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from onnx import NodeProto

from glaze_models.errors import ModelError


class Tape(Protocol):
    """What a rule may do: emit operators, ask for constants, look at the forward graph. Values go by name."""

    def emit(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Append an operator; the name of its output."""
        ...

    def value(self, name: str) -> str:
        """A value of the forward pass, for use in the backward pass: kept, or where that is cheap computed anew.

        Whatever a rule reads of the forward graph goes through here, except where only the shape is read.
        """
        ...

    def scalar(self, number: float) -> str:
        """A constant of rank 0."""
        ...

    def integers(self, numbers: Iterable[int]) -> str:
        """A constant vector of integers: axes, bounds, a shape."""
        ...

    def flip_transpose(self, weight: str, groups: int = 1) -> str:
        """The kernels of `weight` flipped in space, their input and output channels swapped within each group."""
        ...

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a value of the forward graph, for an example image."""
        ...

    def constant(self, name: str) -> list[Any]:
        """The numbers of a constant that the graph holds.

        Raises:
            ModelError: `name` is computed, or is a weight.
        """
        ...

    def producer(self, name: str) -> NodeProto | None:
        """The operator of the forward graph whose output is `name`; none for inputs and constants."""
        ...

    def needs_gradient(self, name: str) -> bool:
        """Whether the value depends on the image."""
        ...


Rule = Callable[[NodeProto, str, Tape], Iterator[tuple[str, str]]]
"""(node, name of dL/dy, tape) -> pairs (input, name of its share of dL/dx)."""


def unknown(node: NodeProto, why: str) -> ModelError:
    """The error of a rule that does not cover a use of its operator."""
    return ModelError(
        f"{node.op_type} {node.name!r} {why}; its gradient is not known. Extend the rule in glaze_export/rules."
    )
