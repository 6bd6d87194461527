"""What a device is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Device:
    """Something that can run a graph.

    Attributes:
        name: what `--device` takes.
        provider: the onnxruntime execution provider.
        options: of the provider; they keep the arithmetic in float32.
        plugin: the module that brings the provider, where onnxruntime itself does not.
        one_at_a_time: whether no two runs may overlap, those of other sessions included.
        cache: the provider's option for the folder in which it keeps what it compiled; None where it keeps nothing.
        variant: the graph that this device is given in place of `model`: (model, fingerprint of model, sizes and weights) -> model.
        note: what it is.
        needs: what must be there for it.
    """

    name: str
    provider: str
    options: Mapping[str, str] = field(default_factory=dict, hash=False)
    plugin: str | None = None
    one_at_a_time: bool = False
    cache: str | None = None
    variant: Callable[[bytes, str], bytes] | None = None
    note: str
    needs: str
