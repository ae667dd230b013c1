"""SOFTMAX inside a network: the reference kernel's fixed point as operations of the graph, row by row of the last axis.

    d = x - max(x)                        e = exp(d), 31 bits, a table       s = sum of e / 2**12
    n = whole bits of s above 2**19       h = s * 2**(11 - n), in [1/2, 1)   r = 2 / (2 h) by three steps of Newton
    y = (e * r / 2**31) / 2**(23 + n)

Every product is rounded as ``SaturatingRoundingDoublingHighMul`` does, halves up; ``n`` has few values, so shifts by
it are products with a power of two from a table. Intervals are cut to what the kernel's numbers can be, which changes
none of them: ``s`` is at least the exponential of the greatest element, one; Newton's step from below stays below.

Sources: TensorFlow Lite ``reference/softmax.h``, ``common.h`` (``GetReciprocal``), gemmlowp ``fixedpoint.h``.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from isobit.frontend.tflite.builder import TfliteBuilder, Value
from isobit.frontend.tflite.model import TfliteModel, TfliteOperator
from isobit.frontend.tflite.requantise import multiplier
from isobit.ir.channels import Curves
from isobit.ir.ops import Add, Linear, MaxPool, Node, Product, Reindex, Step, Table, frozen_ints
from isobit.ir.types import IntArray
from isobit.numerics import Curve, Cuts, Rounded, Rounding
from isobit.numerics.tflite import rounded_twice

SOFTMAX = ("SOFTMAX", "LOG_SOFTMAX")
BEHIND_SOFTMAX = ("DEQUANTIZE", "QUANTIZE", "RESHAPE", "SQUEEZE", "EXPAND_DIMS")
_ONE, _UNIT = 1 << 31, 1 << 29
"""One of 31 fractional bits, and of the 29 that the reciprocal is computed with."""
_DIFF_BITS, _SUM_BITS, _MOST = 5, 12, 1 << 11
_FACTORS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)


def is_last(model: TfliteModel, op: TfliteOperator) -> bool:
    """Does nothing of the network follow a Softmax, so that the host computes it in float32?"""
    seen, left = set[int](), list(op.outputs)
    while left:
        index = left.pop()
        for reader in (o for o in model.operators if index in o.inputs and o.index not in seen):
            if reader.op not in (*SOFTMAX, *BEHIND_SOFTMAX):
                return False
            seen.add(reader.index)
            left += reader.outputs
    return True


def import_inner_softmax(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """SOFTMAX whose integers the network goes on with.

    Raises:
        IsobitError: E204 for an output that is not of scale 1/256 from the least integer on, and for input scales that
            the kernel refuses; E205 for rows of more elements than its sum has bits for.
    """
    x = b.value(op)
    (scale_in, _, _), (scale, zero, (low, high)) = (b.grid(op, t) for t in (b.tensor(op), b.output(op)))
    if op.op != "SOFTMAX":
        why = "inside a network: its kernel is a logarithm in fixed point, for which the graph has no operations yet"
        raise op.refusal(why, "end the network there, or use SOFTMAX", "E202")
    if b.output(op).dtype == "int16":
        why = "inside a network of 16 bits: its kernel has tables of its own, which are not built"
        raise op.refusal(why, "end the network there, or convert with int8 activations", "E205")
    if abs(scale - 1 / 256) > 1e-5 / 256 or zero != low:
        raise op.refusal("its output has not the scale 1/256 and the least zero point", "convert again", "E204")
    rows = np.arange(b.type(x).size).reshape(-1, b.tensor(op).shape[-1]).T
    size, count = rows.shape
    if size > _MOST:
        raise op.refusal(f"rows of {size} elements", f"{_MOST} at most", "E205")
    made = _Rows(b, op)
    across = b.moved(op, x, rows, "_rows").name
    ones, repeated = (1,), np.broadcast_to(np.arange(count), (size, count))
    greatest = made.add(MaxPool(**made.of("_greatest", across), kernel=(size,), strides=ones, dilations=ones))
    spread = made.add(Reindex(**made.of("_each", greatest), index=frozen_ints(repeated)))
    apart = made.sum("_apart", (across, 1), (spread, -1))
    lo, hi = b.types[apart].bounds
    powers = made.table("_exp", apart, lo, _exponentials(op, scale_in, lo, hi))
    short = made.step(
        "_short", powers, Rounded(Fraction(1, 1 << _SUM_BITS), Fraction(1, 2), Rounding.FLOOR, 0, 1 << 19)
    )
    weights = b.const(made.name("_ones"), np.ones((count, size, 1), np.int64))
    total = made.add(Linear(**made.of("_total", short, weights), strides=ones, dilations=ones, groups=count))
    total = made.within("_total", total, 1 << 19, size << 19)
    bits = size.bit_length() - 1  # of the sum above 2**19, at most
    over = made.step("_over", total, Cuts(0, [1 << 20 + n for n in range(bits)]))
    inverse = _reciprocal(made, total, over, bits)
    shares = made.high("_share", made.product("_share", powers, inverse))
    raised = made.product("_raised", shares, made.table("_lift", over, 0, [1 << bits - n for n in range(bits + 1)]))
    last = Rounded(Fraction(1, 1 << 23 + bits), Fraction(1, 2), Rounding.FLOOR, 0, high - low)
    y = Value(made.step("", raised, last))
    return b.shaped(op, y, np.arange(rows.size).reshape(size, count).T)


class _Rows:
    """Emits nodes for one operator."""

    def __init__(self, b: TfliteBuilder, op: TfliteOperator) -> None:
        self.b, self.op = b, op

    def name(self, suffix: str) -> str:
        return self.b.named(self.op, suffix)

    def of(self, suffix: str, *inputs: str) -> dict[str, Any]:
        return {"name": self.name(suffix), "inputs": inputs, "source": self.b.source(self.op)}

    def add(self, node: Node) -> str:
        return self.b.emit(node)

    def sum(self, suffix: str, *terms: tuple[str, int]) -> str:
        names, factors = zip(*terms, strict=True)
        return self.add(Add(**self.of(suffix, *names), coefficients=tuple(map(frozen_ints, factors))))

    def product(self, suffix: str, x: str, y: str) -> str:
        return self.add(Product(**self.of(suffix + "_product", x, y)))

    def table(self, suffix: str, x: str, lo: int, values: object) -> str:
        rows = frozen_ints(np.array(values, np.int64)[np.newaxis])
        return self.add(Table(**self.of(suffix, x), lo=frozen_ints(lo), values=rows))

    def step(self, suffix: str, x: str, curve: Curve) -> str:
        return self.add(Step(**self.of(suffix, x), curves=Curves([curve])))

    def within(self, suffix: str, x: str, lo: int, hi: int, more: int = 0) -> str:
        """``x + more``, which lies between ``lo`` and ``hi`` whatever the inferred interval says."""
        return self.step(suffix, x, Rounded(Fraction(1), Fraction(more), Rounding.FLOOR, lo, hi))

    def high(self, suffix: str, x: str, more: int = 0, lo: int = 0, hi: int = _ONE - 1) -> str:
        """``more`` and a product's upper half, halves up: ``SaturatingRoundingDoublingHighMul``."""
        return self.step(suffix, x, Rounded(Fraction(1, _ONE), Fraction(1, 2) + more, Rounding.FLOOR, lo, hi))


