"""What is remembered of a graph: computed once, gone with the graph."""

from __future__ import annotations

import gc
import weakref

from isobit.backends.dataflow.geometry import box
from isobit.backends.dataflow.planner import divisors
from isobit.backends.dataflow.planner.foldings import accumulator_bits, foldings, planned
from isobit.ir import Graph, frozen_ints, verify
from isobit.ir.memo import per_graph
from isobit.ir.ops import Const, Input, Linear, Output, Reindex

CALLS: list[object] = []


@per_graph
def counted(graph: Graph, key: int, *, more: int = 0) -> int:
    CALLS.append((key, more))
    return len(graph.nodes) + key + more


def network(size: int = 4) -> Graph:
    return verify(
        Graph((
            Input(name="x", shape=(size,), lo=frozen_ints(-8), hi=frozen_ints(7)),
            Const(name="w", value=frozen_ints([[1] * size, [-2] * size])),
            Linear(name="y", inputs=("x", "w"), strides=(), dilations=()),
            Reindex(name="z", inputs=("y",), index=frozen_ints([1])),
            Output(name="out", inputs=("z",)),
        ))
    )  # fmt: skip


def test_a_result_is_computed_once_for_each_graph_and_argument() -> None:
    CALLS.clear()
    first, second = network(), network()
    assert [counted(first, 1), counted(first, 1), counted(first, 1, more=1), counted(first, 2)] == [6, 6, 7, 7]
    assert counted(second, 1) == 6
    assert CALLS == [(1, 0), (1, 1), (2, 0), (1, 0)]


def test_the_planner_keeps_no_graph_alive() -> None:
    graph = network()
    by_name = graph.by_name
    (linear,) = (n for n in graph.nodes if isinstance(n, Linear))
    assert accumulator_bits(graph, linear) == 8 and box(graph, by_name["z"]) is not None
    assert all(foldings(graph, n) for n in graph.nodes if planned(graph, n)) and divisors(4) == [1, 2, 4]
    gone = weakref.ref(graph)
    del graph, linear, by_name
    gc.collect()
    assert gone() is None
