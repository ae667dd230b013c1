"""From any function of one integer value to a table or to staircases of integers, proven for every integer.

Every real value is exact or enclosed, alone or with all its neighbours of a span; a quantiser that gives both ends one
level gives that level for what lies between. One integer whose ends disagree refuses the model: nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from isobit.errors import IsobitError, printable
from isobit.frontend.onnx.model import SourceNode
from isobit.frontend.qonnx.builder import Builder, FunctionOrigin, Level
from isobit.frontend.qonnx.function import Undecided, of_real, whole
from isobit.frontend.qonnx.runs import Runs, TooManyRuns, runs_of
from isobit.frontend.qonnx.spans import Span
from isobit.frontend.qonnx.symbolic import ONE, ZERO, Enclosed, Function, Rationals, Real, Values, rationals
from isobit.ir.channels import Curves
from isobit.ir.ops import Add, Step, Table, frozen_ints
from isobit.ir.types import IntArray
from isobit.numerics import Curve, Cuts, Interval, Rounded, Rounding, as_int_array, rational_gcd

MOST_ENTRIES = 1 << 16
MOST_ALL = 1 << 21
_MOST_BITS = 32
_CUT = 4
"""Bits of a table that cost what one bit of a staircase's edge does: it is compared, not only kept."""
_NARROWER = "quantise the sum, to at most 16 bits, before it"


def as_function(x: Real | Function) -> Function:
    """``x`` itself, or the function that a :class:`Real` is."""
    return of_real(x) if isinstance(x, Real) else x


def one_source(b: Builder, x: Real | Function, y: Real | Function) -> tuple[Function, Function] | None:
    """Both as functions of one integer value, where all that lies between works element by element; None otherwise."""
    if x.layout != y.layout:
        return None
    left, right = _chain(b, x.value), _chain(b, y.value)
    shared = [name for name in left if name in right and (name == y.value or _entries(b, name) <= MOST_ENTRIES)]
    if not shared:
        return None
    return _rooted(b, as_function(x), left, shared[0]), _rooted(b, as_function(y), right, shared[0])


def _chain(b: Builder, value: str) -> list[str]:
    """The value and what it was made from element by element, nearest first."""
    names = [value]
    while isinstance(node := b.nodes[names[-1]], Step | Table) or (isinstance(node, Add) and len(node.inputs) == 1):
        names.append(node.inputs[0])
    return names


def _rooted(b: Builder, f: Function, chain: Sequence[str], root: str) -> Function:
    """``f`` as a function of the value ``root`` of its chain."""
    path: list[Any] = [b.nodes[name] for name in reversed(chain[: chain.index(root)])]
    rows = max([f.rows, *(_rows(node) for node in path)])
    if not path:
        return f

    def at(channel: int, x: Values) -> Values:
        if isinstance(x, Span):
            low, high = np.ceil(x.low).astype(np.int64), np.floor(x.high).astype(np.int64)
            for node in path:
                low, high = _ends(node, channel, low, high)
            return f.at(channel, Span.of_integers(low, high))  # type: ignore[no-any-return]
        values, off = as_int_array(np.array([int(v) for v in x.low], dtype=object)), 0
        for node in path:
            off = max(off, _misdecided(b, node, channel, values))
            values = _applied(node, channel, values)
        return f.at(channel, whole([int(v) for v in values], float(off)))  # type: ignore[no-any-return]

    return Function(root, f.layout, rows, at)


def _misdecided(b: Builder, node: Step | Table | Add, channel: int, x: IntArray) -> int:
    """By how much float32 may miss one integer that a comparison decides; 0 for many, which only tables ask for."""
    origin = b.origins.get(node.name)
    if len(x) > 1 or not isinstance(origin, FunctionOrigin):
        return 0
    found = origin.function.at(channel, whole([int(x[0])], 0.0))
    around = [origin.level(channel, found.low[0] + d * Fraction(found.error[0])) for d in (-1, 0, 1)]
    return max(around) - min(around) if found.exact else 0


