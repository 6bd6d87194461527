"""What a layout is: how a kind of file names and shapes the tensors of an image encoder, or of a decoder."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from glaze_runtime.weights.tensorfile import Entry

_LINEAR = re.compile(r"\.attentions\.\d+\.to_(q|k|v|out\.0)\.weight$")
"""Canonical names of [out,in] weights that some layouts keep as kernels of 1x1 convolutions, [out,in,1,1]."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """From the names in a file to the canonical ones: those of diffusers and transformers, which the graphs use.

    Attributes:
        name: for people.
        mark: a tensor that every file of this layout has, and no other file.
        prefixes: what may stand before all names of the network; the rest of the file is of no interest.
        keeps: pattern at the beginning of the names that belong to the network.
        renames: patterns and what takes their place, one after the other.
    """

    name: str
    mark: str
    prefixes: tuple[str, ...] = ("",)
    keeps: str
    renames: tuple[tuple[str, str], ...] = ()

    def canonical(self, entries: Mapping[str, Entry]) -> dict[str, Entry]:
        """The network's tensors in `entries` by canonical name and in canonical shape; empty if it is another
        layout."""
        prefix = next((prefix for prefix in self.prefixes if prefix + self.mark in entries), None)
        if prefix is None:
            return {}
        found = {}
        for name, entry in entries.items():
            own = name.removeprefix(prefix)
            if name.startswith(prefix) and re.match(self.keeps, own):
                for pattern, replacement in self.renames:
                    own = re.sub(pattern, replacement, own)
                linear = _LINEAR.search(own) and entry.shape[2:] == (1, 1)
                found[own] = replace(entry, shape=entry.shape[:2]) if linear else entry
        return found
