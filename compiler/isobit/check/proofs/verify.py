"""Checking a build's proofs again, from its files alone.

``graph.txt`` and ``proofs.json`` are read back and every claim is evaluated with Python's own integers: nothing of the
search (:mod:`isobit.numerics`) is used, not even its staircases. Both functions of a claim are monotone, so that they
agree on an interval when they do at both ends, at every cut of the exact one and at every cut's left neighbour. The
claim lists the cuts: that each is one, and that none is missing, is checked by evaluation too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from isobit.build.folder import GRAPH, PROOFS
from isobit.check.proofs.staircases import Function, Record, cut, cuts, function
from isobit.check.proofs.sums import SumCheck, check_sum
from isobit.errors import IsobitError, printable
from isobit.ir import Graph, parse_graph
from isobit.ir.curve_record import curve_record
from isobit.ir.ops import Add, Step
from isobit.passes.proofs import PROOFS_FORMAT
from isobit.passes.sums import SHORT


@dataclass(frozen=True)
class StepCheck:
    """One step: its curves, multiplicand bits (0 for none), shifts, the accumulators looked at, and errors allowed.

    ``problem`` names the first channel and accumulator at which the claim is wrong; "" when it holds.
    """

    step: str
    channels: int
    bits: int
    shifts: tuple[int, ...]
    points: int
    wrong: int
    problem: str = ""


@dataclass(frozen=True)
class Verification:
    """All steps of a build, and its sums whose coefficients are not the source's, in graph order."""

    steps: tuple[StepCheck, ...]
    sums: tuple[SumCheck, ...] = ()

    @property
    def holds(self) -> bool:
        """Is every proof complete and true?"""
        return not any([s.problem for s in self.steps] + [s.problem for s in self.sums])


def verify_build(path: Path | str) -> Verification:
    """Check every proof in a build's folder; the files need not be those that the manifest lists.

    Raises:
        IsobitError: E603 when a file is missing or is no such file, E401 or E402 when the graph cannot be read.
    """
    folder = Path(path)
    graph = parse_graph(_text(folder / GRAPH))
    try:
        proofs = json.loads(_text(folder / PROOFS))
        if proofs["format"] != PROOFS_FORMAT:
            raise ValueError(f"format {proofs['format']}, this isobit reads {PROOFS_FORMAT}")
        claims = {entry["step"]: entry["channels"] for entry in proofs["steps"]}
        sums = {entry["sum"]: entry for entry in proofs["sums"]}
        steps = tuple(_step(graph, n, claims.get(n.name)) for n in graph.nodes if isinstance(n, Step))
        narrowed = [n for n in graph.nodes if isinstance(n, Add) and (SHORT in n.facts or n.name in sums)]
        return Verification(steps, tuple(check_sum(graph, n, sums.get(n.name), claims) for n in narrowed))
    except (ValueError, KeyError, TypeError, IndexError, ZeroDivisionError, RecursionError) as error:
        found = printable(f"{type(error).__name__}: {error}")
        raise IsobitError("E603", found, where=printable(folder / PROOFS), hint="compile again") from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise IsobitError("E603", printable(error), where=printable(path), hint="compile again") from error


def _step(graph: Graph, node: Step, claims: list[Record] | None) -> StepCheck:
    built = [curve_record(c) for c in node.curves]
    scaled = [b for b in built if "m" in b]
    bits = max((b["m"] for b in scaled), default=0).bit_length()
    shifts = tuple(sorted({b["k"] for b in scaled}))
    points, problem = 0, ""
    if claims is None or len(claims) != len(built):
        problem = "it has no proof" if claims is None else f"{len(claims)} proofs for {len(built)} channels"
    else:
        kind = graph.types[node.inputs[0]]
        spans = list(zip(kind.lo, kind.hi, strict=True)) if len(built) > 1 else [kind.bounds]
        for channel, (claim, curve, span) in enumerate(zip(claims, built, spans, strict=True)):
            found, looked = _channel(claim, curve, int(span[0]), int(span[1]))
            points += looked
            if found and not problem:
                problem = f"channel {channel}: {found}"
    return StepCheck(node.name, len(built), bits, shifts, points, sum(c["wrong"] for c in claims or ()), problem)


