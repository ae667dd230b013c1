"""From any function of one integer value to a table or a staircase of integers, proven entry by entry.

Every entry's real value is exact or enclosed between two rationals; a quantiser that gives both ends one level gives
that level for what lies between. An entry whose ends disagree refuses the model: nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from isobit.errors import IsobitError, printable
from isobit.frontend.onnx.model import SourceNode
from isobit.frontend.qonnx.builder import Builder, FunctionOrigin, Level
from isobit.frontend.qonnx.function import Undecided, of_real
from isobit.frontend.qonnx.symbolic import ONE, ZERO, Enclosed, Function, Rationals, Real, rationals
from isobit.ir.channels import Curves
from isobit.ir.ops import Add, Node, Step, Table, frozen_ints
from isobit.ir.types import IntArray
from isobit.numerics import Cuts, as_int_array, rational_gcd

MOST_ENTRIES = 1 << 16
MOST_ALL = 1 << 21
_MOST_BITS = 32


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

    def at(channel: int, integers: Sequence[int], error: float) -> Enclosed:
        values, off = as_int_array(np.array(integers, dtype=object)), 0
        for node in path:
            off = max(off, _misdecided(b, node, channel, values))
            values = _applied(node, channel, values)
        return f.at(channel, [int(v) for v in values], float(off))  # the quantisers below gave the same integers

    return Function(root, f.layout, rows, 0, at)


def _misdecided(b: Builder, node: Step | Table | Add, channel: int, x: IntArray) -> int:
    """By how much float32 may miss one integer that a comparison decides; 0 for many, which only tables ask for."""
    origin = b.origins.get(node.name)
    if len(x) > 1 or not isinstance(origin, FunctionOrigin):
        return 0
    found = origin.function.at(channel, [int(x[0])], 0.0)
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


def _entries(b: Builder, value: str) -> int:
    lo, hi = b.types[value].bounds
    return int(hi) - int(lo) + 1


# ------------------------------------------------------------------------------------------------------- quantised


def quantised(
    b: Builder, node: SourceNode, f: Function, scales: tuple[Rationals, Rationals], level: Level, rows: int,
    ends: tuple[int, int],
) -> Real:  # fmt: skip
    """``f`` quantised: a staircase where it never falls or never rises, a table otherwise.

    Args:
        scales: scale and offset of the integers that come out.
        level: the quantiser; ``rows`` of them differ.
        ends: its least and greatest level.

    Raises:
        IsobitError: E205 for a table that is too large, E204 where an entry cannot be decided.
    """
    scale, offset = scales
    count = b.types[f.value].channels if max(f.rows, rows) > 1 else 1
    if _entries(b, f.value) > MOST_ENTRIES:
        made = _bisected(b, node, f, level, count, ends)
    else:
        made = _tabulated(b, node, f, level, count)
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
    integers = np.array([[int(v / unit) for v in row] for row in values], dtype=object)
    name = _emit(b, node, f, as_int_array(integers), lo)
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
        return f.at(channel, integers, 0.0)
    except (ZeroDivisionError, ValueError) as error:
        message = "one of the input's integers lies outside the function (1/0, the root or logarithm of a negative)"
        raise IsobitError("E204", message, where=b.where(node), hint="clamp its input") from error
    except Undecided as error:
        raise _undecided(b, node) from error


def _undecided(b: Builder, node: SourceNode) -> IsobitError:
    message = "an entry of the table lies so near to an edge that it cannot be told on which side"
    return IsobitError("E204", message, where=b.where(node), hint="change a scale in its last digit")


def _tabulated(b: Builder, node: SourceNode, f: Function, level: Level, count: int) -> str:
    lo, hi = (int(v) for v in b.types[f.value].bounds)
    if count * (hi - lo + 1) > MOST_ALL:
        message = f"a table of {hi - lo + 1} entries for each of {count} channels"
        raise IsobitError("E205", message, where=b.where(node), hint="fewer bits, or one scale for all channels")
    rows = [_levels(b, node, f, level, c, range(lo, hi + 1)) for c in range(count)]
    return _emit(b, node, f, as_int_array(np.array(rows, dtype=object)), lo)


def _levels(
    b: Builder, node: SourceNode, f: Function, level: Level, channel: int, integers: Sequence[int]
) -> list[int]:
    found = _evaluated(b, node, f, channel, integers)
    low = [level(channel, v) for v in found.low]
    if not found.exact and low != [level(channel, v) for v in found.high]:
        raise _undecided(b, node)
    return low


def _emit(b: Builder, node: SourceNode, f: Function, rows: IntArray, lo: int) -> str:
    """A step where every row rises or falls, all others a table."""
    source = (printable(node.name or node.outputs[0]),)
    changes = np.diff(rows, axis=1)
    falls = [bool((row <= 0).all() and row.any()) for row in changes]
    if all(falling or bool((row >= 0).all()) for row, falling in zip(changes, falls, strict=True)):
        signs = frozen_ints([-1 if falling else 1 for falling in falls])
        operand = b.scaled(f.value + "_neg", f.value, signs, source)
        curves = Curves(
            _cuts(row[::-1], 1 - lo - len(row)) if falling else _cuts(row, lo)
            for row, falling in zip(rows, falls, strict=True)
        )
        return b.emit(Step(name=b.fresh(b.hint(node)), inputs=(operand,), curves=curves, source=source))
    table: Node = Table(
        name=b.fresh(b.hint(node)), inputs=(f.value,), lo=frozen_ints(lo), values=frozen_ints(rows), source=source
    )
    return b.emit(table)


def _cuts(row: IntArray, lo: int) -> Cuts:
    """The staircase whose value at ``lo + i`` is ``row[i]``."""
    return Cuts(int(row[0]), np.repeat(lo + 1 + np.arange(len(row) - 1), np.diff(row).astype(np.int64)))


def _bisected(b: Builder, node: SourceNode, f: Function, level: Level, count: int, ends: tuple[int, int]) -> str:
    """A function of a wide sum that is known to rise or to fall: every level's edge by bisection."""
    if not f.trend or ends[1] - ends[0] > MOST_ENTRIES:
        bits = b.types[f.value].bits
        message = f"{node.op} quantises a function of a sum of {bits} bits that both rises and falls"
        raise IsobitError("E205", message, where=b.where(node), hint="quantise the sum, to at most 16 bits, before it")
    lo, hi = (int(v) for v in b.types[f.value].bounds)
    if f.trend < 0:
        lo, hi = -hi, -lo
    source = (printable(node.name or node.outputs[0]),)

    def at(channel: int, x: int) -> int:
        return _levels(b, node, f, level, channel, [f.trend * x])[0]

    curves = []
    for channel in range(count):
        cuts: list[int] = []
        _split(lambda x, c=channel: at(c, x), lo, hi, at(channel, lo), at(channel, hi), cuts)  # type: ignore[misc]
        curves.append(Cuts(at(channel, lo), cuts))
    operand = b.scaled(f.value + "_neg", f.value, frozen_ints([f.trend]), source)
    return b.emit(Step(name=b.fresh(b.hint(node)), inputs=(operand,), curves=Curves(curves), source=source))


def _split(at: Callable[[int], int], lo: int, hi: int, first: int, last: int, cuts: list[int]) -> None:
    """Append, for every level above ``first`` up to ``last``, the least x in ``(lo, hi]`` that reaches it."""
    if first == last:
        return
    if hi - lo == 1:
        cuts.extend([hi] * (last - first))
        return
    middle = (lo + hi) // 2
    value = at(middle)
    _split(at, lo, middle, first, value, cuts)
    _split(at, middle, hi, value, last, cuts)
