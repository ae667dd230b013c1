"""Argmax in the fabric: which channel of an output has the greatest real value, of equal ones the first.

The real value of channel ``c`` is ``s[c] q + o[c]`` with its own exact scale and offset, so that the greatest integer
``q`` need not be the greatest value. Multiplied by what makes every ``s`` and ``o`` an integer, and divided by what all
of them share, both sides keep their order: the selection compares integers and decides as the rationals would.

    label = select(sum over the channel of S[c] q + O[c]),  S = k s,  O = k o,  k > 0

The values stay an output beside the label. What the host does to them behind it (Softmax, Sigmoid, Tanh, a reshape) has
the same greatest element in real numbers; float32 on the host may round two of them to one.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm, prod

import numpy as np

from isobit.errors import IsobitError, printable
from isobit.fewshot.head import LABEL, FreeNames, head_of
from isobit.ir import Graph, Node
from isobit.ir.ops import Add, Const, HostOp, Input, Output, Reindex, Select, frozen_ints
from isobit.ir.types import IntArray
from isobit.numerics import as_int_array

MOST_BITS = 62
"""Of a value that is compared: what every simulation holds."""
_LAYOUT, _ALONE, _ALONG = ("reshape", "transpose"), ("sigmoid", "tanh"), ("softmax", "logsoftmax")


@dataclass(frozen=True, eq=False)
class Order:
    """Integers ``factor[c] * q + addend[c]`` in the order of the real values of an output's channels."""

    factor: IntArray
    addend: IntArray

    @classmethod
    def of(cls, output: Output, channels: int) -> Order:
        """The least such integers; the factors 1, and no addends, where the integers themselves have the order."""
        scale, offset = (np.broadcast_to(np.array(v, object), channels) for v in (output.scale, output.offset))
        common = lcm(*(Fraction(v).denominator for v in (*scale, *offset)))
        factor, addend = ([int(v * common) for v in values] for values in (scale, offset))
        addend = [v - addend[0] for v in addend]
        shared = gcd(*factor, *addend)
        return cls(*(as_int_array(np.array([v // shared for v in values], object)) for values in (factor, addend)))

    @property
    def plain(self) -> bool:
        """Whether the integers themselves have the order."""
        return bool((self.factor == 1).all() and (self.addend == 0).all())


def with_argmax(graph: Graph) -> tuple[Graph, str]:
    """``graph`` with one more output, the index of the greatest channel of its only one, and the new output's name.

    Raises:
        IsobitError: E314 for several outputs, an output of one channel or of indices, one that the host changes so that
            another channel may be the greatest, and for scales so far apart that :data:`MOST_BITS` cannot compare them.
    """
    output = _values(graph)
    kind, where = graph.types[output.inputs[0]], printable(output.outside)
    shape = _without_channels(output, kind.shape)
    order = Order.of(output, kind.channels)
    named = FreeNames(graph)
    value, added = output.inputs[0], list[Node]()
    if not order.plain:
        lo, hi = (order.factor.astype(object) * b + order.addend for b in (kind.lo, kind.hi))
        bits = max(abs(int(v)) for v in (*lo, *hi)).bit_length()
        if bits > MOST_BITS:
            what = f"the channels have scales and offsets that only integers of {bits} bits can compare"
            hint = "quantise the output per tensor, or compare on the host"
            raise IsobitError("E314", what, where=where, hint=hint)
        constant = Const(name=named("order_offsets"), value=frozen_ints(order.addend))
        total = Add(
            name=named("order"), inputs=(value, constant.name), coefficients=(_one_or_all(order.factor), frozen_ints(1))
        )
        added, value = [constant, total], total.name
    best = Select(name=named("best"), inputs=(value,))
    outside = named.outside(LABEL)
    made = (*kind.shape[:-1], 1)
    host = () if shape == made else (HostOp("reshape", (), shape),)
    label = Output(name=named(LABEL), inputs=(best.name,), outside=outside, outside_shape=shape, host=host)
    return Graph((*graph.nodes, *added, best, label)), outside


def without_output(graph: Graph, outside: str) -> Graph:
    """The graph less an output and what only that needs; the graph itself where it has no such output."""
    kept = [o for o in graph.outputs if o.outside != outside]
    if len(kept) == len(graph.outputs):
        return graph
    needed = {o.name for o in kept}
    for node in reversed(graph.nodes):
        if node.name in needed:
            needed.update(node.inputs)
    return Graph(tuple(n for n in graph.nodes if n.name in needed or isinstance(n, Input)))


def _values(graph: Graph) -> Output:
    """The output whose channels are compared."""
    if head_of(graph) is not None:
        raise IsobitError("E314", "the few-shot head has an argmax of its own", hint="leave one of both out")
    if len(graph.outputs) != 1:
        names = ", ".join(printable(o.outside) for o in graph.outputs)
        raise IsobitError("E314", f"the model has {len(graph.outputs)} outputs: {names}", hint="one, the classes")
    (output,) = graph.outputs
    where, maker = printable(output.outside), graph.by_name[output.inputs[0]]
    while isinstance(maker, Reindex):
        maker = graph.by_name[maker.inputs[0]]
    if isinstance(maker, Select):
        raise IsobitError("E314", "the output holds indices already", where=where, hint="leave the option out")
    if graph.types[output.inputs[0]].channels < 2:
        raise IsobitError("E314", "the output has one channel", where=where, hint="compare it with 0.5, or with 0")
    return output


def _without_channels(output: Output, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The model's own shape of the output without the axis of the graph's channels, (1,) where nothing else is left.

    Raises:
        IsobitError: E314 where the host does more than move the elements or raise all of them alike.
    """
    where, index = printable(output.outside), np.arange(prod(shape)).reshape(shape)
    hint = "end the model before it"
    for op in output.host:
        if op.kind in _LAYOUT:
            index = index.reshape(op.shape) if op.kind == "reshape" else index.transpose(op.shape)
        elif op.kind in _ALONG:
            if not (index.shape[-1] == shape[-1] and (np.diff(index, axis=-1) == 1).all()):
                raise IsobitError("E314", f"a {op.kind} along another axis than the channels", where=where, hint=hint)
        elif op.kind not in _ALONE:
            raise IsobitError("E314", f"the output ends with a {op.kind} on the host", where=where, hint=hint)
    index, whole = index.reshape(output.outside_shape), np.arange(prod(shape))
    for axis, size in enumerate(index.shape):
        if size == shape[-1] and np.array_equal(np.moveaxis(index, axis, -1).reshape(-1), whole):
            return (*index.shape[:axis], *index.shape[axis + 1 :]) or (1,)
    raise IsobitError("E314", "the model moves the elements of its channels apart", where=where, hint=hint)


def _one_or_all(values: IntArray) -> IntArray:
    return frozen_ints(values[:1] if (values == values[0]).all() else values)