def _channel(claim: Record, built: Record, lo: int, hi: int) -> tuple[str, int]:
    """What is wrong with one claim ("" if nothing), and how many accumulators were looked at."""
    if claim["built"] != built:
        return f"the graph has {json.dumps(built)}, the proof {json.dumps(claim['built'])}", 0
    if claim["lo"] > lo or claim["hi"] < hi:
        return f"accumulators reach {lo}..{hi}, the proof {claim['lo']}..{claim['hi']}", 0
    exact, made = function(claim["exact"]), function(built)
    cuts = _deciding(claim, exact)
    if isinstance(cuts, str):
        return cuts, 0
    points = sorted({claim["lo"], claim["hi"], *cuts, *(t - 1 for t in cuts)})
    if claim["wrong"]:
        return _counted(claim, exact, made), len(points)
    for x in points:
        if exact(x) != made(x):
            return f"accumulator {x} gives {made(x)} and must give {exact(x)}", len(points)
    return "", len(points)


def _deciding(claim: Record, exact: Function) -> list[int] | str:
    """The cuts of the exact function that decide, as the claim lists them or, where it only counts them, as found; or
    what is wrong with them."""
    lo, hi, listed = claim["lo"], claim["hi"], claim["cuts"]
    levels: Sequence[int] = range(exact(lo) + 1, exact(hi) + 1)
    if len(levels) > 2 and _linear(claim):
        levels = (levels[0], levels[-1])
    claimed = listed if isinstance(listed, int) else len(listed)
    if claimed != len(levels):
        return f"the exact function has {len(levels)} cuts, the proof {claimed}"
    if isinstance(listed, int) and len(levels) > 2 and not claim["wrong"] and _parallel(claim):
        levels = (levels[0], levels[-1])
    found = [cut(claim["exact"], exact, level) for level in levels] if isinstance(listed, int) else list(listed)
    for level, x in zip(levels, found, strict=True):
        if not exact(x - 1) < level <= exact(x):
            return f"{x} is not where level {level} begins"
    return found


def _linear(claim: Record) -> bool:
    """Is the exact function ``x + o``, clamped, and the built one a product, so that first and last cut decide?

    At the cut of every level the distance of ``m x + c`` from the level's edge is then linear in the level.
    """
    exact, built = claim["exact"], claim["built"]
    rational = exact.get("mul") == "1" and Fraction(exact["add"]).denominator == 1
    return (rational or exact.get("m") == 1 << exact.get("k", 0)) and ("m" in built or built == exact)


def _parallel(claim: Record) -> bool:
    """Are both the same function as written, or ``floor(x / 2**k + o)`` and ``(x + c) >> k``, clamped?

    The cuts of the last two are ``level * 2**k`` less a number each: as far apart at every level as at the first.
    """
    exact, built = claim["exact"], claim["built"]
    if exact == built:
        return True
    rounded = exact.get("round") == "FLOOR" and built.get("m") == 1 and "k" in built
    return bool(rounded and Fraction(exact["mul"]) == Fraction(1, 1 << built["k"]))


def _counted(claim: Record, exact: Function, made: Function) -> str:
    """Count the accumulators at which the two differ, piece by piece between their cuts."""
    lo, hi = claim["lo"], claim["hi"]
    found = {c for record, f in ((claim["exact"], exact), (claim["built"], made)) for c in cuts(record, f, lo, hi)}
    starts = sorted({lo} | found)
    pieces = zip(starts, [*starts[1:], hi + 1], strict=True)
    apart = [(end - x, abs(exact(x) - made(x))) for x, end in pieces]
    wrong, worst = sum(n for n, d in apart if d), max(d for _, d in apart)
    if (wrong, worst) == (claim["wrong"], claim["worst"]):
        return ""
    return f"{wrong} accumulators differ by up to {worst}, the proof says {claim['wrong']} by {claim['worst']}"
