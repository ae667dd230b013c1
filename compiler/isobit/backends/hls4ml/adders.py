"""Products with constant weights as adder graphs: sums of shifted inputs and sums, without a multiplier.

Every sum is a linear form of the inputs, and a graph is one of a layer exactly if the forms of its outputs are the rows
of its weights (:meth:`AdderGraph.computes`): a proof, whoever found the graph.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from isobit.backends.hls4ml.constants import alias, integer
from isobit.backends.hls4ml.design import Body, IoType
from isobit.backends.hls4ml.windows import constant_weights, product_windows, ungrouped
from isobit.backends.ports import IntType
from isobit.errors import IsobitError
from isobit.hardware import Cost
from isobit.ir import Graph
from isobit.ir.ops import Linear
from isobit.ir.types import IntArray

_SUM = re.compile(r"(\d{1,9})<<(\d{1,3})([+-])(\d{1,9})<<(\d{1,3})")
_TAP = re.compile(r"(-?)(\d{1,9})(<<|>>)(\d{1,3})|0")


@dataclass(frozen=True)
class Sum:
    """``left * 2**left_shift`` plus, or minus, ``right * 2**right_shift``; operands are numbered, the inputs first."""

    left: int
    left_shift: int
    right: int
    right_shift: int
    minus: bool


@dataclass(frozen=True)
class Tap:
    """An output: ``value * 2**shift``, or its negative. A negative shift loses nothing: its bits are zero.

    ``value`` is numbered as an operand; None is the constant zero.
    """

    value: int | None
    shift: int = 0
    negative: bool = False


@dataclass(frozen=True)
class AdderGraph:
    """Sums in the order in which they are made, of so many inputs, and the outputs."""

    inputs: int
    sums: tuple[Sum, ...]
    outputs: tuple[Tap, ...]

    def forms(self) -> tuple[IntArray, IntArray]:
        """The coefficients ``(values, inputs)`` of every operand, and ``(outputs, inputs)`` of every output.

        Raises:
            ValueError: where a sum names what is not made before it, or an output is no integer.
        """
        known = np.zeros((self.inputs + len(self.sums), self.inputs), dtype=object)
        known[np.arange(self.inputs), np.arange(self.inputs)] = 1
        for place, made in enumerate(self.sums, start=self.inputs):
            if max(made.left, made.right) >= place:
                raise ValueError(f"sum {place} reads what comes after it")
            right = known[made.right] * (1 << made.right_shift)
            known[place] = known[made.left] * (1 << made.left_shift) + (-right if made.minus else right)
        found = np.zeros((len(self.outputs), self.inputs), dtype=object)
        for row, tap in zip(found, self.outputs, strict=True):
            if tap.value is None:
                continue
            form = known[tap.value] * (-1 if tap.negative else 1)
            if tap.shift < 0 and (form % (1 << -tap.shift)).any():
                raise ValueError("an output is no integer")
            row[:] = form * (1 << tap.shift) if tap.shift >= 0 else form // (1 << -tap.shift)
        return known, found

    def computes(self, weights: IntArray) -> bool:
        """Are its outputs the products with ``weights`` ``(outputs, inputs)``, whatever the inputs? A proof."""
        try:
            return np.array_equal(self.forms()[1], weights)
        except (ValueError, IndexError):
            return False

    def __str__(self) -> str:
        sums = (f"{s.left}<<{s.left_shift}{'-' if s.minus else '+'}{s.right}<<{s.right_shift}" for s in self.sums)
        taps = (
            "0" if t.value is None else f"{'-' * t.negative}{t.value}{'<<' if t.shift >= 0 else '>>'}{abs(t.shift)}"
            for t in self.outputs
        )
        return f"{self.inputs};{','.join(sums)};{','.join(taps)}"

    @classmethod
    def parse(cls, text: str) -> AdderGraph:
        """What :meth:`__str__` wrote.

        Raises:
            ValueError: for another text.
        """
        inputs, sums, taps = text.split(";")
        made = [_matched(_SUM, word) for word in sums.split(",") if word]
        ends = [_matched(_TAP, word) for word in taps.split(",")]
        return cls(
            int(inputs),
            tuple(Sum(int(m[1]), int(m[2]), int(m[4]), int(m[5]), m[3] == "-") for m in made),
            tuple(map(_tap, ends)),
        )


def _matched(pattern: re.Pattern[str], word: str) -> re.Match[str]:
    found = pattern.fullmatch(word)
    if found is None:
        raise ValueError(f"{word!r} is no part of an adder graph")
    return found


def _tap(found: re.Match[str]) -> Tap:
    if found[2] is None:
        return Tap(None)
    return Tap(int(found[2]), int(found[4]) * (1 if found[3] == "<<" else -1), found[1] == "-")


def intervals(forms: IntArray, lo: IntArray, hi: IntArray) -> list[tuple[int, int]]:
    """The interval of every linear form ``(count, inputs)`` of inputs between ``lo`` and ``hi``."""
    least = (np.where(forms > 0, lo, hi) * forms).sum(axis=1)
    most = (np.where(forms > 0, hi, lo) * forms).sum(axis=1)
    return [(int(a), int(b)) for a, b in zip(least, most, strict=True)]


def adder_cost(graph: AdderGraph, reach: Sequence[tuple[int, int]]) -> Cost:
    """A look-up table a bit of every sum, but for the low bits that are those of one operand alone.

    Args:
        reach: the interval of every operand: of the inputs, then of the sums.
    """
    luts = 0
    for (lo, hi), made in zip(reach[graph.inputs :], graph.sums, strict=True):
        copied = made.right_shift if made.minus else max(made.left_shift, made.right_shift)
        luts += max(IntType.of(lo, hi).bits - copied, 1)
    return Cost(lut=luts)


def adder_body(
    graph: AdderGraph, lo: IntArray, hi: IntArray, out: IntType, positions: int = 1, windows: Sequence[str] = ()
) -> Body:
    """The graph as C++ (``isobit_adders.h``), every sum with the type of its own interval.

    Args:
        lo, hi: ``(inputs,)``, between which every input lies.
        positions: how many times it is built, side by side.
        windows: the constants of the windows that it reads from a stream, one after the other.
    """
    known, found = graph.forms()
    kinds = [IntType.of(*span) for span in intervals(known, lo, hi)]
    names = [f"x[from + {i}]" for i in range(graph.inputs)] + [f"s{i}" for i in range(len(graph.sums))]

    def shifted(value: int, shift: int) -> str:
        wide = IntType(kinds[value].bits + shift, kinds[value].signed)
        return f"({wide}({names[value]}) << {shift})" if shift else names[value]

    lines = []
    for place, made in enumerate(graph.sums, start=graph.inputs):
        right = shifted(made.right, made.right_shift)
        text = f"{shifted(made.left, made.left_shift)} {'-' if made.minus else '+'} {right}"
        lines.append(f"const {kinds[place]} {names[place]} = {text};")
    for row, tap in enumerate(graph.outputs):
        if tap.value is None:
            lines.append(f"y[to + {row}] = 0;")
            continue
        value = shifted(tap.value, tap.shift) if tap.shift >= 0 else f"({names[tap.value]} >> {-tap.shift})"
        lines.append(f"y[to + {row}] = {'-' * tap.negative}{value};")
    inner = "\n        ".join(["#pragma HLS INLINE", *lines])
    head = "template <class X, class Y> static void apply(const X *x, int from, Y *y, int to)"
    sizes = {"POSITIONS": positions, "INPUTS": graph.inputs, "OUTPUTS": len(found)}
    members = (*(integer(name, size) for name, size in sizes.items()), *windows, alias("out_t", out))
    function = "isobit::adders_of_windows" if windows else "isobit::adders"
    return Body("isobit_adders.h", function, (*members, f"{head} {{\n        {inner}\n    }}"))


def planned_body(graph: Graph, node: Linear, adders: AdderGraph | None, io_type: IoType) -> Body:
    """The body of a layer whose plan has ``adders``.

    Raises:
        IsobitError: E503 for a graph that is not of the layer's weights, as a manifest that was edited may have it.
    """
    weights, lo, hi = problem(graph, node)
    if adders is None or adders.inputs != len(lo) or not adders.computes(weights):
        raise IsobitError("E503", "the plan's adder graph is not of the layer's weights", where=node.name)
    value = graph.types[node.name]
    out, positions = IntType.of(*value.bounds), value.size // value.channels
    if io_type == "io_stream" and len(value.shape) > 1:
        return adder_body(adders, lo, hi, out, windows=product_windows(graph, node))
    return adder_body(adders, lo, hi, out, positions)


def problem(graph: Graph, node: Linear) -> tuple[IntArray, IntArray, IntArray]:
    """The weights ``(outputs, inputs)`` of a position, and the ends ``(inputs,)`` of its inputs' intervals.

    A convolution's inputs are those of a window, as :func:`isobit.backends.hls4ml.windows.window_index` has them.
    """
    x, weights = graph.types[node.inputs[0]], ungrouped(constant_weights(graph, node), node.groups)
    lo, hi = (np.broadcast_to(ends, weights.shape[1:]).astype(object).reshape(-1) for ends in (x.lo, x.hi))
    return weights.reshape(len(weights), -1), lo, hi