def _rows(node: Step | Table | Add) -> int:
    if isinstance(node, Step):
        return len(node.curves)
    return len(node.values) if isinstance(node, Table) else len(node.coefficients[0])


def _applied(node: Step | Table | Add, channel: int, x: IntArray) -> IntArray:
    row = channel % _rows(node)
    if isinstance(node, Step):
        return node.curves[row](x)
    if isinstance(node, Table):
        return np.asarray(node.values[row][x - int(node.lo[row % len(node.lo)])])
    return np.asarray(node.coefficients[0][row] * x)


def _ends(node: Step | Table | Add, channel: int, low: IntArray, high: IntArray) -> tuple[IntArray, IntArray]:
    """The least and the greatest integer that a node makes of the integers from ``low`` to ``high``."""
    ends = _applied(node, channel, low), _applied(node, channel, high)
    if isinstance(node, Table):
        row = channel % _rows(node)
        values, first = node.values[row], int(node.lo[row % len(node.lo)])
        parts = [values[a - first : z - first + 1] for a, z in zip(low.tolist(), high.tolist(), strict=True)]
        ends = np.array([p.min() for p in parts]), np.array([p.max() for p in parts])
    return np.minimum(*ends), np.maximum(*ends)


def _entries(b: Builder, value: str) -> int:
    lo, hi = b.types[value].bounds
    return int(hi) - int(lo) + 1


# ------------------------------------------------------------------------------------------------------- quantised


def quantised(
    b: Builder, node: SourceNode, f: Function, scales: tuple[Rationals, Rationals], level: Level, rows: int,
    ends: tuple[int, int],
) -> Real:  # fmt: skip
    """``f`` quantised: a staircase where it never falls or never rises, otherwise a table or the sum of two staircases.

    Args:
        scales: scale and offset of the integers that come out.
        level: the quantiser; ``rows`` of them differ.
        ends: its least and greatest level.

    Raises:
        IsobitError: E205 for a function of too many edges, E204 where an entry cannot be decided.
    """
    scale, offset = scales
    count = b.types[f.value].channels if max(f.rows, rows) > 1 else 1
    lo, hi = (int(v) for v in b.types[f.value].bounds)
    try:
        found = [
            runs_of(f, c, level, (lo, hi), ends, lambda some, c=c: _level(b, node, f, level, c, some))  # type: ignore[misc]
            for c in range(count)
        ]
    except TooManyRuns as error:
        bits = b.types[f.value].bits
        message = f"{node.op} quantises a function of a sum of {bits} bits that has more edges than can be searched"
        raise IsobitError("E205", message, where=b.where(node), hint=_NARROWER) from error
    made = _emit(b, node, f, found)
    b.origins[made] = FunctionOrigin(f, level)
    return Real.of(made, f.layout, scale, offset)


def materialised(b: Builder, node: SourceNode, f: Function) -> Real | None:
    """``f`` as integers times one exact scale, where all its values are rational and the integers are short."""
    if _entries(b, f.value) > MOST_ENTRIES:
        return None
    lo, hi = (int(v) for v in b.types[f.value].bounds)
    count = b.types[f.value].channels if f.rows > 1 else 1
    values = []
    for channel in range(count):
        row = _evaluated(b, node, f, channel, range(lo, hi + 1))
        if not row.exact:
            return None
        values.append(row.low)
    unit = rational_gcd(*(v for row in values for v in row if v)) or Fraction(1)
    if any(abs(v / unit) >= 1 << (_MOST_BITS - 1) for row in values for v in row):
        return None
    integers = as_int_array(np.array([[int(v / unit) for v in row] for row in values], dtype=object))
    name = _emit(b, node, f, [Runs.of_row(row, lo) for row in integers])
    b.origins[name] = FunctionOrigin(f, lambda _, v: int(v / unit))
    return Real.of(name, f.layout, rationals([unit]), ZERO)


