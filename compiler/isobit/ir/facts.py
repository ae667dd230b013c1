"""What passes found out about a node, as types: later passes and checks act on these, never on provenance.

Facts take no part in a node's meaning, its content or its digest; the text form keeps them, so that a build's graph
tells what its proofs must show.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class NoProduct:
    """No multiply and shift equals the step's curves on what reaches them, and why. Gone when its curves change."""

    reason: str


@dataclass(frozen=True)
class ShortCoefficients:
    """The sum's coefficients are not the source's: with the steps behind it, it must be proven."""


@dataclass(frozen=True)
class FoldedPair:
    """The step was two: what these would have cost, in LUTs of a lane, and what it costs."""

    pair: int
    one: int


Fact = NoProduct | ShortCoefficients | FoldedPair
_KINDS: dict[str, type[Any]] = {
    "no_product": NoProduct, "short_coefficients": ShortCoefficients, "folded_pair": FoldedPair,
}  # fmt: skip
_NAMES = {kind: name for name, kind in _KINDS.items()}


def fact_record(fact: Fact) -> dict[str, Any]:
    """A fact as plain data: its kind and its fields."""
    return {"kind": _NAMES[type(fact)], **asdict(fact)}


def read_fact(record: dict[str, Any]) -> Fact:
    """The fact of :func:`fact_record`.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    values = {k: v for k, v in record.items() if k != "kind"}
    fact: Fact = _KINDS[record["kind"]](**values)
    wanted = {"reason": str}
    if any(type(v) is not wanted.get(k, int) for k, v in values.items()):
        raise ValueError(f"{record} is no fact")
    return fact
