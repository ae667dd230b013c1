"""Rung 4 of the ladder: multiplicands of k bits that change some outputs, counted exactly, within a stated budget.

The only rewrite that may change an integer. It is no rule of the pipeline: it runs on request, on named steps, and
returns what it did. A step's values never leave the intervals they had, so that all that was proven of the other steps
stays true.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import floor

import numpy as np

from isobit.errors import IsobitError, printable
from isobit.ir import Graph, Node, verify
from isobit.ir.channels import Curves
from isobit.ir.ops import Step
from isobit.ir.types import IntArray
from isobit.numerics import (
    Curve,
    MultiplyShift,
    Rounded,
    Weighted,
    align_shifts,
    differences,
    least_error,
    plain_multiply_shift,
)

_UNITS = {"": 1, "%": 100, "ppm": 1_000_000, "ppb": 1_000_000_000}
_SHARE = re.compile(r"\s*([0-9]+/[1-9][0-9]*|[0-9]*\.?[0-9]+)\s*(%|ppm|ppb|)\s*")


@dataclass(frozen=True)
class StepErrors:
    """What a rewrite changed in one step.

    Of ``reachable`` accumulators, over all curves, ``wrong`` give another output; ``share`` is the largest share of
    one curve, ``worst`` the largest change in output steps. Of ``seen`` accumulators that given inputs produced,
    ``seen_wrong`` did, ``seen_share`` is the largest share of one curve (all 0 without inputs).
    """

    step: str
    bits: int
    reachable: int
    wrong: int
    share: Fraction
    worst: int
    seen: int = 0
    seen_wrong: int = 0
    seen_share: Fraction = Fraction(0)


def parse_share(text: str) -> Fraction:
    """A share from ``50ppm``, ``0.1%``, ``3ppb``, ``1/20000`` or ``0.00005``.

    Raises:
        IsobitError: E803 when it is none, or above 1.
    """
    match = _SHARE.fullmatch(text)
    share = Fraction(match[1]) / _UNITS[match[2]] if match else None
    if share is None or share > 1:
        raise IsobitError("E803", f"{printable(text)!r}", hint="for example 50ppm, 0.1% or 1/20000")
    return share


def apply_budget(
    graph: Graph, steps: Iterable[str], bits: int, share: Fraction, seen: Mapping[str, IntArray] | None = None,
    *, least: bool = False,
) -> tuple[Graph, tuple[StepErrors, ...]]:  # fmt: skip
    """``graph`` with multiplicands of at most ``bits`` bits in the named steps, and what that changed.

    Of every curve at most ``share`` of the reachable accumulators may give another output, by one step at most; of the
    accumulators in ``seen`` (value name to ``(batch, ...)``, what real inputs produced) the same share at most. Within
    the share of the reachable ones, that multiplicand is taken that changes the fewest seen ones. With ``least`` a step
    takes the fewest bits that keep the budget, otherwise all of ``bits``, for the fewest errors.

    Raises:
        IsobitError: E802 naming the steps for which there is no such multiplicand.
    """
    replaced: dict[str, Node] = {}
    errors, refused = [], []
    for name in steps:
        node = graph.by_name[name]
        assert isinstance(node, Step)
        columns = None if seen is None else _columns(seen[node.inputs[0]], len(node.curves))
        problem = ""
        for width in range(1 if least else bits, bits + 1):
            made = _approximated(graph, node, width, share, columns)
            counted = None if made is None else _count(graph, node, made, width, columns)
            problem = "no multiplicand keeps its interval" if counted is None else _excess(counted, share)
            if made is not None and counted is not None and not problem:
                replaced[name] = replace(node, curves=Curves(made), rules=(*node.rules, "budget"))
                errors.append(counted)
                break
        if problem:
            refused.append(f"{name}: {problem}")
    if refused:
        raise IsobitError(
            "E802", "; ".join(refused), where=f"multiplicands of {bits} bits, budget {share}",
            hint="more bits, a larger budget, or --refit, which changes the weights instead",
        )  # fmt: skip
    return verify(Graph(tuple(replaced.get(n.name, n) for n in graph.nodes))), tuple(errors)


def _columns(seen: IntArray, curves: int) -> list[IntArray]:
    """The seen accumulators ``(batch, ..., channels)`` of each curve, sorted."""
    columns = seen.reshape(-1, seen.shape[-1] if curves > 1 else 1).T
    return [np.sort(column) for column in columns]


def _approximated(
    graph: Graph, node: Step, bits: int, share: Fraction, columns: Sequence[IntArray] | None
) -> tuple[MultiplyShift, ...] | None:
    clamp = graph.types[node.name].bounds
    spans = node.curves.spans(graph.types[node.inputs[0]])
    found = [least_error(curve, lo, hi, bits, clamp) for curve, (lo, hi) in zip(node.curves, spans, strict=True)]
    if columns is not None:
        for i, (curve, (lo, hi), column) in enumerate(zip(node.curves, spans, columns, strict=True)):
            better = least_error(curve, lo, hi, bits, clamp, Weighted(column, floor(share * (hi - lo + 1))))
            # displacement counts the accumulators only while no output changes by more than one step
            found[i] = better if better is not None and better.worst <= 1 else found[i]
    made = [a.scaled for a in found if a is not None]
    return align_shifts(made, bits) if len(made) == len(found) else None


def _count(
    graph: Graph, node: Step, made: Sequence[Curve], bits: int, columns: Sequence[IntArray] | None
) -> StepErrors:
    """The errors of ``made`` in place of the node's curves."""
    spans = node.curves.spans(graph.types[node.inputs[0]])
    found = [differences(f, g, *span) for f, g, span in zip(node.curves, made, spans, strict=True)]
    sizes = [hi - lo + 1 for lo, hi in spans]
    share = _largest([wrong for wrong, _ in found], sizes)
    counts = (sum(sizes), sum(wrong for wrong, _ in found), share, max(worst for _, worst in found))
    if columns is None:
        return StepErrors(node.name, bits, *counts)
    apart = [int(np.count_nonzero(f(x) != g(x))) for f, g, x in zip(node.curves, made, columns, strict=True)]
    given = [x.size for x in columns]
    return StepErrors(node.name, bits, *counts, sum(given), sum(apart), _largest(apart, given))