def decided_integers(b: Builder, node: SourceNode, f: Function) -> Real:
    """A function whose values are integers already (a comparison, a sign) as a value of scale one.

    Raises:
        IsobitError: E202 when some are none, or the input has too many.
    """
    b.arithmetic.keep(node)
    made = materialised(b, node, f)
    if made is None:
        raise b.unsupported(node, f"{node.op} of a value of more than 16 bits", "quantise its input")
    unit = made.scale[0]
    if unit.denominator != 1:
        raise b.unsupported(node, f"{node.op} does not give integers here")
    return made if unit != 1 else Real.of(made.value, made.layout, ONE, ZERO)


def _evaluated(b: Builder, node: SourceNode, f: Function, channel: int, integers: Sequence[int]) -> Enclosed:
    try:
        return f.at(channel, whole(integers, 0.0))  # type: ignore[no-any-return]
    except (ZeroDivisionError, ValueError) as error:
        message = "one of the input's integers lies outside the function (1/0, the root or logarithm of a negative)"
        raise IsobitError("E204", message, where=b.where(node), hint="clamp its input") from error
    except Undecided as error:
        raise _undecided(b, node) from error


def _undecided(b: Builder, node: SourceNode) -> IsobitError:
    message = "an entry of the table lies so near to an edge that it cannot be told on which side"
    return IsobitError("E204", message, where=b.where(node), hint="change a scale in its last digit")


def _level(b: Builder, node: SourceNode, f: Function, level: Level, channel: int, integers: Sequence[int]) -> list[int]:
    """The levels of some integers, exactly."""
    if not integers:
        return []
    found = _evaluated(b, node, f, channel, integers)
    low = [level(channel, v) for v in found.low]
    if not found.exact and low != [level(channel, v) for v in found.high]:
        raise _undecided(b, node)
    return low


# ------------------------------------------------------------------------------------------------------------ emission


def _emit(b: Builder, node: SourceNode, f: Function, rows: Sequence[Runs]) -> str:
    """A step where every row rises or falls; else a table, or a rising and a falling step where those are smaller."""
    if all(row.rises or row.falls for row in rows):
        signs = frozen_ints([-1 if row.falls else 1 for row in rows])
        operand = b.scaled(f.value + "_neg", f.value, signs, _source(node))
        return _step(b, node, b.hint(node), operand, [_curve(row.negated() if row.falls else row) for row in rows])
    first, last = int(rows[0].starts[0]), rows[0].last
    levels = [int(v) for row in rows for v in (row.levels.min(), row.levels.max())]
    memory = len(rows) * (last - first + 1) * Interval(min(levels), max(levels)).bits
    cuts = sum(int(np.abs(row.changes).sum()) for row in rows)
    if memory <= _CUT * cuts * b.types[f.value].bits and memory <= MOST_ALL:
        values = frozen_ints(np.array([row.row() for row in rows]))
        return b.emit(Table(name=b.fresh(b.hint(node)), inputs=(f.value,), lo=frozen_ints(first), values=values,
                            source=_source(node)))  # fmt: skip
    return _both_ways(b, node, f, rows, (min(levels), max(levels)))


def _both_ways(b: Builder, node: SourceNode, f: Function, rows: Sequence[Runs], ends: tuple[int, int]) -> str:
    """All rises up to an integer, less all falls; clamped to the levels that there are, beyond which the ends lie."""
    hint, one = b.hint(node), frozen_ints(1)
    steps = (_step(b, node, hint + "_rise", f.value, [_curve(row) for row in rows]),
             _step(b, node, hint + "_fall", f.value, [row.fallen() for row in rows]))  # fmt: skip
    both = Add(name=b.fresh(hint + "_both"), inputs=steps, coefficients=(one, frozen_ints(-1)), source=_source(node))
    return _step(b, node, hint, b.emit(both), [Rounded(Fraction(1), Fraction(0), Rounding.FLOOR, *ends)])


def _step(b: Builder, node: SourceNode, hint: str, operand: str, curves: Sequence[Curve]) -> str:
    return b.emit(Step(name=b.fresh(hint), inputs=(operand,), curves=Curves(curves), source=_source(node)))


def _curve(row: Runs) -> Cuts:
    return row.risen(int(row.levels[0]))


def _source(node: SourceNode) -> tuple[str, ...]:
    return (printable(node.name or node.outputs[0]),)
