"""Shorter coefficients for sums: the law on every pair of operands, where it fires and where it must not."""

from __future__ import annotations

from fractions import Fraction
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from isobit.interp import run
from isobit.ir import Graph, Node
from isobit.ir.ops import Add, Step
from isobit.numerics import Cuts, MultiplyShift, Rounding
from isobit.passes import optimise
from tests.passes.graphs import add, const, fires, given, graph, out, rests, rounded, step

A, B = 11_184_811, 9_437_185
UNIT = Fraction(1, 1 << 24)


def pair(lo: Any = -8, hi: Any = 7, channels: int = 1) -> list[Node]:
    """Two inputs of four bits."""
    return [given(channels, lo=lo, hi=hi), given(channels, lo=lo, hi=hi, name="v")]


def bits(g: Graph, name: str = "s") -> int:
    node = g.by_name[name]
    assert isinstance(node, Add)
    return max(int(abs(c).max()).bit_length() for c in node.coefficients)


def test_two_mantissas_become_a_few_bits() -> None:
    made = fires(
        "narrow-sum", *pair(), add("s", ("x", A), ("v", B)), step("f", "s", rounded(UNIT, lo=-8, hi=7)), out("f")
    )
    assert bits(made) <= 6 and made.types["s"].bits <= 10
    f = made.by_name["f"]
    assert isinstance(f, Step) and isinstance(f.curves[0], MultiplyShift) and f.curves[0].m.bit_length() <= 10


def everywhere(before: Graph, after: Graph) -> None:
    """Every output integer for every pair of two inputs of one channel count, the same pair in all channels."""
    x, v = (before.types[n.name] for n in before.inputs)
    grid = np.meshgrid(*(np.arange(t.lo.min(), t.hi.max() + 1) for t in (x, v)), indexing="ij")
    inputs = {
        n.name: np.clip(np.repeat(g.reshape(-1, 1), t.channels, 1), t.lo, t.hi)
        for n, g, t in zip(before.inputs, grid, (x, v), strict=True)
    }
    wanted, got = run(before, inputs), run(after, inputs)
    for o in before.outputs:
        wrong = np.argwhere(wanted[o.name] != got[o.name])
        assert not len(wrong), (o.name, wrong[0].tolist())


@st.composite
def joins(draw: st.DrawFn) -> Graph:
    """A join of two values with any coefficients, read by one or two steps; all may differ from channel to channel."""
    rng = Random(draw(st.integers(0, 1 << 30)))
    channels = rng.choice((1, 3))
    rows = [rng.choice((1, channels)) for _ in range(4)]

    def values(count: int, low: int, high: int) -> list[int]:
        return [rng.randint(low, high) for _ in range(count)]

    ends = [sorted(values(2, -20, 20)) for _ in range(2)]
    nodes: list[Node] = [given(channels, lo=lo, hi=hi, name=name) for name, (lo, hi) in zip("xv", ends, strict=True)]
    coefficients = [[v or 1 for v in values(rows[i], -(1 << 22), 1 << 22)] for i in range(2)]
    nodes.append(add("s", ("x", coefficients[0]), ("v", coefficients[1])))
    for name in "fg"[: rng.choice((1, 2))]:
        curves = []
        for _ in range(rows[2]):
            if rng.random() < 0.3:
                curves.append(Cuts(rng.randint(-3, 3), sorted(values(5, -(1 << 26), 1 << 26))))
            else:
                mode = rng.choice(list(Rounding))
                curves.append(rounded(Fraction(rng.randint(1, 99), 1 << 27), rng.randint(-2, 2), -8, 7, mode))  # type: ignore[arg-type]
        nodes += [step(name, "s", *curves), out(name, f"y_{name}")]
    return graph(*nodes)


@forall(joins())
def test_no_pair_of_operands_changes_an_output(before: Graph) -> None:
    after = optimise(before)
    everywhere(before, after)
    assert bits(after) <= bits(before)


def test_per_channel_coefficients_get_one_pair_each() -> None:
    factors = [A, 3 * B, A + 12_345]
    made = fires(
        "narrow-sum", *pair(channels=3), add("s", ("x", factors), ("v", B)),
        step("f", "s", rounded(UNIT, lo=-8, hi=7)), out("f"),
    )  # fmt: skip
    f = made.by_name["f"]
    assert bits(made) <= 8 and isinstance(f, Step) and len(f.curves) == 3


def test_an_operand_that_is_subtracted_keeps_its_sign() -> None:
    made = fires(
        "narrow-sum", *pair(), add("s", ("x", A), ("v", -B)), step("f", "s", rounded(UNIT, lo=-8, hi=7)), out("f")
    )
    node = made.by_name["s"]
    assert isinstance(node, Add) and [int(np.sign(c[0])) for c in node.coefficients] == [1, -1]


def test_a_wide_accumulator_joins_a_narrow_value() -> None:
    wide = [given(1, lo=-(1 << 17), hi=1 << 17), given(1, lo=-8, hi=7, name="v")]
    f = step("f", "s", rounded(Fraction(5, 7 << 34), lo=-128, hi=127))
    nodes = [*wide, add("s", ("x", 1_234_577), ("v", 987_654_321)), f, out("f")]
    made = fires("narrow-sum", *nodes)
    assert bits(made) < 20
    everywhere(graph(*nodes), made)


F = step("f", "s", rounded(UNIT, lo=-8, hi=7))


@pytest.mark.parametrize(
    "nodes",
    [
        [*pair(), add("s", ("x", 1), ("v", -1)), F, out("f")],  # nothing to shorten
        [*pair(), add("s", ("x", A), ("v", B)), out("s")],  # its integers are the result
        [*pair(), add("s", ("x", A), ("v", B)), F, out("f"), out("s", "z")],  # and so are some of its readers'
        [given(1), const([B], "b"), add("s", ("x", A), ("b", 1)), F, out("f")],  # a bias is no operand
        [  # behind the long coefficients a mere shift, behind short ones a product
            given(1, lo=-(1 << 17), hi=1 << 17),
            given(1, lo=-8, hi=7, name="v"),
            add("s", ("x", 2048), ("v", 3)),
            step("f", "s", rounded(Fraction(1, 1 << 18), lo=-8, hi=7)),
            out("f"),
        ],
    ],
)
def test_it_rests(nodes: list[Node]) -> None:
    rests("narrow-sum", *nodes)
