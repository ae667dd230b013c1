"""Range inference: nothing leaves its interval, and for one node both ends are reached."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isobit.interp import run
from isobit.ir import Graph, Node, ValueType, accumulator_interval, frozen_ints, verify
from isobit.ir.ops import (
    Add,
    Concat,
    Const,
    Input,
    Linear,
    MaxPool,
    Output,
    Pad,
    Reindex,
    Select,
    Step,
    Table,
)
from isobit.numerics import Cuts, MultiplyShift, Rounded, Rounding
from tests.ir.random_graphs import graphs, random_inputs


@given(graphs, st.randoms(use_true_random=False))
def test_no_value_leaves_its_interval(graph: Graph, rng: Random) -> None:
    for name, values in run(graph, random_inputs(graph, rng, 4), taps=True).items():
        kind = graph.types[name]
        assert values.shape[1:] == kind.shape
        assert ((values >= kind.lo) & (values <= kind.hi)).all()


def given_input(name: str, shape: tuple[int, ...], lo: object, hi: object) -> Input:
    return Input(name=name, shape=shape, lo=frozen_ints(lo), hi=frozen_ints(hi))


def const(values: object) -> Const:
    return Const(name="w", value=frozen_ints(values))


ONE = frozen_ints(1)
PAIR = given_input("x", (2,), [-1, 0], [1, 2])
GRID = given_input("x", (2, 2), [-1, 0], [0, 1])
LINE = given_input("x", (3, 1), -1, 1)
STEEP = Rounded(Fraction(3, 2), Fraction(0), Rounding.ROUND, -9, 9)
SINGLE: dict[str, tuple[Node, ...]] = {
    "linear": (PAIR, const([[3, -2], [0, 5]]), Linear(name="v", inputs=("x", "w"))),
    "grouped": (PAIR, const([[3], [-2], [1], [0]]), Linear(name="v", inputs=("x", "w"), groups=2)),
    "convolution": (
        LINE, const(np.array([[[2], [-3]]])), Linear(name="v", inputs=("x", "w"), strides=(1,), dilations=(1,))
    ),
    "dilated": (
        LINE, const(np.array([[[2], [-3]]])), Linear(name="v", inputs=("x", "w"), strides=(1,), dilations=(2,))
    ),
    "run-time weights": (
        PAIR, given_input("w", (1, 2), [-1, 0], [0, 2]), Linear(name="v", inputs=("x", "w"))
    ),
    "add": (
        PAIR, given_input("w", (2,), [0, -1], [1, 1]),
        Add(name="v", inputs=("x", "w"), coefficients=(frozen_ints([2, -3]), frozen_ints(-1))),
    ),
    "add, broadcast": (
        GRID, const([4, -2]), Add(name="v", inputs=("x", "w"), coefficients=(frozen_ints(-1), frozen_ints([1, 3])))
    ),
    "step": (
        PAIR,
        Step(name="v", inputs=("x",), curves=(STEEP, Cuts(2, [0, 1, 1]))),
    ),
    "step, shared": (PAIR, Step(name="v", inputs=("x",), curves=(MultiplyShift(3, 1, 1, -1, 2),))),
    "table": (PAIR, Table(name="v", inputs=("x",), lo=frozen_ints(-1), values=frozen_ints([[5, -7, 2, 3]]))),
    "table, rows": (
        PAIR,
        Table(name="v", inputs=("x",), lo=frozen_ints([-1, 0]), values=frozen_ints([[5, -7, 2, 99], [1, 0, 1, 99]])),
    ),
    "maxpool": (LINE, MaxPool(name="v", inputs=("x",), kernel=(2,), strides=(1,), dilations=(1,))),
    "pad": (LINE, Pad(name="v", inputs=("x",), before=(1,), after=(0,), value=4)),
    "pad of nothing": (LINE, Pad(name="v", inputs=("x",), before=(0,), after=(0,), value=4)),
    "concat": (PAIR, given_input("w", (1,), 3, 5), Concat(name="v", inputs=("x", "w"), axis=0)),
    "concat, other axis": (
        GRID, given_input("w", (1, 2), [-3, 0], [0, 0]), Concat(name="v", inputs=("x", "w"), axis=0)
    ),
    "reindex": (GRID, Reindex(name="v", inputs=("x",), index=frozen_ints([[0, 1, 2], [2, 0, 3]]))),
    "select": (given_input("x", (3,), 0, 1), Select(name="v", inputs=("x",), k=2)),
}  # fmt: skip


def every_input(nodes: tuple[Node, ...]) -> dict[str, np.ndarray]:
    """All combinations of all elements of all inputs."""
    inputs = [n for n in nodes if isinstance(n, Input)]
    kinds = [ValueType.of(n.shape, n.lo, n.hi) for n in inputs]
    spans = [range(int(k.lo[i % k.channels]), int(k.hi[i % k.channels]) + 1) for k in kinds for i in range(k.size)]
    rows = np.array(list(product(*spans)))
    ends = np.cumsum([k.size for k in kinds])[:-1]
    return {n.name: part.reshape(-1, *n.shape) for n, part in zip(inputs, np.split(rows, ends, axis=1), strict=True)}


@pytest.mark.parametrize("name", SINGLE)
def test_one_node_reaches_both_ends_of_every_channel(name: str) -> None:
    graph = verify(Graph((*SINGLE[name], Output(name="y", inputs=("v",)))))
    values = run(graph, every_input(SINGLE[name]))["y"]
    kind = graph.types["v"]
    rows = values.reshape(-1, kind.channels)
    assert rows.min(axis=0).tolist() == kind.lo.tolist()
    assert rows.max(axis=0).tolist() == kind.hi.tolist()


@settings(max_examples=50)
@given(st.lists(st.integers(-9, 9), min_size=3, max_size=3), st.permutations(range(3)))
def test_accumulator_interval_holds_every_partial_sum_in_every_order(weights: list[int], order: list[int]) -> None:
    kind = ValueType.of((3,), [-2, 1, -3], [5, 4, -1])
    node = Linear(name="v", inputs=("x", "w"))
    lo, hi = accumulator_interval(node, kind, Const(name="w", value=frozen_ints([weights])))
    assert lo[0] <= 0 <= hi[0]
    for x in product(*(sorted({int(a), int(b)}) for a, b in zip(kind.lo, kind.hi, strict=True))):
        partial = 0
        for i in order:
            partial += weights[i] * x[i]
            assert lo[0] <= partial <= hi[0]


@pytest.mark.parametrize("top", [2**31, 2**62, 2**63 - 1, 2**64])
def test_intervals_beyond_64_bits_do_not_wrap(top: int) -> None:
    x = given_input("x", (2,), -top, top)
    w = const(np.array([[top, -top]], dtype=object))
    graph = Graph((x, w, Linear(name="v", inputs=("x", "w")), Output(name="y", inputs=("v",))))
    assert graph.types["y"].bounds == (-2 * top * top, 2 * top * top)
    doubled = Add(name="v", inputs=("x",), coefficients=(frozen_ints(np.array([-top], dtype=object)),))
    assert Graph((x, doubled, Output(name="y", inputs=("v",)))).types["y"].bounds == (-top * top, top * top)


def test_the_most_negative_weight_does_not_wrap() -> None:
    x = given_input("x", (1,), -3, 2)
    graph = Graph((x, const([[-(2**63)]]), Linear(name="v", inputs=("x", "w")), Output(name="y", inputs=("v",))))
    assert graph.types["y"].bounds == (-(2**64), 3 * 2**63)


def test_width_and_sign_follow_from_the_interval() -> None:
    kind = ValueType.of((2, 3), [-1, 0, 0], [0, 5, 8])
    assert (kind.bounds, kind.bits, kind.signed, kind.size, kind.channels) == ((-1, 8), 5, True, 6, 3)
    assert str(kind) == "[2,3] s5{-1..8}"
    assert str(ValueType.of((1,), 0, 8)) == "[1] u4{0..8}"
