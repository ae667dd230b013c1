"""Floor, Ceil, Round and Cast: operators that make integers without a scale, as in NEMO's integer files."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from isobit.frontend.onnx.model import SourceNode
from isobit.frontend.qonnx.builder import Builder
from isobit.frontend.qonnx.function import decided
from isobit.frontend.qonnx.quantisers import uniform_step
from isobit.frontend.qonnx.staircases import Uniform
from isobit.frontend.qonnx.symbolic import Function, Real, Tensor, rationals
from isobit.frontend.qonnx.tabulate import as_function, decided_integers
from isobit.numerics import Rounding, round_rational

_FLOAT_TYPES = (1, 11)  # float32 and float64 in ONNX's enumeration
_INTEGER_TYPES = {
    **{kind: (0, (1 << bits) - 1) for kind, bits in ((2, 8), (4, 16), (12, 32), (13, 64))},
    **{kind: (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) for kind, bits in ((3, 8), (5, 16), (6, 32), (7, 64))},
}
_ROUNDING_OPS = {"Cast": Rounding.DOWN, "Ceil": Rounding.CEIL, "Floor": Rounding.FLOOR, "Round": Rounding.ROUND}


def import_rounding(b: Builder, node: SourceNode) -> Tensor:
    """ONNX Floor, Ceil, Round and Cast to an integer type (towards zero), of a function of one integer.

    A Cast to a float type keeps every number.
    """
    given = b.tensor(node.inputs[0])
    x = given if isinstance(given, Function) else b.real(node)
    if node.op == "Cast" and node.attrs.get("to") in _FLOAT_TYPES:
        return x
    return rounded(b, node, x, _ROUNDING_OPS[node.op])


def rounded(b: Builder, node: SourceNode, x: Real | Function, rounding: Rounding) -> Real:
    """``x`` rounded to integers of scale one; the same ``x`` where it holds integers already.

    Raises:
        IsobitError: E202 for a cast to a type that does not hold every result.
    """
    if isinstance(x, Function) or len(x.segments) > 1:
        f = as_function(x).map(lambda v, _: decided(v, lambda number: round_rational(number, rounding), rises=True))
        made = decided_integers(b, node, f)
        if node.op == "Cast":
            low, high = (int(v * made.scale[0]) for v in b.types[made.value].bounds)
            _refuse_wrapping(b, node, low, high)
        return made
    first, kind = x.segments[0], b.types[x.value]
    ends = [first.scale * v.astype(object) + first.offset for v in (kind.lo, kind.hi)]
    ends = [v if first.lo is None else np.maximum(v, first.lo) for v in ends]
    ends = [v if first.hi is None else np.minimum(v, first.hi) for v in ends]
    limits = [v for values in (first.lo, first.hi) if values is not None for v in values]
    low, high = int(min(v.min() for v in ends)) - 2, int(max(v.max() for v in ends)) + 2
    if node.op == "Cast":
        _refuse_wrapping(b, node, low + 1, high - 1)
    if all(v.denominator == 1 for v in (*first.scale, *first.offset, *limits)):
        return x
    one, zero = rationals([1]), rationals([0])
    step = Uniform(Fraction(1), Fraction(0), rounding, low, high)
    return uniform_step(b, node, x, lambda _: step, (one, zero))


def _refuse_wrapping(b: Builder, node: SourceNode, low: int, high: int) -> None:
    """Does the integer type hold ``low .. high``, give or take one?"""
    least, most = _INTEGER_TYPES.get(int(str(node.attrs["to"])), (0, 0))
    if low + 1 < least or high - 1 > most:
        raise b.unsupported(node, f"a cast of {low}..{high} to a type that holds {least}..{most}")
