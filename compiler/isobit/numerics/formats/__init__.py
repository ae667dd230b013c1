"""Number formats: how a few bits name numbers. Each number is an integer times the format's unit, exactly."""

from isobit.numerics.formats.fixed import FixedPoint
from isobit.numerics.formats.floats import E2M1, E2M3, E3M2, E4M3, E4M3FN, E5M2, FloatFormat
from isobit.numerics.formats.parse import parse_format
from isobit.numerics.formats.powers import PowersOfTwo
from isobit.numerics.formats.protocol import NumberFormat, TabulatedFormat
from isobit.numerics.formats.tapered import Tapered, least_tapered

__all__ = [
    "E2M1", "E2M3", "E3M2", "E4M3", "E4M3FN", "E5M2", "FixedPoint", "FloatFormat", "NumberFormat", "PowersOfTwo",
    "TabulatedFormat", "Tapered", "least_tapered", "parse_format",
]  # fmt: skip
