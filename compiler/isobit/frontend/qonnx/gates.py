"""Mul of two activations: squeeze-and-excite, gates, attention maps.

``x = s_x * a + o_x`` is ``s_x / q * (q * a + p)`` where ``o_x / s_x = p / q``: with its offset among the integers every
operand is a scale times an integer, and the scale of a product of such is the product of their scales.
"""

from __future__ import annotations

import numpy as np

from isobit.errors import printable
from isobit.frontend.onnx.model import SourceNode
from isobit.frontend.qonnx.builder import Builder
from isobit.frontend.qonnx.movement import channels_last, move, one_layout, positions
from isobit.frontend.qonnx.symbolic import ZERO, Function, Real, rationals
from isobit.frontend.qonnx.tabulate import materialised
from isobit.ir.ops import Add, Product, frozen_ints
from isobit.ir.types import IntArray


def multiplied(b: Builder, node: SourceNode) -> Real:
    """The product of two activations, one of which may be broadcast: over the positions of the other, or in any way.

    Raises:
        IsobitError: E203 for an operand that is neither quantised nor rational, E208 where channels of different
            scales lie along different axes.
    """
    x, y = (_integers(b, node, i) for i in (0, 1))
    wanted = b.model.shapes[node.outputs[0]][1:]
    if _aligned(b, x, wanted).shape != wanted:
        x, y = y, x
    if _aligned(b, x, wanted).shape != wanted:
        x = move(b, node, x, np.broadcast_to(_aligned(b, x, wanted), wanted))
    x, y = _beside(b, node, x, y, wanted)
    source = (printable(node.name or node.outputs[0]),)
    name = b.emit(Product(name=b.fresh(b.hint(node)), inputs=(x.value, y.value), source=source))
    return Real.of(name, x.layout, x.scale * y.scale, ZERO)


def _integers(b: Builder, node: SourceNode, place: int) -> Real:
    """An operand as a scale times an integer."""
    given = b.tensor(node.inputs[place])
    made = materialised(b, node, given) if isinstance(given, Function) else None
    x = b.affine(node, place) if made is None else made
    if not x.offset.any():
        return x
    scale, offset = np.broadcast_arrays(x.scale, x.offset)
    # a channel that was multiplied by zero is its offset: that times 1
    parts = [(o / s).as_integer_ratio() if s else (1, 0) for s, o in zip(scale, offset, strict=True)]
    added, factors = (frozen_ints(np.array(side, dtype=object)) for side in zip(*parts, strict=True))
    unit = rationals([s / q if s else o for s, o, q in zip(scale, offset, factors, strict=True)])
    zero = b.const(x.value + "_offset", added)
    name = b.fresh(x.value + "_centred")
    b.emit(Add(name=name, inputs=(x.value, zero), coefficients=(factors, frozen_ints(1))))
    return Real.of(name, x.layout, unit, ZERO)


def _aligned(b: Builder, x: Real, wanted: tuple[int, ...]) -> IntArray:
    """The positions of an operand with as many axes as the product has."""
    index = positions(b, x)
    return index.reshape((1,) * (len(wanted) - index.ndim) + index.shape)


def _beside(b: Builder, node: SourceNode, x: Real, y: Real, wanted: tuple[int, ...]) -> tuple[Real, Real]:
    """A map and what it is multiplied by, in one layout: of the map's shape, or a factor for each of its channels."""
    index = _aligned(b, y, wanted)
    if index.shape == wanted and len(y.layout) == len(wanted):
        x, y = one_layout(b, node, (x, y))
        return x, y
    varying = [axis for axis, n in enumerate(index.shape) if n > 1]
    if len(varying) == 1 and len(x.scale) == 1:
        x = channels_last(b, node, x, varying[0])
    channel = x.layout[-1]
    shape = wanted
    if varying in ([], [channel]):
        shape = tuple(n if axis == channel else 1 for axis, n in enumerate(wanted))
    return x, move(b, node, y, np.broadcast_to(index, shape), x.layout)
