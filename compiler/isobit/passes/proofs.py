"""What a build can show for each of its steps: the exact staircase, the integers in its place, and what was checked.

The exact staircase is the one that import and folding gave, before the search for short multiplicands touched it. It is
written in its smallest form: its generator (rational multiplier, offset, rounding, clamp), or its cuts. A proof is
complete: built and exact function are monotone, so that they agree on the reachable interval when they do at its ends,
at every cut inside and at every cut's left neighbour. That is checked here, once more, on the graphs before and after:
a step that is to be exact and is not is refused (E901), so that a claim of no errors is a result. The cuts are listed;
:mod:`isobit.check.proofs` checks that they are the cuts, that none is missing, and looks at all these points again. A
sum whose coefficients were shortened is proven with the steps behind it: on the box of its operands the two give what
they gave before.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from isobit.errors import promised
from isobit.ir import Graph
from isobit.ir.channels import Curves, of_channel, rows
from isobit.ir.curve_record import curve_record
from isobit.ir.ops import Add, Step
from isobit.ir.types import ValueType
from isobit.numerics import (
    Curve,
    IntArray,
    Interval,
    MultiplyShift,
    Summed,
    differences,
    equal_on,
    is_translation,
    sums_differ,
    wrong_at,
)
from isobit.passes.sums import SHORT

PROOFS_FORMAT = 4
LISTED_CUTS = 4096
"""Up to so many cuts a channel's proof lists; of more it holds the number."""


@dataclass(frozen=True)
class ChannelProof:
    """One curve of a step: reachable interval, exact and built function, and how often and how far these differ.

    ``wrong`` counts reachable accumulators, ``worst`` is in output steps; both are 0 but for steps under a budget.
    """

    lo: int
    hi: int
    exact: Curve
    built: Curve
    wrong: int = 0
    worst: int = 0

    @property
    def cuts(self) -> IntArray | int:
        """The cuts that decide, in order, or how many there are.

        Of a translation built with a product the first and the last: the distance of ``m x + c`` from the edges of the
        levels is linear there.
        """
        inside = self.exact.restrict(self.lo, self.hi)
        linear = isinstance(self.built, MultiplyShift) or self.built == self.exact
        if inside.levels > 2 and linear and is_translation(self.exact):
            return inside.cuts_at([inside.start + 1, inside.top])
        return inside.cuts() if inside.levels <= LISTED_CUTS else inside.levels


@dataclass(frozen=True)
class StepProof:
    """All curves of one step, in order."""

    step: str
    channels: tuple[ChannelProof, ...]

    @property
    def wrong(self) -> int:
        """Reachable accumulators of all channels that give another output."""
        return sum(c.wrong for c in self.channels)


@dataclass(frozen=True)
class SumProof:
    """A sum whose coefficients were shortened: those it had, and the curves that the steps behind it had, by step."""

    sum: str
    coefficients: tuple[IntArray, ...]
    steps: Mapping[str, Curves]


def prove_sums(exact: Graph, built: Graph) -> tuple[SumProof, ...]:
    """What the sums of ``built`` that :class:`isobit.passes.sums.NarrowSum` changed were in ``exact``.

    Raises:
        IsobitError: E901 with the pair of operands for which a step behind a sum gives another value.
    """
    made = []
    for node in built.nodes:
        before = exact.by_name.get(node.name)
        if isinstance(node, Add) and isinstance(before, Add) and SHORT in node.facts:
            steps = {n.name: n.curves for n in exact.consumers[node.name] if isinstance(n, Step)}
            _check_sum(built, before, node, steps)
            made.append(SumProof(node.name, before.coefficients, steps))
    return tuple(made)


def _check_sum(built: Graph, before: Add, after: Add, steps: Mapping[str, Curves]) -> None:
    """E901 unless every step behind the sum gives for every pair of operands what it gave before."""
    kinds = [built.types[name] for name in after.inputs]
    for name, curves in steps.items():
        made = built.by_name[name]
        assert isinstance(made, Step)
        count = rows(curves, made.curves, *before.coefficients, *after.coefficients)
        for row in range(count):
            old, new = (
                Summed(of_channel(a, row), of_channel(b, row), c.of(row))
                for (a, b), c in ((before.coefficients, curves), (after.coefficients, made.curves))
            )
            x, y = (_interval(kind, row, count) for kind in kinds)
            wrong = sums_differ(old, new, x, y)
            promised(
                wrong is None, f"{wrong} of {', '.join(after.inputs)} give another level behind the sum {after.name}",
                where=f"{name}, channel {row}",
            )  # fmt: skip


def _interval(kind: ValueType, row: int, count: int) -> Interval:
    c = row % kind.channels
    return Interval(*kind.bounds) if count == 1 else Interval(int(kind.lo[c]), int(kind.hi[c]))


def prove(exact: Graph, built: Graph, inexact: frozenset[str] = frozenset()) -> tuple[StepProof, ...]:
    """One proof for every step of ``built``; ``exact`` holds steps of the same names. Errors are counted in
    those named in ``inexact``; the others have none.

    Raises:
        IsobitError: E901 with channel and accumulator when a step that is not in ``inexact`` changed a value.
    """
    made = []
    for node in built.nodes:
        if isinstance(node, Step):
            before = exact.by_name[node.name]
            assert isinstance(before, Step)
            los, his = node.curves.reach(built.types[node.inputs[0]])
            pairs = zip(los, his, before.curves, node.curves, strict=True)
            if node.name in inexact:
                channels = [ChannelProof(*p, *differences(p[2], p[3], *p[:2])) for p in pairs]
            else:
                channels = [_proven(f"{node.name}, channel {i}", *p) for i, p in enumerate(pairs)]
            made.append(StepProof(node.name, tuple(channels)))
    return tuple(made)


def _proven(where: str, lo: int, hi: int, exact: Curve, built: Curve) -> ChannelProof:
    """The proof of a curve that must not have changed; E901 at the first accumulator found where it has."""
    same = wrong_at(built, exact, lo, hi) if isinstance(built, MultiplyShift) else equal_on(exact, built, lo, hi)
    x = None if exact == built else same
    if x is not None:
        promised(False, f"of {x} the step makes {built.at(x)}, its exact staircase {exact.at(x)}", where=where)
    return ChannelProof(lo, hi, exact, built)


def proofs_text(proofs: Sequence[StepProof], sums: Sequence[SumProof]) -> str:
    """The proofs as JSON, one channel or sum per line."""
    steps = [f'{{"step":{json.dumps(p.step)},"channels":[\n{_lines(p.channels)}\n]}}' for p in proofs]
    joined = ",\n".join(json.dumps(_sum_record(s), separators=(",", ":")) for s in sums)
    return f'{{"format":{PROOFS_FORMAT},"steps":[\n' + ",\n".join(steps) + f'\n],"sums":[\n{joined}\n]}}\n'


def _sum_record(proof: SumProof) -> Mapping[str, Any]:
    steps = {name: [curve_record(c) for c in curves] for name, curves in proof.steps.items()}
    return {"sum": proof.sum, "coefficients": [c.tolist() for c in proof.coefficients], "steps": steps}


def _lines(channels: Sequence[ChannelProof]) -> str:
    return ",\n".join(json.dumps(_record(c), separators=(",", ":")) for c in channels)


def _record(c: ChannelProof) -> Mapping[str, Any]:
    cuts = c.cuts
    return {
        "lo": c.lo, "hi": c.hi, "exact": curve_record(c.exact), "built": curve_record(c.built),
        "cuts": cuts if isinstance(cuts, int) else cuts.tolist(), "wrong": c.wrong, "worst": c.worst,
    }  # fmt: skip
