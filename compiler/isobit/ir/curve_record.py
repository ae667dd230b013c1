"""A staircase as JSON: the one form that the graph's text and ``proofs.json`` write, and its reader.

``{"m", "c", "k", "clamp"}`` is ``clamp((m x + c) >> k)``; ``{"mul", "add", "round", "clamp"}`` is
``clamp(round(mul x + add))`` with rationals as text; ``{"start", "cuts"}`` counts the cuts passed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from isobit.ir.types import IntArray
from isobit.numerics import Curve, Cuts, MultiplyShift, Rounded, Rounding

_RATIONAL = re.compile(r"-?[0-9]+(/[1-9][0-9]*)?")


def _numbers(cuts: IntArray) -> list[int]:
    return list(map(int, cuts.tolist()))


def curve_record(curve: Curve, array: Callable[[IntArray], Any] = _numbers) -> dict[str, Any]:
    """A curve as plain data; ``array`` writes its cuts, as a list of numbers unless told otherwise."""
    if isinstance(curve, MultiplyShift):
        return {"m": curve.m, "c": curve.c, "k": curve.k, "clamp": [curve.lo, curve.hi]}
    if isinstance(curve, Rounded):
        rational = {"mul": str(curve.mult), "add": str(curve.offset)}
        return rational | {"round": curve.rounding.name, "clamp": [curve.lo, curve.hi]}
    return {"start": curve.start, "cuts": array(curve.cuts())}


def read_curve(record: Mapping[str, Any], array: Callable[[Any], Any] = lambda cuts: cuts) -> Curve:
    """The curve of a record; ``array`` reads its cuts.

    Raises:
        ValueError, LookupError, TypeError: it is none.
    """
    if "m" in record:
        return MultiplyShift(record["m"], record["c"], record["k"], *record["clamp"])
    if "mul" in record:
        rounding = Rounding[record["round"]]
        return Rounded(read_rational(record["mul"]), read_rational(record["add"]), rounding, *record["clamp"])
    return Cuts(record["start"], array(record["cuts"]))


def read_rational(text: Any) -> Fraction:
    """``"p/q"`` or ``"p"``: :class:`Fraction` itself would take decimals, and exponents of any size.

    Raises:
        ValueError: it is neither.
    """
    if not isinstance(text, str) or not _RATIONAL.fullmatch(text):
        raise ValueError(f"{text!r} is no rational")
    return Fraction(text)
