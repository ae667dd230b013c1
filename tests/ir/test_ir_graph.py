"""Digests, order, substitution, and the verifier."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isobit.errors import IsobitError
from isobit.ir import Graph, Node, frozen_ints, substitute, toposort, verify
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
from isobit.numerics import Cuts
from tests.ir.random_graphs import graphs

X = Input(name="x", shape=(3,), lo=frozen_ints(0), hi=frozen_ints(7))
IMAGE = Input(name="x", shape=(4, 5, 2), lo=frozen_ints(0), hi=frozen_ints(7))
W = Const(name="w", value=frozen_ints(np.arange(6).reshape(2, 3)))
Y = Output(name="y", inputs=("v",))


def renamed(graph: Graph) -> Graph:
    """Every inner value under another name, in another order of definition where that is possible."""
    names = {n.name: n.name if isinstance(n, Input) else f"other_{i}" for i, n in enumerate(graph.nodes)}
    nodes = [replace(n, name=names[n.name], inputs=tuple(names[i] for i in n.inputs)) for n in graph.nodes]
    return Graph(toposort(reversed(nodes)))


@given(graphs)
def test_digests_do_not_depend_on_names_or_provenance(graph: Graph) -> None:
    assert sorted(renamed(graph).digests.values()) == sorted(graph.digests.values())
    told = Graph(tuple(replace(n, source=("a",), rules=("b",)) for n in graph.nodes))
    assert told.digest == graph.digest


def test_digests_depend_on_everything_else() -> None:
    def small(**changes: object) -> str:
        weights = changes.get("weights", [[1, 2, 3]])
        given = replace(X, **changes.get("input", {}))  # type: ignore[arg-type]
        step = Step(name="v", inputs=("d",), curves=changes.get("curves", (Cuts(0, [1, 2]),)))  # type: ignore[arg-type]
        const = Const(name="w", value=frozen_ints(weights))
        output = replace(Y, **changes.get("output", {}))  # type: ignore[arg-type]
        return Graph((given, const, Linear(name="d", inputs=("x", "w")), step, output)).digest

    variants = [
        small(),
        small(weights=[[1, 2, 4]]),
        small(input={"hi": frozen_ints(8)}),
        small(input={"scale": (Fraction(1, 2),)}),
        small(input={"outside": "in"}),
        small(curves=(Cuts(0, [1, 3]),)),
        small(output={"offset": (Fraction(1),)}),
        small(output={"outside_shape": (1,)}),
    ]
    assert len(set(variants)) == len(variants)
    assert small() == small()


LARGE = [
    np.arange(-32, 38),
    np.arange(70) * 400,
    np.arange(70) << 20,
    np.arange(70) << 40,
    np.arange(70).astype(object) << 70,
]


@pytest.mark.parametrize("values", LARGE, ids=["i1", "i2", "i4", "i8", "text"])
def test_the_digest_hashes_values_and_not_what_a_compressor_makes_of_them(
    values: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes of docs/graph.md, written down here once more; zlib is not even asked."""
    kind = ["<i1", "<i2", "<i4", "<i8", "text"][[np.array_equal(values, v) for v in LARGE].index(True)]
    raw = values.astype(kind).tobytes() if kind != "text" else ",".join(map(str, values.tolist())).encode()
    value = f'{{"shape":[7,10],"kind":"{kind}","sha256":"{hashlib.sha256(raw).hexdigest()}"}}'
    monkeypatch.setattr("isobit.ir.attributes.zlib", None)
    node = Const(name="w", value=frozen_ints(values.astype(object).reshape(7, 10)))
    graph = Graph((X, node, Output(name="y", inputs=("w",))))
    assert graph.digests["w"] == hashlib.sha256(f"const\nvalue={value}".encode()).hexdigest()


@given(graphs, st.randoms(use_true_random=False))
def test_toposort_restores_an_order(graph: Graph, rng: Random) -> None:
    nodes = list(graph.nodes)
    rng.shuffle(nodes)
    verify(Graph(toposort(nodes)))
    assert {n.name for n in toposort(nodes)} == {n.name for n in graph.nodes}


def test_toposort_drops_what_nobody_needs_but_inputs() -> None:
    unused = Input(name="unused", shape=(1,), lo=frozen_ints(0), hi=frozen_ints(0))
    dead = Linear(name="dead", inputs=("x", "w"))
    assert [n.name for n in toposort([unused, X, W, dead, replace(Y, inputs=("x",))])] == ["unused", "x", "y"]


def test_substitute_redirects_readers_and_drops_the_dead() -> None:
    one = frozen_ints(1)
    twice = Add(name="t", inputs=("d", "d"), coefficients=(one, one))
    d, e = (Linear(name=n, inputs=("x", "w")) for n in "de")
    graph = Graph((X, W, d, e, twice, replace(Y, inputs=("t",))))
    after = substitute(graph, {"d": "e"})
    assert [n.name for n in after.nodes] == ["x", "w", "e", "t", "y"]
    assert after.by_name["t"].inputs == ("e", "e")
    assert substitute(graph, {}) is graph


