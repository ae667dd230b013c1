"""Quant, BipolarQuant, MultiThreshold, Trunc and Sign: where real values become integers.

Constants and the raw input are quantised in the source's own float32 (elementwise IEEE arithmetic is deterministic);
everything after the first integer is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from isobit.errors import IsobitError, printable
from isobit.frontend.onnx.model import SourceNode
from isobit.frontend.qonnx.builder import Builder, Origin
from isobit.frontend.qonnx.float_arithmetic import FloatLevel, Grain
from isobit.frontend.qonnx.float_reading import Floats
from isobit.frontend.qonnx.movement import facing
from isobit.frontend.qonnx.quantiser_parameters import (
    finite,
    integer_limits,
    pick,
    positive_scale,
    rounding_of,
    whole_bits,
)
from isobit.frontend.qonnx.staircases import Bound, Uniform, threshold_curve, uniform_curve
from isobit.frontend.qonnx.symbolic import Function, HostReal, QuantisedConstant, Rationals, Real, Tensor, rationals
from isobit.frontend.qonnx.tabulate import quantised
from isobit.ir.channels import Curves
from isobit.ir.ops import Input, Quantiser, Step, frozen_ints
from isobit.ir.types import IntArray
from isobit.numerics import Curve, Rounded, Rounding, compose, exact, least_move
from isobit.numerics.float_quantise import quantise_float, sign_float

MAX_ACTIVATION_BITS, MAX_CONSTANT_BITS = 16, 32


def import_quant(b: Builder, node: SourceNode) -> Tensor:
    """QONNX Quant / IntQuant: ``(clamp(round(x / scale + zp), min, max) - zp) * scale``."""
    x = b.tensor(node.inputs[0])
    scale = positive_scale(b, node, b.constant(node, 1, "scale"))
    zero = finite(b, node, b.constant(node, 2, "zero point", np.float32(0)))
    bits = whole_bits(
        b,
        node,
        b.constant(node, 3, "bit width"),
        MAX_CONSTANT_BITS if isinstance(x, np.ndarray) else MAX_ACTIVATION_BITS,
    )
    signed, narrow = bool(node.attrs.get("signed", 1)), bool(node.attrs.get("narrow", 0))
    if bits == 1 and signed:  # qonnx gives these two values, whatever the narrow flag says
        return _bipolar(b, node, x, scale, zero, scale)
    lo, hi = integer_limits(bits, signed, narrow)
    rounding = rounding_of(b, node, "ROUND")
    if isinstance(x, np.ndarray):
        return _constant(b, node, x, quantise_float(x, scale, zero, rounding, lo, hi), scale, zero)
    if isinstance(x, HostReal):
        return host_quantised(b, node, x, scale, zero, rounding.name, lo, hi)
    if isinstance(x, QuantisedConstant):
        raise b.unsupported(node, "a constant is quantised twice", "export the weights with one quantiser")
    x = facing(b, node, x, scale, zero)
    s, z = b.per_channel(node, scale, x), b.per_channel(node, zero, x)
    return uniform_step(b, node, x, lambda c: Uniform(pick(s, c), pick(z, c), rounding, lo, hi), (s, z))


def import_bipolar(b: Builder, node: SourceNode) -> Tensor:
    """QONNX BipolarQuant: ``scale`` where ``x >= 0``, else ``-scale``."""
    scale = positive_scale(b, node, b.constant(node, 1, "scale"))
    return _bipolar(b, node, b.tensor(node.inputs[0]), scale, np.zeros(1, np.float32), np.ones(1, np.float32))


def import_multithreshold(b: Builder, node: SourceNode) -> Tensor:
    """QONNX MultiThreshold: ``out_bias + out_scale * #{x >= thresholds[c]}``."""
    given = b.tensor(node.inputs[0])
    x = given if isinstance(given, Function) else b.real(node)
    table = finite(b, node, b.constant(node, 1, "thresholds"))
    channels = b.types[x.value].channels
    if table.ndim != 2 or table.shape[0] not in (1, channels):
        raise IsobitError("E106", f"thresholds of shape {table.shape} for {channels} channels", where=b.where(node))
    rank = len(x.layout) + 1
    layout = str(node.attrs.get("data_layout", "")) or ("NC" if rank == 2 else "NCHW" if rank == 4 else "")
    if layout.find("C") - 1 != x.layout[-1]:
        raise b.unsupported(node, f"data layout {layout!r} does not put the channels where the tensor has them")
    scale, bias = (rationals([node.number(k, d)]) for k, d in (("out_scale", 1.0), ("out_bias", 0.0)))
    if scale[0] <= 0:
        raise IsobitError("E204", "out_scale is not positive", where=b.where(node))
    rows = [[Bound(exact(t), True) for t in row] for row in np.sort(table, axis=1)]
    return threshold_step(b, node, x, (scale, bias), 0, rows)


