"""Formats by name, as the command line takes them."""

from __future__ import annotations

import re
from fractions import Fraction

from isobit.errors import IsobitError, printable
from isobit.numerics.formats.fixed import FixedPoint
from isobit.numerics.formats.floats import E4M3FN, E5M2, FloatFormat
from isobit.numerics.formats.powers import MOST_BITS, PowersOfTwo
from isobit.numerics.formats.protocol import MAX_BITS, TabulatedFormat
from isobit.numerics.formats.tapered import Tapered

_KNOWN = "int:4, fixed:4, tapered:4 (its run is chosen), tapered:4:3 (runs of 3), power:4, e2m1, e3m2, e4m3, e5m2"
_FLOAT = re.compile(r"e([1-8])m([1-7])")


def parse_format(text: str) -> tuple[TabulatedFormat, ...]:
    """The formats that a name stands for: one, or those of every run for ``tapered:n``.

    ``int:n`` and ``fixed:n`` are the same numbers; they differ in the scales they are used with (any, powers of two).

    Raises:
        IsobitError: E613 for a name that is none, E205 for a width or run that the format does not have.
    """
    kind, *numbers = text.lower().split(":")
    try:
        return _made(kind, [int(n) for n in numbers])
    except KeyError as error:
        raise IsobitError("E613", f"{printable(text)!r} is no number format", hint=_KNOWN) from error
    except ValueError as error:
        reason = str(error)
        if reason.startswith("invalid literal"):
            raise IsobitError("E613", f"{printable(text)!r} is no number format", hint=_KNOWN) from error
        hint = f"tapered:n takes 2 to {MAX_BITS} bits and runs of 1 to n - 1, int:n 1 to {MAX_BITS}, power:n 2 to "
        raise IsobitError("E205", f"{printable(text)!r} has {reason}", hint=hint + str(MOST_BITS)) from error


def _made(kind: str, numbers: list[int]) -> tuple[TabulatedFormat, ...]:
    found = _FLOAT.fullmatch(kind)
    if found and not numbers:
        known = {"e4m3": E4M3FN, "e5m2": E5M2}
        return (known.get(kind, FloatFormat(int(found[1]), int(found[2]))),)
    if kind == "tapered" and len(numbers) == 1:
        Tapered(numbers[0], 1)  # refuses the width
        return tuple(Tapered(numbers[0], run) for run in range(1, numbers[0]))
    single = {("tapered", 2): Tapered, ("int", 1): FixedPoint, ("fixed", 1): FixedPoint, ("power", 1): PowersOfTwo}
    return (single[kind, len(numbers)](*numbers),)


def unit_range(made: TabulatedFormat) -> Fraction:
    """The greatest magnitude of a format's numbers."""
    return max(abs(int(n)) for n in made.numbers) * made.unit
