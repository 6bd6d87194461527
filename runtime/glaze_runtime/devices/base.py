"""What a device is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class Cache(NamedTuple):
    """How a provider keeps what it compiled: its option for the folder, and the entry of a model's metadata with its
    name there."""

    option: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Device:
    """Something that can run a graph.

    Attributes:
        name: what it is chosen by.
        provider: the onnxruntime execution provider.
        options: of the provider; they keep the arithmetic in float32.
        plugin: the module that brings the provider, where onnxruntime itself does not.
        one_at_a_time: whether no two runs may overlap, those of other sessions included.
        cache: how the provider keeps what it compiled; None where it keeps nothing.
        variant: of a serialised graph, makes the one that this device is given in its place; None where that is the
            same.
        note: what it is.
        needs: what must be there for it.
    """

    name: str
    provider: str
    options: Mapping[str, str] = field(default_factory=dict, hash=False)
    plugin: str | None = None
    one_at_a_time: bool = False
    cache: Cache | None = None
    variant: Callable[[bytes], bytes] | None = None
    note: str
    needs: str
