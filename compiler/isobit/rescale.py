"""How wide requantizers' multiplicands may be: the plan and the graph that keep to it, or a refusal by name.

Only steps that are built with a multiplication count: thresholds and tables have no multiplicand, and the coefficients
of a join are no requantizers. The plan decides that by cost as ever; ``implementation = "thresholds"`` in a plan file
is one way out of a refusal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from isobit.backends.base import Progress, silent
from isobit.backends.registry import AnyBackend
from isobit.errors import IsobitError
from isobit.hardware import Board
from isobit.hardware.prices import PRICES
from isobit.ir import Graph
from isobit.ir.ops import Step
from isobit.ir.types import IntArray
from isobit.numerics import NoMultiplyShift, layer_multiply_shift
from isobit.passes import shrinking
from isobit.passes.budget import StepErrors, apply_budget
from isobit.passes.proofs import StepProof, SumProof, prove, prove_sums

MAX_BITS = 32
Seen = Callable[[Graph], Mapping[str, IntArray]]


@dataclass(frozen=True)
class RescaleRequest:
    """``bits``: the widest multiplicand allowed, None for any; ``budget``: the share of accumulators that may change
    for it; ``refit``: the source was refitted (:mod:`isobit.refitting.model`), which the hints then leave out."""

    bits: int | None = None
    budget: Fraction | None = None
    refit: bool = False

    def __post_init__(self) -> None:
        if self.bits is None and (self.refit or self.budget is not None):
            raise IsobitError("E803", "a refit or a budget without a width", hint="add --rescale-bits 8")
        if self.bits is not None and not 1 <= self.bits <= MAX_BITS:
            raise IsobitError("E803", f"{self.bits} bits", hint=f"--rescale-bits takes 1 to {MAX_BITS}")


@dataclass(frozen=True)
class Rescaled:
    """``graph`` is built; ``exact`` equals the source and is another one only where ``errors`` says what changed."""

    graph: Graph
    plan: Any
    exact: Graph
    proofs: tuple[StepProof, ...]
    sums: tuple[SumProof, ...]
    errors: tuple[StepErrors, ...] = ()


def rescaled(
    folded: Graph, backend: AnyBackend, board: Board, request: Any, rescale: RescaleRequest, seen: Seen | None = None,
    told: Progress = silent,
) -> Rescaled:  # fmt: skip
    """Shrink the coefficients and multiplicands of a folded graph, plan it, and make it keep to ``rescale``.

    Args:
        folded: the graph after every pass but ``narrow-sum`` and ``shrink-multiplicands``.
        backend: whose plan it is to be, and of whose ``request``; it decides which steps have a multiplicand at all.
        seen: gives the accumulators of the user's own inputs, by value name; with a budget these count too.
        told: hears of how much is done.

    Raises:
        IsobitError: E801 naming the steps that need wider multiplicands, E802 those that exceed the budget, E503, E504.
        DoesNotFit: E502.
    """
    narrow, shrink = shrinking(PRICES, rescale.bits)
    step = "shrinking sums and requantizers, choosing the folding: {} of 4 steps".format
    told(step(0))
    narrowed = narrow(folded)
    told(step(1))
    exact, sums = shrink(narrowed), prove_sums(folded, narrowed)
    told(step(2))
    plan = backend.plan(exact, board, request, told)
    wide = _too_wide(backend.multiplicands(exact, plan), rescale.bits)
    told(step(3))
    if not wide:
        return Rescaled(exact, plan, exact, prove(narrowed, exact), sums)
    assert rescale.bits is not None
    if rescale.budget is None:
        raise _refusal(narrowed, wide, rescale)
    graph, errors = apply_budget(exact, wide, rescale.bits, rescale.budget, seen(exact) if seen else None, least=True)
    proofs = prove(narrowed, graph, frozenset(wide))
    return Rescaled(graph, backend.plan(graph, board, request, told), exact, proofs, sums, errors)


def _too_wide(widths: Mapping[str, int], bits: int | None) -> dict[str, int]:
    """The steps built with a multiplicand above ``bits`` bits, and its width."""
    return {} if bits is None else {name: width for name, width in widths.items() if width > bits}


def _refusal(narrowed: Graph, wide: Mapping[str, int], rescale: RescaleRequest) -> IsobitError:
    needs = ", ".join(f"{name} needs {_least_width(narrowed, name, width)}" for name, width in wide.items())
    ways = ["more bits", "--budget 50ppm"] + ["--refit"] * (not rescale.refit) + ["rescale-aware training"]
    return IsobitError(
        "E801", f"{needs} (least lossless widths)", where=f"--rescale-bits {rescale.bits}", hint=", ".join(ways)
    )


def _least_width(narrowed: Graph, name: str, width: int) -> int:
    """The least width that is lossless: of its own shifts per channel, or ``width`` where its body has no other."""
    node = narrowed.by_name[name]
    assert isinstance(node, Step)
    x = narrowed.types[node.inputs[0]]
    found = layer_multiply_shift(node.curves, *node.curves.reach(x), narrowed.types[name].bounds, 0)
    assert not isinstance(found, tuple)
    return width if isinstance(found, NoMultiplyShift) else found.bits