def import_sign(b: Builder, node: SourceNode) -> Tensor:
    """ONNX Sign: -1, 0 or 1."""
    given = b.tensor(node.inputs[0])
    x = given if isinstance(given, Function) else b.real(node)
    bounds = [Bound(Fraction(0), True), Bound(Fraction(0), False)]
    return threshold_step(b, node, x, (rationals([1]), rationals([0])), -1, [bounds])


def import_trunc(b: Builder, node: SourceNode) -> Tensor:
    """QONNX Trunc, both versions: rounding to the input's integers, then dropping bits with a named rounding.

    Version 1 has inputs (x, scale, zp, in bits, out bits) and keeps the scale; version 2 has
    (x, scale, zp, in bits, out scale, out bits), clamps, and scales its output by the out scale.
    """
    x = b.affine(node)
    scale, zero = (
        positive_scale(b, node, b.constant(node, 1, "scale")),
        finite(b, node, b.constant(node, 2, "zero point")),
    )
    s, z = b.per_channel(node, scale, x), b.per_channel(node, zero, x)
    rounding = rounding_of(b, node, "FLOOR")
    if len(node.inputs) == 5:
        bits = [whole_bits(b, node, b.constant(node, i, "bit width"), 64) for i in (3, 4)]
        step, limits, out_scale, out_zero = rationals([Fraction(2) ** (bits[0] - bits[1])]), None, s, z
    else:
        out_scale = b.per_channel(node, positive_scale(b, node, b.constant(node, 4, "output scale")), x)
        step = rationals([Fraction(2) ** round(np.log2(float(ratio))) for ratio in out_scale / s])
        out_bits = whole_bits(b, node, b.constant(node, 5, "bit width"), MAX_ACTIVATION_BITS)
        limits = integer_limits(out_bits, bool(node.attrs.get("signed", 1)), bool(node.attrs.get("narrow", 0)))
        out_zero = z / step

    def curve(channel: int) -> tuple[Curve, bool]:
        quant = pick(s, channel), pick(z, channel)
        return _trunc_curve(b, x, channel, quant, pick(step, channel), rounding, limits)

    return _step(b, node, x, out_scale, -out_zero * out_scale, curve)


def _trunc_curve(
    b: Builder, x: Real, channel: int, quant: tuple[Fraction, Fraction], divisor: Fraction, rounding: Rounding,
    limits: tuple[int, int] | None,
) -> tuple[Curve, bool]:  # fmt: skip
    scale, zero = quant
    mult, offset = pick(x.scale, channel) / scale, pick(x.offset, channel) / scale + zero
    ends = sorted(mult * v + offset for v in b.types[x.value].bounds)
    wide = (int(ends[0]) - 2, int(ends[1]) + 2)
    inner, falling = uniform_curve(x.segments, channel, Uniform(scale, zero, Rounding.ROUND, *wide))
    lo, hi = limits or (int(wide[0] / divisor) - 2, int(wide[1] / divisor) + 2)
    if isinstance(inner, Rounded) and inner.mult == 1 and inner.offset.denominator == 1:
        return Rounded(1 / divisor, inner.offset / divisor, rounding, lo, hi), falling
    return compose(Rounded(1 / divisor, Fraction(0), rounding, lo, hi), inner), falling


# --------------------------------------------------------------------------------------------------------------- parts


