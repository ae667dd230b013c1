"""TaperedQuant and TaperedDecode, the operators of isobit's own domain (:mod:`isobit.custom_op`).

A constant becomes integers times ``scale * 2^-(bits - 2)``. An activation becomes a staircase to the codes, which rise
with their numbers, and a table from the codes to the integers.
"""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import numpy as np

from isobit.errors import IsobitError, printable
from isobit.frontend.onnx.model import SourceNode
from isobit.frontend.qonnx.builder import Builder, FunctionOrigin
from isobit.frontend.qonnx.movement import facing
from isobit.frontend.qonnx.quantiser_parameters import positive_scale
from isobit.frontend.qonnx.quantisers import threshold_step
from isobit.frontend.qonnx.staircases import Bound
from isobit.frontend.qonnx.symbolic import ONE, ZERO, Function, HostReal, QuantisedConstant, Rationals, Real, Tensor
from isobit.frontend.qonnx.tabulate import as_function
from isobit.ir.ops import Table, frozen_ints
from isobit.ir.types import IntArray
from isobit.numerics.formats import Tapered


def import_tapered_quant(b: Builder, node: SourceNode) -> Tensor:
    """The format's number nearest to ``x / scale``, times the scale.

    Raises:
        IsobitError: E205 for a format that is none, E202 for a float input and a constant quantised twice, E204 and
            E206 for an unusable scale.
    """
    made, x = _format(b, node), b.tensor(node.inputs[0])
    scale = positive_scale(b, node, b.constant(node, 1, "scale"))
    if isinstance(x, HostReal):
        hint = "quantise it with Quant (QuantIdentity of Brevitas); tapered activations come behind the first layer"
        raise b.unsupported(node, "the network's input in tapered fixed point", hint)
    if isinstance(x, QuantisedConstant):
        raise b.unsupported(node, "a constant is quantised twice", "export the weights with one quantiser")
    if isinstance(x, np.ndarray):
        if not np.isfinite(x).all():
            raise IsobitError("E204", "the quantised constant holds NaN or infinity", where=b.where(node))
        with np.errstate(over="ignore"):
            quotient = np.asarray(x, np.float32) / scale
        return _constant(b, node, made.rounded(quotient), scale, made)
    x = facing(b, node, x, scale)
    return _activation(b, node, x, b.per_channel(node, scale, x), made)


def import_tapered_decode(b: Builder, node: SourceNode) -> Tensor:
    """The numbers of constant codes in two's complement, times the scale.

    Raises:
        IsobitError: E205 for a format that is none and for a code of more bits, E202 for codes that are no constant
            integers, E204 and E206 for an unusable scale.
    """
    made, codes = _format(b, node), b.tensor(node.inputs[0])
    if not isinstance(codes, np.ndarray) or codes.dtype.kind not in "iu":
        hint = "codes are a constant of type int8 or int16; TaperedQuant takes floats and activations"
        raise b.unsupported(node, "codes that are no constant integers", hint)
    scale = positive_scale(b, node, b.constant(node, 1, "scale"))
    codes, half = codes.astype(np.int64), 1 << made.bits - 1
    wrong = np.argwhere((codes < -half) | (codes >= half))
    if wrong.size:
        index = tuple(int(i) for i in wrong[0])
        message = f"the code {codes[index]} at index {list(index)} of {printable(node.inputs[0])!r} is none of "
        hint = f"codes of {made.bits} bits lie in {-half} .. {half - 1}; give bits the width they were made with"
        raise IsobitError("E205", message + f"{made.bits} bits", where=b.where(node), hint=hint)
    table = np.array([made.integer(code % (2 * half)) for code in range(-half, half)])
    return _constant(b, node, table[codes + half], scale, made)


def _format(b: Builder, node: SourceNode) -> Tapered:
    bits, run = node.attrs.get("bits"), node.attrs.get("run")
    if not isinstance(bits, int) or not isinstance(run, int):
        hint = "both are integer attributes of the operator"
        raise IsobitError("E205", f"{node.op} without bits and run", where=b.where(node), hint=hint)
    try:
        return Tapered(bits, run)
    except ValueError as error:
        raise IsobitError("E205", str(error), where=b.where(node), hint="run is 1 to bits - 1") from error


def _constant(b: Builder, node: SourceNode, integers: IntArray, scale: Any, made: Tapered) -> QuantisedConstant:
    """The integers, and the scale times the unit, which is exact but for the least floats."""
    scaled = np.asarray(scale * np.float32(float(made.unit)), np.float32)
    if (scaled.astype(np.float64) != scale.astype(np.float64) * float(made.unit)).any():
        raise IsobitError("E204", "a scale is too small for its format", where=b.where(node))
    scaled = scaled.reshape((1,) * (integers.ndim - scaled.ndim) + scaled.shape)
    return QuantisedConstant(integers, scaled, np.zeros((1,) * max(integers.ndim, 1), np.float32))


def _activation(b: Builder, node: SourceNode, x: Real | Function, scale: Rationals, made: Tapered) -> Real:
    half = 1 << made.bits - 1
    table = [made.integer(code % (2 * half)) for code in range(-half, half)]
    edges = [(below + above) * made.unit / 2 for below, above in itertools.pairwise(table)]

    def bounds(channel_scale: Fraction) -> list[Bound]:
        return [Bound(edge * channel_scale, code % 2 == 0) for code, edge in enumerate(edges, 1 - half)]

    codes = threshold_step(b, node, x, (ONE, ZERO), -half, [bounds(s) for s in scale])
    name = b.emit(
        Table(
            name=b.fresh(codes.value + "_decoded"), inputs=(codes.value,), lo=frozen_ints(-half),
            values=frozen_ints(np.array([table])), source=(printable(node.name or node.outputs[0]),),
        )
    )  # fmt: skip
    b.origins[name] = FunctionOrigin(
        as_function(x), lambda c, v: _rounded(v / scale[c % len(scale)], made, edges, table)
    )
    return Real.of(name, codes.layout, scale * made.unit, ZERO)


def _rounded(value: Fraction, made: Tapered, edges: list[Fraction], table: list[int]) -> int:
    """The integer of the number nearest to ``value``."""
    half = 1 << made.bits - 1
    code = sum(value > e or (value == e and c % 2 == 0) for c, e in enumerate(edges, 1 - half)) - half
    return table[code + half]
