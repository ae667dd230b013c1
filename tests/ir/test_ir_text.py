"""The graph as text: what it looks like, that it reads back, and what is refused."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import given

from isobit.errors import IsobitError
from isobit.ir import OPS, Graph, HostOp, Quantiser, frozen_ints, parse_graph, print_graph
from isobit.ir.ops import Add, Const, Input, Linear, Output, Pad, Step, Table
from isobit.numerics import Cuts, MultiplyShift, Rounded, Rounding
from tests.ir.random_graphs import MAKERS, graphs, random_graph

GOLDEN = """\
isobit graph 1
x : [2] s3{-2..3} = input() shape=[2] lo=[-2] hi=[3] scale=["1/4"] outside="in\\n1" outside_shape=[1,2] \
host=[{"kind":"reshape","values":[],"shape":[2]}] quantiser={"scale":["0x1.0000000000000p-2"],\
"zero_point":["0x0.0p+0"],"rounding":"ROUND","lo":-2,"hi":3}
w : [2,2] s3{-3..2} = const() value=[[1,-3],[2,0]]
dense : [2] s5{-11..9} = linear(x, w) source=["MatMul_0"]
sum : [2] s5{-15..15} = add(dense, x) coefficients=[[1],[2,-2]]
act : [2] s4{-1..4} = step(sum) curves=[{"mul":"1/3","add":"-1/2","round":"HALF_UP","clamp":[-1,4]},\
{"start":0,"cuts":[-3,0,8]}] source=["Relu_1","Quant_2"] rules=["narrow-steps"]
last : [2] u3{0..4} = step(act) curves=[{"m":3,"c":5,"k":2,"clamp":[0,4]}]
y : [2] u3{0..4} = output(last) scale=["1/2","1/3"] outside="out"
"""


def golden() -> Graph:
    one, source = frozen_ints(1), ("Relu_1", "Quant_2")
    curves = (Rounded(Fraction(1, 3), Fraction(-1, 2), Rounding.HALF_UP, -1, 4), Cuts(0, [-3, 0, 8]))
    host, quantiser = (HostOp("reshape", shape=(2,)),), Quantiser((0.25,), (0.0,), "ROUND", -2, 3)
    return Graph(
        (
            Input(
                name="x", shape=(2,), lo=frozen_ints(-2), hi=frozen_ints(3), scale=(Fraction(1, 4),), outside="in\n1",
                outside_shape=(1, 2), host=host, quantiser=quantiser,
            ),
            Const(name="w", value=frozen_ints([[1, -3], [2, 0]])),
            Linear(name="dense", inputs=("x", "w"), source=("MatMul_0",)),
            Add(name="sum", inputs=("dense", "x"), coefficients=(one, frozen_ints([2, -2]))),
            Step(name="act", inputs=("sum",), curves=curves, source=source, rules=("narrow-steps",)),
            Step(name="last", inputs=("act",), curves=(MultiplyShift(3, 5, 2, 0, 4),)),
            Output(name="y", inputs=("last",), scale=(Fraction(1, 2), Fraction(1, 3)), outside="out"),
        )
    )  # fmt: skip


def test_golden_text() -> None:
    assert print_graph(golden()) == GOLDEN
    assert print_graph(parse_graph(GOLDEN)) == GOLDEN


@given(graphs)
def test_text_reads_back(graph: Graph) -> None:
    text = print_graph(graph)
    again = parse_graph(text)
    assert print_graph(again) == text
    assert again.digests == graph.digests
    assert [type(n) for n in again.nodes] == [type(n) for n in graph.nodes]


def test_random_graphs_hold_all_operations() -> None:
    seen = {node.op for seed in range(60) for node in random_graph(Random(seed)).nodes}
    assert len(seen) == len(OPS)
    assert len(MAKERS) == 12


@pytest.mark.parametrize("values", [[0, 127], [-129, 0], [2**31, -1], [2**63, -(2**70)], [2**63 - 1, -(2**63)]])
def test_long_arrays_of_every_width_read_back(values: list[int]) -> None:
    weights = np.array(values * 50, dtype=object).reshape(10, 10)
    graph = Graph(
        (
            Input(name="x", shape=(10,), lo=frozen_ints(0), hi=frozen_ints(1)),
            Const(name="w", value=frozen_ints(weights)),
            Linear(name="y", inputs=("x", "w")),
            Output(name="z", inputs=("y",)),
        )
    )
    again = parse_graph(print_graph(graph))
    const = again.by_name["w"]
    assert isinstance(const, Const)
    assert const.value.tolist() == weights.tolist()
    assert not const.value.flags.writeable
    assert again.digest == graph.digest


def test_short_text_says_what_it_leaves_out() -> None:
    nodes = (
        Input(name="x", shape=(20,), lo=frozen_ints(0), hi=frozen_ints(30)),
        Step(name="s", inputs=("x",), curves=tuple(Cuts(0, [c]) for c in range(20))),
        Table(name="t", inputs=("s",), lo=frozen_ints(0), values=frozen_ints(np.arange(40).reshape(20, 2))),
        Output(name="y", inputs=("t",)),
    )
    text = print_graph(Graph(nodes), full=False)
    assert "... 12 more" in text
    assert "<20x2 sha256:" in text
    with pytest.raises(IsobitError) as caught:
        parse_graph(text)
    assert caught.value.code == "E402"


def test_the_type_in_the_text_is_a_comment() -> None:
    wrong = GOLDEN.replace("[2] s5{-11..9}", "[7] u1{0..1}")
    assert print_graph(parse_graph(wrong)) == GOLDEN


def test_pads_keep_their_value_and_defaults_are_left_out() -> None:
    def padded(value: int) -> str:
        nodes = (
            Input(name="x", shape=(3, 1), lo=frozen_ints(0), hi=frozen_ints(1)),
            Pad(name="p", inputs=("x",), before=(1,), after=(0,), value=value),
            Output(name="y", inputs=("p",)),
        )
        return print_graph(Graph(nodes))

    assert "pad(x) before=[1] after=[0]\n" in padded(0)
    assert "value=-5" in padded(-5)
    assert print_graph(parse_graph(padded(-5))) == padded(-5)


BROKEN = {
    "empty": "",
    "other header": "isobit graph 2\n",
    "no equals": "x : [2]",
    "unknown operation": "x : [2] u1{0..1} = frobnicate()",
    "unknown attribute": 'x : [1] u1{0..1} = input() shape=[1] lo=[0] hi=[1] colour="red"',
    "missing attribute": "x : [1] u1{0..1} = input() shape=[1] lo=[0]",
    "broken JSON": "x : [1] u1{0..1} = input() shape=[1 lo=[0] hi=[1]",
    "no JSON at all": "x : [1] u1{0..1} = input() shape= lo=[0] hi=[1]",
    "float integers": "x : [1] u1{0..1} = input() shape=[1] lo=[0.5] hi=[1]",
    "no fraction": 'x : [1] u1{0..1} = input() shape=[1] lo=[0] hi=[1] scale=["one"]',
    "zero denominator": 'x : [1] u1{0..1} = input() shape=[1] lo=[0] hi=[1] scale=["1/0"]',
    "bad base64": 'w : [1] u1{0..1} = const() value={"shape":[1],"kind":"<i1","z":"%%"}',
    "bad compression": 'w : [1] u1{0..1} = const() value={"shape":[1],"kind":"<i1","z":"AAAA"}',
    "unsorted cuts": 's : [1] u1{0..1} = step(x) curves=[{"start":0,"cuts":[2,1]}]',
    "empty clamp": 's : [1] u1{0..1} = step(x) curves=[{"m":1,"c":0,"k":0,"clamp":[2,1]}]',
    "unknown rounding": 's : [1] u1{0..1} = step(x) curves=[{"mul":"1","add":"0","round":"UPP","clamp":[0,1]}]',
    "name with a space": "a b : [1] u1{0..1} = input() shape=[1] lo=[0] hi=[1]",
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_text_is_refused_with_its_line(name: str) -> None:
    text = BROKEN[name]
    whole = text if name in ("empty", "other header") else "isobit graph 1\n\n" + text + "\n"
    with pytest.raises(IsobitError) as caught:
        parse_graph(whole)
    assert caught.value.code == "E402"
    assert caught.value.where == ("line 1" if whole == text else "line 3")


def test_text_that_is_no_well_formed_graph() -> None:
    with pytest.raises(IsobitError) as caught:
        parse_graph(GOLDEN.replace("linear(x, w)", "linear(x, v)"))
    assert (caught.value.code, caught.value.where) == ("E401", "dense")