def uniform_step(
    b: Builder, node: SourceNode, x: Real | Function, quantiser: Callable[[int], Uniform],
    scales: tuple[Rationals, Rationals],
) -> Real:  # fmt: skip
    s, z = scales
    if isinstance(x, Function):
        b.arithmetic.keep(node)
        rows, ends = max(len(s), len(z)), (quantiser(0).lo, quantiser(0).hi)
        return quantised(b, node, x, (s, -z * s), lambda c, v: quantiser(c)(v), rows, ends)
    curve_of = lambda c: uniform_curve(x.segments, c, quantiser(c))  # noqa: E731
    real = _step(b, node, x, s, -z * s, curve_of, level=lambda c, v: _float_level(quantiser(c), v),
                 grain=lambda c: (float(quantiser(c).scale), float(quantiser(c).zero_point)))  # fmt: skip
    b.origins[real.value] = Origin(x, lambda channel, level: quantiser(channel).bound(level))
    return real


def threshold_step(
    b: Builder,
    node: SourceNode,
    x: Real | Function,
    scales: tuple[Rationals, Rationals],
    start: int,
    rows: Sequence[Sequence[Bound]],
) -> Real:
    """``start`` and one for every bound of its channel's row that the real value meets."""
    if isinstance(x, Function):
        b.arithmetic.keep(node)
        level = lambda c, v: start + sum(bound.accepts(v) for bound in rows[c % len(rows)])  # noqa: E731
        return quantised(b, node, x, scales, level, len(rows), (start, start + max(map(len, rows))))
    real = _step(
        b, node, x, *scales, lambda c: threshold_curve(x.segments, c, start, rows[c % len(rows)]), rows=len(rows),
        level=lambda c, v: _counted(v, start, rows[c % len(rows)]),
    )  # fmt: skip
    b.origins[real.value] = Origin(x, lambda channel, level: rows[channel % len(rows)][level - start - 1])
    return real


def _step(
    b: Builder, node: SourceNode, x: Real, scale: Rationals, offset: Rationals, curve_of: Any, rows: int = 1,
    level: FloatLevel | None = None, grain: Grain | None = None,
) -> Real:  # fmt: skip
    """Emit the step (behind a negation of the channels whose function falls) and return its real value.

    ``level`` is the quantiser in float32, None where only its exact form is known; ``grain`` its scale and zero point,
    None where it only compares.
    """
    if any(segment.after in ("softmax", "logsoftmax") for segment in x.segments):
        raise b.unsupported(node, "a Softmax is quantised inside the network", "only a final Softmax stays on the host")
    kind = b.types[x.value]
    arrays = [a for s in x.segments for a in (s.scale, s.offset, s.lo, s.hi, s.slope) if a is not None]
    shared = rows == 1 and all(len(a) == 1 for a in (*arrays, scale, offset))
    exact_ones = [curve_of(c) for c in range(1 if shared else kind.channels)]
    made = b.arithmetic.staircases(node, x.reading, level, exact_ones, (kind.lo, kind.hi), grain)
    signs = frozen_ints([-1 if falling else 1 for _, falling in made])
    source = (printable(node.name or node.outputs[0]),)
    operand = b.scaled(x.value + "_neg", x.value, signs, source)
    curves = Curves(curve for curve, _ in made)
    name = b.emit(Step(name=b.fresh(b.hint(node)), inputs=(operand,), curves=curves, source=source))
    return Real.of(name, x.layout, scale, offset)


def _float_level(quantiser: Uniform, values: Floats) -> IntArray:
    scale, zero = (np.array([float(v)], np.float32) for v in (quantiser.scale, quantiser.zero_point))
    return quantise_float(values, scale, zero, quantiser.rounding, quantiser.lo, quantiser.hi)


def _counted(values: Floats, start: int, bounds: Sequence[Bound]) -> IntArray:
    """``start`` and one for every bound that float32 values meet; a bound of the file is a float32 itself."""
    count: IntArray = np.full(values.shape, start, np.int64)
    for bound in bounds:
        edge = np.float32(float(bound.value or 0))
        count += values >= edge if bound.inclusive else values > edge
    return count


