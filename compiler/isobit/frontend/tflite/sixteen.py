"""Activations of 16 bits: what the 8-bit operators list pair by pair or entry by entry, as steps, sums and products.

The kernels are those of 8 bits but for three things: convolutions sum in 64 bits and cut the multiplier to 15 bits,
ADD and SUB have 15 more bits, not 20, and LOGISTIC and TANH draw a line between two entries of a table. Two roundings
to 16 bits stay two steps: of 65,536 levels seldom does one multiply and shift follow both.

Sources: TensorFlow Lite ``kernels/add.cc``, ``reference/integer_ops/{logistic,tanh}.h``, ``internal/common.h``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

import numpy as np

from isobit.frontend.tflite.builder import TfliteBuilder, Value
from isobit.frontend.tflite.functions import FUSED, every_integer, output_limits, ratio
from isobit.frontend.tflite.joins import Constant, Summands, map_first
from isobit.frontend.tflite.model import TfliteOperator
from isobit.frontend.tflite.requantise import (
    activation_limits,
    high_half,
    multiplier,
    refuse_overflow,
    shifted,
)
from isobit.frontend.tflite.sigmoid import SIGMOID
from isobit.ir.ops import Add, Product, frozen_ints
from isobit.numerics import Curve, Cuts, Rounded, Rounding

_INT32 = (-(1 << 31), (1 << 31) - 1)
_WIDE = 1 << 47  # the greatest sum that the 64-bit form takes
_MOST_LEFT = 7


def wide_requantizer(op: TfliteOperator, real: float, reached: tuple[int, int], lo: int, hi: int) -> Curve:
    """The 64-bit form: the multiplier's upper 15 bits and one rounding (:func:`isobit.numerics.tflite.reduced`).

    Raises:
        IsobitError: E205 where a sum leaves 48 bits, or the scaled sum 32.
    """
    q, shift = multiplier(real)
    if not -_WIDE <= reached[0] <= reached[1] < _WIDE or shift > _MOST_LEFT:
        why = f"its sums reach {reached[0]}..{reached[1]}, beyond what the kernel's 64 bits scale"
        raise op.refusal(why, code="E205")
    short = min((q + (1 << 15)) >> 16, (1 << 15) - 1)
    least, most = ((x * short + (1 << (14 - shift))) >> (15 - shift) for x in reached)
    refuse_overflow(op, (least, most))
    if not short:
        return Cuts(min(max(0, lo), hi), [])
    return Rounded(Fraction(short, 1 << (15 - shift)), Fraction(1, 2), Rounding.FLOOR, lo, hi)


def twice(
    b: TfliteBuilder, op: TfliteOperator, x: str, factors: Sequence[tuple[int, int]], adds: Sequence[int],
    limits: tuple[int, int], left: int = 0,
) -> Value:  # fmt: skip
    """The steps behind ``x + adds[c]``: shifted left, times ``q * 2**(shift - 31)``, rounded twice, clamped.

    Raises:
        IsobitError: E205 where the kernel's 32 bits would wrap.
    """
    kind = b.types[x]
    rows = max(len(factors), len(adds))
    pairs = [(*factors[c % len(factors)], int(adds[c % len(adds)])) for c in range(rows)]
    for c in range(kind.channels):
        _, shift, add = pairs[c % rows]
        refuse_overflow(op, (int(kind.lo[c]) + add, int(kind.hi[c]) + add), max(shift, 0) + left)
    rights = [max(-shift, 0) for _, shift, _ in pairs]
    first = [high_half(q, max(shift, 0) + left).shift(add) for q, shift, add in pairs]
    if not any(rights):
        return b.step(op, x, [curve.clamp(*limits) for curve in first])
    high = b.step(op, x, first, "_high")
    return b.step(op, high.name, [shifted(right, *limits) for right in rights])


def import_sum(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """ADD and SUB: both summands 15 bits finer on twice the greater scale, their sum requantised.

    Raises:
        IsobitError: E202 for powers of two as scales where the file does not say ``pot_scale_int16 = false``.
    """
    scaled = Summands.of(b, op)
    scales = [b.grid(op, t)[0] for t in (b.tensor(op, 0), b.tensor(op, 1), b.output(op))]
    if op.option("pot_scale_int16") and all(math.frexp(s)[0] == 0.5 for s in scales):
        raise op.refusal(
            "its scales are powers of two and pot_scale_int16 is not false: LiteRT takes another kernel there",
            "write pot_scale_int16 = false, as TensorFlow's converter does",
        )
    constant = [b.tensor(op, i).data is not None for i in (0, 1)]
    if any(constant):
        place = constant.index(False)
        other = Constant.of(b, op, place)
        row = scaled.part(1 - place, other.rows)
        terms = [_summand(b, op, other.x, scaled, place), (b.const(b.named(op, "_other"), row.reshape(-1)), 1)]
        return other.together(_requantised_sum(b, op, terms, scaled))
    values = [b.spread(op, b.value(op, i), i) for i in (0, 1)]
    return _requantised_sum(b, op, [_summand(b, op, v, scaled, i) for i, v in enumerate(values)], scaled)


def _summand(b: TfliteBuilder, op: TfliteOperator, x: Value, scaled: Summands, place: int) -> tuple[str, int]:
    """A scaled operand and its coefficient in the sum."""
    sign = scaled.sign if place else 1
    q, shift = scaled.parts[place]
    if (q, shift) == (1 << 30, 0):  # the greater scale: nothing to round
        return x.name, sign << (scaled.left - 1)
    return twice(b, op, x.name, [(q, shift)], [0], _INT32, scaled.left).name, sign


def _requantised_sum(b: TfliteBuilder, op: TfliteOperator, terms: Sequence[tuple[str, int]], scaled: Summands) -> Value:
    names, factors = zip(*terms, strict=True)
    total = Add(
        name=b.named(op, "_sum"), inputs=names, coefficients=tuple(map(frozen_ints, factors)), source=b.source(op)
    )
    return twice(b, op, b.emit(total), [scaled.whole], [0], scaled.limits)


def import_product(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """MUL: of two tensors a product, of a tensor and a constant a factor."""
    first, second, third = (np.float32(b.grid(op, t)[0]) for t in (b.tensor(op, 0), b.tensor(op, 1), b.output(op)))
    factor, limits = multiplier(float(first * second / third)), activation_limits(b, op)
    constant = [b.tensor(op, i).data is not None for i in (0, 1)]
    if any(constant):
        other = Constant.of(b, op, constant.index(False))
        row = frozen_ints(other.rows.reshape(-1))
        node = Add(name=b.named(op, "_product"), inputs=(other.x.name,), coefficients=(row,), source=b.source(op))
        return other.together(twice(b, op, b.emit(node), [factor], [0], limits))
    x, y = map_first(b, op)
    name = b.emit(Product(name=b.named(op, "_product"), inputs=(x.name, y.name), source=b.source(op)))
    return twice(b, op, name, [factor], [0], limits)


def import_relu(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """RELU and RELU6: rescaled, then clamped."""
    scales = [b.grid(op, t)[0] for t in (b.tensor(op), b.output(op))]
    limits = activation_limits(b, op, FUSED[op.op])
    return twice(b, op, b.value(op).name, [multiplier(ratio(*scales))], [0], limits)


def import_requantise(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """QUANTIZE of a quantised tensor, to or from 16 bits.

    Raises:
        IsobitError: E205 for a uint8 output, of which LiteRT has no kernel.
    """
    if b.output(op).dtype == "uint8":
        raise op.refusal("LiteRT has no kernel from int16 to uint8", "convert with int8 outputs", "E205")
    x, scales = b.value(op), [b.grid(op, t)[0] for t in (b.tensor(op), b.output(op))]
    return twice(b, op, x.name, [multiplier(scales[0] / scales[1])], [-x.zero], output_limits(b, op))


def import_curve(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """LOGISTIC and TANH: on the grid of 1/24 a line between two entries.

    Raises:
        IsobitError: E204 for an output scale that is not 2**-15, or an input scale that leaves 32 bits.
    """
    (scale, _, _), (scale_out, _, _) = (b.grid(op, t) for t in (b.tensor(op), b.output(op)))
    if scale_out != 2.0**-15:
        raise op.refusal("its output has not the scale 2**-15", "convert again", "E204")
    x, tanh = b.value(op), op.op == "TANH"
    q, right = _fine(op, scale, tanh)
    fine = (every_integer(b, x) * q + ((1 << right) >> 1)) >> right
    magnitude = np.abs(fine)
    bits = 8 if tanh else 9
    place, rest = magnitude >> bits, magnitude & ((1 << bits) - 1)
    inside = np.minimum(place, 254)
    line = (SIGMOID[inside] << bits) + rest * (SIGMOID[inside + 1] - SIGMOID[inside])
    if tanh:  # 2 s - 1 in 15 bits of a sigmoid of 24
        line = np.where(place > 254, 0xFFFF << 8, line) - (1 << 23)
        made = (np.where(fine >= 0, line, -line - 1) + (1 << 7)) >> 8
    else:  # 15 bits of a sigmoid of 25, which is one less its mirror image
        line = np.where(place > 254, 0x7FFF << 10, line)
        made = (np.where(fine >= 0, line, (1 << 25) - line - 1) + (1 << 9)) >> 10
    return b.function(op, x, made[np.newaxis])


def _fine(op: TfliteOperator, scale: float, tanh: bool) -> tuple[int, int]:
    """``(q, right)``: ``x * q / 2**right`` counts in steps of ``2**-12 / 3``."""
    mantissa, exponent = math.frexp(scale)
    left = exponent + 11  # of a power of two above 2**-12
    if mantissa == 0.5 and left in ((0, 1) if tanh else (0,)):
        return 3 << left, 0
    real, right = scale * 3 * (1 << 12), 0
    while real <= 32767 / 2 and right <= 30:
        real, right = 2 * real, right + 1
    if real >= 1 << 16:
        raise op.refusal(f"an input scale of {scale:g}, whose products leave 32 bits", code="E204")
    return int(real), right


HANDLERS: Mapping[str, Callable[[TfliteBuilder, TfliteOperator], Value]] = {
    "ADD": import_sum,
    "LOGISTIC": import_curve,
    "MUL": import_product,
    "RELU": import_relu,
    "RELU6": import_relu,
    "SUB": import_sum,
    "TANH": import_curve,
}
"""Operators whose 8-bit form lists what 16 bits have too much of; QUANTIZE is told from what it reads."""
