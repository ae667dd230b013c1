"""Products of functions of one value become tables, steps behind tables go into them; elsewhere they rest."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from isobit.ir import Graph, Node, frozen_ints, toposort, verify
from isobit.ir.ops import Output, Product, Table
from isobit.numerics import Cuts
from isobit.passes import optimise
from tests.ir.random_graphs import MAKERS, Maker, _product
from tests.passes.graphs import PAIR, SQUARE, assert_same_reals, fires, given, kinds, out, rests, rounded, step

SQUARES = Table(
    name="q", inputs=("x",), lo=frozen_ints([-5, -4]), values=frozen_ints(np.arange(-6, 15).reshape(1, -1) ** 2)
)
F, G = step("f", "x", rounded("1/2"), Cuts(-7, [-1, 0, 0, 3])), step("g", "x", rounded("2/3"))


def times(x: str, y: str) -> Product:
    return Product(name="p", inputs=(x, y))


@pytest.mark.parametrize(
    ("between", "pair"),
    [((), "xx"), ((F,), "xf"), ((F,), "fx"), ((F, G), "fg"), ((SQUARES,), "qx"), ((SQUARES, F), "fq"), ((F,), "ff")],
)
def test_a_product_of_functions_of_one_value_is_a_table(between: tuple[Node, ...], pair: str) -> None:
    after = fires("product-to-table", given(2, lo=[-4, 1], hi=[4, 3]), *between, times(*pair), out("p"))
    assert kinds(after)[-2:] == ["table", "output"] and "product" not in kinds(after)


def test_products_rest() -> None:
    name = "product-to-table"
    rests(name, PAIR, given(2, name="z"), times("x", "z"), out("p"))
    rests(name, given(2, hi=1 << 10), times("x", "x"), out("p"))
    rests(name, *SQUARE, step("f", "d", rounded("1/2")), step("g", "x", rounded("1/2")), times("f", "g"), out("p"))
    rests(name, given(3, 2), given(1, 2, name="z"), times("x", "z"), out("p"))


@pytest.mark.parametrize("curves", [(rounded("1/3"),), (rounded("1/3"), Cuts(2, [0, 4, 4, 90]))])
def test_a_step_goes_into_the_table_before_it(curves: tuple[Cuts, ...]) -> None:
    after = fires("step-into-table", given(2, lo=-4), SQUARES, step("s", "q", *curves), out("s"))
    assert kinds(after) == ["input", "table", "output"]


def test_a_step_behind_a_table_rests() -> None:
    s = step("s", "q", rounded("1/3"))
    rests("step-into-table", given(2, lo=-4), SQUARES, s, out("s"), out("q", "z"))
    rests("step-into-table", PAIR, step("s", "x", rounded("1/3")), out("s"))
    rests("step-into-table", *SQUARE, step("s", "d", rounded("1/3")), out("s"))


def test_a_step_of_many_channels_does_not_multiply_a_long_table() -> None:
    entries = np.arange(1 << 15).reshape(1, -1)
    long = Table(name="q", inputs=("x",), lo=frozen_ints(0), values=frozen_ints(entries))
    curves = [Cuts(0, [c]) for c in range(3)]
    rests("step-into-table", given(3, lo=0, hi=(1 << 15) - 1), long, step("s", "q", *curves), out("s"))


@pytest.mark.parametrize("seed", range(30))
def test_random_graphs_with_products_keep_their_outputs(seed: int) -> None:
    maker = Maker(Random(seed))
    maker.input()
    for number in range(5):
        name = (_product if number % 2 else maker.rng.choice(MAKERS))(maker)
    maker.emit(Output(name="", inputs=(name,)))
    graph = verify(Graph(toposort(maker.nodes.values())))
    assert_same_reals(graph, optimise(graph), seed)
