"""The integer type that a user declares of an input."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from isobit.errors import IsobitError, printable

TYPE_NAME = re.compile(r"(BIPOLAR|TERNARY|BINARY|U?INT)(\d*)")
ELEMENT_TYPES = {"uint8": "UINT8", "int8": "INT8", "uint16": "UINT16", "int16": "INT16", "bool": "BINARY"}


@dataclass(frozen=True)
class InputType:
    """A declared integer input: integers ``[lo, hi]`` whose real value is ``scale * integer``."""

    lo: int
    hi: int
    scale: Fraction = Fraction(1)
    bipolar: bool = False

    @classmethod
    def declared(cls, name: str | None, scale: str = "1") -> InputType | None:
        """What a user says of an input that has no quantiser; None where nothing is said.

        Raises:
            IsobitError: E209 for a scale alone, and those of :meth:`parse`.
        """
        if name is None and scale != "1":
            hint = "add --input-type UINT8 (input_type=), or leave the scale out"
            raise IsobitError("E209", f"the input scale {printable(scale)} without a type", hint=hint)
        return None if name is None else cls.parse(name, scale)

    @classmethod
    def parse(cls, name: str, scale: str = "1") -> InputType:
        """From a QONNX datatype name (``UINT8``, ``INT4``, ``BIPOLAR``, ``BINARY``, ``TERNARY``) and a rational.

        Raises:
            IsobitError: E209 for an unknown name, E204 for a scale that is not a positive rational.
        """
        match = TYPE_NAME.fullmatch(name.upper())
        if match is None or bool(match[2]) != match[1].endswith("INT") or (match[2] and not 1 <= int(match[2]) <= 16):
            raise IsobitError(
                "E209",
                f"{printable(name)!r} is not an integer type",
                hint="use UINT8, INT8 (1 to 16 bits), BIPOLAR, BINARY or TERNARY",
            )
        try:
            factor = Fraction(scale)
        except (ValueError, ZeroDivisionError):
            factor = Fraction(0)
        if factor <= 0:
            raise IsobitError(
                "E204", f"the input scale {printable(scale)!r} is not a positive number", hint="use 1/255 or 0.0078125"
            )
        bits = int(match[2] or 0)
        lo, hi = {"BIPOLAR": (-1, 1), "TERNARY": (-1, 1), "BINARY": (0, 1), "UINT": (0, (1 << bits) - 1)}.get(
            match[1], (-(1 << max(bits - 1, 0)), (1 << max(bits - 1, 0)) - 1)
        )
        return cls(lo, hi, factor, match[1] == "BIPOLAR")