def _reciprocal(made: _Rows, total: str, over: str, bits: int) -> str:
    """31 bits of ``2**19 * 2**over / total``."""
    power = made.table("_power", over, 0, [1 << 11 - n for n in range(bits + 1)])
    half = made.within("_half", made.product("_half", total, power), 1 << 30, _ONE - 1)
    # 48/17 - 32/17 h, then x += 4 x (1 - h x); the kernel's numbers have the sign that makes every factor rise
    x = made.high("_inverse", made.sum("_line", (half, -1010580540)), 1515870810)
    less = made.sum("_less", (half, -1))
    for _ in range(3):
        # 1 - round_half_up(h x) = round_half_down(-h x) + 1, as a floor of integers
        negative = made.product("_error", less, x)
        share = Fraction((1 << 30) - 1, _ONE)
        error = made.step("_error", negative, Rounded(Fraction(1, _ONE), _UNIT + share, Rounding.FLOOR, -_ONE, _UNIT))
        change = made.high("_change", made.product("_change", x, error), 0, -(1 << 29), (1 << 29) - 1)
        x = made.within("_inverse", made.sum("_inverse_sum", (x, 1), (change, 4)), 0, _ONE - 1)
    return made.within("_reciprocal", made.sum("_twice", (x, 2)), 0, _ONE - 1)


def _exponentials(op: TfliteOperator, scale: float, lo: int, hi: int) -> IntArray:
    """The kernel's exponential of every difference; what lies above zero cannot be."""
    beta = float(np.float32(op.options.get("beta", 0)))
    q, left = multiplier(min(beta * scale * (1 << (31 - _DIFF_BITS)), _ONE - 1.0))
    if left < 0:
        raise op.refusal("an input scale below 2**-26", "convert again", "E204")
    least = -(((1 << _DIFF_BITS) - 1) << (31 - _DIFF_BITS) >> left)
    made = []
    for d in range(lo, hi + 1):
        scaled = _high(min(d, 0) << left, q) if d >= least else 0
        made.append(_exponential(scaled) if d >= least else 0)
    return np.array(made, np.int64)


def _high(a: int, b: int) -> int:
    return min((a * b + (1 << 30)) >> 31, _ONE - 1)


def _divided(x: int, bits: int) -> int:
    """Halves away from zero: the second rounding alone."""
    return int(rounded_twice(np.array([x << 1]), 1 << 30, -bits)[0])


def _exponential(a: int) -> int:
    """``exp(a)`` of ``a <= 0`` with 26 fractional bits (gemmlowp ``exp_on_negative_values``)."""
    if a == 0:
        return _ONE - 1
    rest = (a & ((1 << 24) - 1)) - (1 << 24)
    x = (rest << _DIFF_BITS) + (1 << 28)  # around -1/8
    square = _high(x, x)
    tail = _divided(_high(_divided(_high(square, square), 2) + _high(square, x), 715827883) + square, 1)
    result = 1895147668 + _high(1895147668, x + tail)
    for bit, factor in enumerate(_FACTORS, start=24):
        if (rest - a) >> bit & 1:
            result = _high(result, factor)
    return result