def _largest(wrong: Sequence[int], sizes: Sequence[int]) -> Fraction:
    return max((Fraction(w, n) for w, n in zip(wrong, sizes, strict=True) if n), default=Fraction(0))


def _excess(e: StepErrors, share: Fraction) -> str:
    """Why the errors exceed the budget, or ""."""
    if e.worst > 1:
        return f"some outputs change by {e.worst} steps"
    if e.share > share:
        return f"{shown(e.share)} of a channel's reachable accumulators change"
    if e.seen_share > share:
        return f"{shown(e.seen_share)} of a channel's accumulators of the given inputs change"
    return ""


def shown(share: Fraction) -> str:
    """A share for reading, in ppm or percent, rounded to three digits."""
    ppm = float(share) * 1e6
    return f"{ppm:.3g} ppm" if ppm < 1000 else f"{ppm / 1e4:.3g}%"


def plain_rescale(graph: Graph, bits: int) -> tuple[Graph, tuple[StepErrors, ...]]:
    """The baseline: every generator of the graph by the plain k-bit rule, and what that changes.

    Meant for the graph before ``shrink-multiplicands``, and for comparison only: nothing keeps the errors small, and
    the intervals of the values after a step may change.

    Raises:
        ValueError: a step has a multiplier that is too large for a shift to the right.
    """
    replaced: dict[str, Node] = {}
    errors = []
    for node in graph.nodes:
        if isinstance(node, Step) and any(isinstance(c, Rounded) for c in node.curves):
            made = node.curves.map(lambda c: plain_multiply_shift(c, bits) if isinstance(c, Rounded) else c)
            errors.append(_count(graph, node, made, bits, None))
            replaced[node.name] = replace(node, curves=made)
    return verify(Graph(tuple(replaced.get(n.name, n) for n in graph.nodes))), tuple(errors)
