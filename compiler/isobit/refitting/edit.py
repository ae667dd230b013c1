"""What a refit does to a model, collected and then applied at once; and the numbers that scales may become."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import ceil, log2
from typing import Any

import numpy as np

from isobit.frontend.onnx.model import SourceModel, SourceNode
from isobit.numerics import exact, plain_multiplicand

SHRINK = 0.1
"""A scale that has to move goes up to the next power of two, or down by at most ``1 - 2**-0.1`` (7 %)."""


@dataclass
class Edit:
    """New constants, nodes replaced, nodes dropped, and new nodes behind others; all by a node's first output."""

    constants: dict[str, Any] = field(default_factory=dict)
    nodes: dict[str, SourceNode] = field(default_factory=dict)
    dropped: set[str] = field(default_factory=set)
    behind: dict[str, SourceNode] = field(default_factory=dict)

    def constant(self, value: Any) -> str:
        """The name of a new float32 constant."""
        name = f"refit_{len(self.constants)}"
        self.constants[name] = np.asarray(value, np.float32)
        return name

    def applied(self, model: SourceModel) -> SourceModel:
        """The model with everything done, and without nodes that nothing needs any more."""
        nodes: list[SourceNode] = []
        for node in model.nodes:
            key = node.outputs[0]
            if key not in self.dropped:
                nodes.append(self.nodes.get(key, node))
            if key in self.behind:
                nodes.append(self.behind[key])
        constants: Mapping[str, Any] = {**model.constants, **self.constants}
        kept = _needed(nodes, {o.name for o in model.outputs})
        return replace(model, nodes=tuple(kept), constants=constants)


def _needed(nodes: list[SourceNode], outputs: set[str]) -> list[SourceNode]:
    """The nodes that the outputs depend on, in the same order."""
    wanted, kept = set(outputs), []
    for node in reversed(nodes):
        if wanted & set(node.outputs):
            kept.append(node)
            wanted |= set(node.inputs)
    return kept[::-1]


def odd_part(n: int) -> int:
    """A positive ``n`` without its factors of two."""
    return n // (n & -n)


def shortened(v: Fraction, bits: int) -> Fraction:
    """The nearest number of ``bits`` significant bits."""
    m, s = plain_multiplicand(v, bits)
    return m * Fraction(2) ** -s


def nearby(scale: Fraction, base: Fraction, nearest: bool) -> Fraction:
    """A power of two times ``base``: the nearest to ``scale``, or the next above (see :data:`SHRINK`)."""
    ratio = log2(scale / base)
    return base * Fraction(2) ** (round(ratio) if nearest else ceil(ratio - SHRINK))


def nearly_float(unit: Fraction, scale: Fraction, bits: int) -> Fraction:
    """Of the numbers ``unit / (m * 2**-s)``, m of ``bits`` bits, within about 3 % of ``scale`` (or the nearest) the one
    that is closest to its own float32."""
    m, s = plain_multiplicand(unit / scale, bits)
    candidates = [
        unit / (n * Fraction(2) ** -s) for n in range(m - (m >> 5), min(m + (m >> 5), (1 << bits) - 1) + 1)
    ]  # fmt: skip
    return min(candidates, key=lambda v: (abs(exact(np.float32(float(v))) / v - 1), abs(v - scale)))