def _bipolar(b: Builder, node: SourceNode, x: Any, scale: Any, zero: Any, divisor: Any) -> Tensor:
    """``scale * (1 or -1)`` by the sign of ``x / divisor + zero``; the division only matters where it underflows."""
    if isinstance(x, np.ndarray):
        return _constant(b, node, x, sign_float(x, divisor, zero, -1, 1), scale, zero)
    if isinstance(x, HostReal):
        return host_quantised(b, node, x, scale, zero, "SIGN", -1, 1, divisor)
    if isinstance(x, QuantisedConstant):
        raise b.unsupported(node, "a constant is quantised twice")
    x = facing(b, node, x, scale, zero)
    x = x.unread if isinstance(x, Real) and np.any(zero) else x  # the edge would have to be divided, not multiplied
    s, z = b.per_channel(node, scale, x), b.per_channel(node, zero, x)
    bounds = [[Bound(-pick(z, c) * pick(s, c), True)] * 2 for c in range(max(len(z), len(s)))]
    return threshold_step(b, node, x, (s, -z * s), -1, bounds)


def _constant(b: Builder, node: SourceNode, x: Any, integers: IntArray, scale: Any, zero: Any) -> QuantisedConstant:
    if not np.isfinite(x).all():
        raise IsobitError("E204", "the quantised constant holds NaN or infinity", where=b.where(node))
    rank = integers.ndim
    full = (np.reshape(a, (1,) * (rank - np.ndim(a)) + np.shape(a)) for a in (scale, zero))
    return QuantisedConstant(integers, *full)


def host_quantised(
    b: Builder,
    node: SourceNode,
    x: HostReal,
    scale: Any,
    zero: Any,
    rounding: str,
    lo: int,
    hi: int,
    divisor: Any = None,
) -> Real:
    """The first quantiser: its integers are the hardware's input. The host divides by ``divisor``, or by ``scale``.

    Integers that need a bit less a little higher or lower are made there (:func:`isobit.numerics.least_move`).
    """
    layout = _input_layout(b, node, x.shape, (scale, zero))
    shape = tuple(x.shape[a] for a in layout)
    divisor = scale if divisor is None else divisor
    flat = [tuple(float(v) for v in _along(b, node, a, x.shape, layout)) for a in (scale, zero, divisor)]
    move = least_move(lo, hi)
    quantiser = Quantiser(flat[2], flat[1], rounding, lo, hi, move)
    s, z = rationals(flat[0]), rationals(flat[1]) + move
    name = b.emit(
        Input(
            name=b.fresh(x.outside), shape=shape, lo=frozen_ints(lo + move), hi=frozen_ints(hi + move),
            scale=tuple(s), offset=tuple(-z * s), outside=x.outside, outside_shape=x.outside_shape,
            host=x.host + b.host_transpose(layout), quantiser=quantiser,
            source=(printable(node.name or node.outputs[0]),),
        )
    )  # fmt: skip
    return Real.of(name, layout, s, -z * s)


def _input_layout(b: Builder, node: SourceNode, shape: tuple[int, ...], parameters: Sequence[Any]) -> tuple[int, ...]:
    """The axis along which the quantiser varies becomes the channels; without one, what the network above wants."""
    rank = len(shape)
    varying = {axis - np.ndim(p) + rank for p in parameters for axis, n in enumerate(np.shape(p)) if n > 1}
    if len(varying) != 1 or min(varying) < 0:
        return b.input_layout(rank, node.outputs[0])
    (channels,) = varying
    return (*(a for a in range(rank) if a != channels), channels)


def _along(b: Builder, node: SourceNode, values: Any, shape: tuple[int, ...], layout: tuple[int, ...]) -> Any:
    array = np.asarray(values, np.float32)
    if array.size == 1:
        return array.reshape(-1)
    padded = array.reshape((1,) * (len(shape) + 1 - array.ndim) + array.shape)
    if padded.size != padded.shape[layout[-1] + 1] or padded.size != shape[layout[-1]]:
        raise IsobitError(
            "E208", f"a quantiser of shape {array.shape} varies along more than the channels", where=b.where(node)
        )
    return padded.reshape(-1)