def test_consumers_are_listed_once_per_use() -> None:
    one = frozen_ints(1)
    graph = Graph((X, Add(name="v", inputs=("x", "x"), coefficients=(one, one)), Y))
    assert [n.name for n in graph.consumers["x"]] == ["v", "v"]
    assert graph.consumers["y"] == ()


def test_nodes_and_graphs_are_immutable() -> None:
    graph = Graph((X, replace(Y, inputs=("x",))))
    with pytest.raises(AttributeError):
        graph.nodes = ()  # type: ignore[misc]
    with pytest.raises(AttributeError):
        X.shape = (4,)  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        X.lo[0] = 5
    with pytest.raises(TypeError):
        graph.types["x"] = graph.types["y"]  # type: ignore[index]


def chain(*nodes: Node, first: Input = X) -> Callable[[], Graph]:
    return lambda: Graph((first, *nodes, Y))


def table(values: object, lo: int = 0) -> Table:
    return Table(name="v", inputs=("x",), lo=frozen_ints(lo), values=frozen_ints(values))


ONE = frozen_ints(1)
BAD: dict[str, tuple[Callable[[], Graph], str]] = {
    "name with a dash": (chain(Select(name="v-1", inputs=("x",))), "v-1"),
    "name that starts with a digit": (chain(Select(name="1v", inputs=("x",))), "1v"),
    "name in other letters": (chain(Select(name="größe", inputs=("x",))), "gr\\xf6\\xdfe"),
    "name used twice": (chain(Select(name="x", inputs=("x",))), "x"),
    "undefined input": (chain(Select(name="v", inputs=("z",))), "v"),
    "input defined later": (lambda: Graph((X, Select(name="v", inputs=("y",)), replace(Y, inputs=("x",)))), "v"),
    "input missing": (chain(Select(name="v")), "v"),
    "input too many": (chain(Select(name="v", inputs=("x", "x"))), "v"),
    "linear without weights": (chain(Linear(name="v", inputs=("x",))), "v"),
    "sum of nothing": (chain(Add(name="v", coefficients=())), "v"),
    "concatenation of nothing": (chain(Concat(name="v", axis=0)), "v"),
    "coefficient missing": (chain(Add(name="v", inputs=("x", "x"), coefficients=(ONE,))), "v"),
    "output that is read": (lambda: Graph((X, replace(Y, inputs=("x",)), Select(name="v", inputs=("y",)))), "y"),
    "no output": (lambda: Graph((X,)), ""),
    "no input": (lambda: Graph((W, replace(Y, inputs=("w",)))), ""),
    "weights of another width": (
        chain(Const(name="w", value=frozen_ints([[1, 2]])), Linear(name="v", inputs=("x", "w"))), "v"
    ),
    "groups that do not divide": (chain(W, Linear(name="v", inputs=("x", "w"), groups=2)), "v"),
    "kernel of another rank": (
        chain(Const(name="w", value=frozen_ints(np.ones((1, 2, 3), int))), Linear(name="v", inputs=("x", "w"))), "v"
    ),
    "kernel larger than the image": (
        chain(MaxPool(name="v", inputs=("x",), kernel=(3, 3), strides=(1, 1), dilations=(2, 1)), first=IMAGE), "v"
    ),
    "pool of another rank": (
        chain(MaxPool(name="v", inputs=("x",), kernel=(3,), strides=(1,), dilations=(1,)), first=IMAGE), "v"
    ),
    "pad of another rank": (chain(Pad(name="v", inputs=("x",), before=(1,), after=(1,)), first=IMAGE), "v"),
    "axis out of range": (chain(Concat(name="v", inputs=("x", "x"), axis=1)), "v"),
    "shapes that cannot be added": (
        chain(replace(W, value=frozen_ints([1, 2])), Add(name="v", inputs=("x", "w"), coefficients=(ONE, ONE))), "v"
    ),
    "curves for other channels": (chain(Step(name="v", inputs=("x",), curves=(Cuts(0, []),) * 2)), "v"),
    "rows for other channels": (chain(table(np.zeros((2, 8), int))), "v"),
    "table too short": (chain(table(np.zeros((1, 7), int))), "v"),
    "table that starts too late": (chain(table(np.zeros((1, 8), int), lo=1)), "v"),
    "position outside": (chain(Reindex(name="v", inputs=("x",), index=frozen_ints([0, 3]))), "v"),
    "negative position": (chain(Reindex(name="v", inputs=("x",), index=frozen_ints([-1]))), "v"),
    "more than all elements": (chain(Select(name="v", inputs=("x",), k=4)), "v"),
    "no element": (chain(Select(name="v", inputs=("x",), k=0)), "v"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_verifier_refuses(name: str) -> None:
    make, where = BAD[name]
    with pytest.raises(IsobitError) as caught:
        verify(make())
    assert (caught.value.code, caught.value.where) == ("E401", where)


@given(graphs)
def test_verifier_returns_a_good_graph(graph: Graph) -> None:
    assert verify(graph) is graph
