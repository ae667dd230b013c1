"""Graphs that mean nothing are refused by a rule, whatever they say; every other one runs."""

from __future__ import annotations

import re
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isobit.backends.dataflow.backend import Dataflow
from isobit.errors import IsobitError
from isobit.hardware import load_board
from isobit.interp import Evaluator
from isobit.ir import Graph, parse_graph, print_graph
from isobit.passes import optimise
from tests.ir.random_graphs import random_graph, random_inputs

IMAGE = "x : _ = input() shape=[4,5,2] lo=[-3,0] hi=[7]"
FACTOR = "f : _ = input() shape=[1,1,2] lo=[-3,0] hi=[7]"
VECTOR = "x : _ = input() shape=[2] lo=[-3,0] hi=[7]"
CONV = [IMAGE, "w : _ = const() value=[[[[1,2],[3,4]],[[5,6],[7,8]]]]"]
DENSE = [VECTOR, "w : _ = const() value=[[1,2]]"]
RESULT = "y : _ = output(v)"


def text(*lines: str) -> str:
    """A graph whose ``v`` is its output."""
    return "\n".join(["isobit graph 1", *lines, RESULT]) + "\n"


def conv(attributes: str) -> str:
    return text(*CONV, f"v : _ = linear(x, w) {attributes}")


def of(line: str, first: str = IMAGE) -> str:
    return text(first, f"v : _ = {line}")


def given_as(attributes: str) -> str:
    """An input with these attributes after ``shape=[2] lo=[-3,0] hi=[7]``; later ones win."""
    return text("v : _ = input() " + attributes)


HOST = 'shape=[2] lo=[0] hi=[7] outside_shape=[2] host=[{"kind":"%s","values":[%s],"shape":[%s]}]'
QUANTISER = 'shape=[2] lo=[0] hi=[7] quantiser={"scale":[%s],"zero_point":["0x0p+0"],"rounding":"%s","lo":%s,"hi":%s}'
HALF = '"0x1p-1"'
CUTS = '{"start":0,"cuts":[1]}'
NONSENSE: dict[str, tuple[str, str]] = {
    "lo above hi": (given_as("shape=[2] lo=[0,9] hi=[7]"), "lo is above hi in channel 1"),
    "no axes": (given_as("shape=[] lo=[0] hi=[7]"), "at least one axis"),
    "an empty axis": (given_as("shape=[0,2] lo=[0] hi=[7]"), "must be 1 or more"),
    "a negative axis": (given_as("shape=[-2] lo=[0] hi=[7]"), "must be 1 or more"),
    "an axis of one half": (given_as("shape=[0.5] lo=[0] hi=[7]"), "list of integers"),
    "an axis that is true": (given_as("shape=[true] lo=[0] hi=[7]"), "list of integers"),
    "too many elements": (given_as("shape=[999999,999999] lo=[0] hi=[7]"), "elements"),
    "too many axes": (given_as("shape=[1,1,1,1,1,1,1,1,1] lo=[0] hi=[7]"), "axes"),
    "a bound for another number of channels": (given_as("shape=[2] lo=[0,0,0] hi=[7]"), "3 entries for 2 channels"),
    "bounds as a matrix": (given_as("shape=[2] lo=[[0,0]] hi=[7]"), "1 axes"),
    "no scale": (given_as("shape=[2] lo=[0] hi=[7] scale=[]"), "not empty"),
    "a scale of zero": (given_as('shape=[2] lo=[0] hi=[7] scale=["0"]'), "scale is zero"),
    "a scale for another number of channels": (given_as('shape=[2] lo=[0] hi=[7] scale=["1","1","1"]'), "3 entries"),
    "a host operation that nobody knows": (given_as(HOST % ("explode", "", "")), "no operation 'explode'"),
    "a host operation of the wrong length": (given_as(HOST % ("add", HALF, "2")), "1 constants"),
    "a transpose that is none": (given_as(HOST % ("transpose", "", "0,0")), "no order of axes"),
    "a clip to nothing": (given_as(HOST % ("clip", '"0x1p1","0x1p0"', "")), "no number lies"),
    "a quantiser with a scale of zero": (given_as(QUANTISER % ('"0x0p+0"', "ROUND", 0, 7)), "positive"),
    "a quantiser with an infinite scale": (given_as(QUANTISER % ('"inf"', "ROUND", 0, 7)), "positive"),
    "a quantiser that rounds upwards and downwards": (given_as(QUANTISER % (HALF, "BOTH", 0, 7)), "'BOTH'"),
    "a quantiser of no integers": (given_as(QUANTISER % (HALF, "ROUND", 7, 0)), "no integer lies"),
    "stride 0": (conv("strides=[0,1] dilations=[1,1]"), "strides [0, 1] must be 1 or more"),
    "stride -1": (conv("strides=[1,-1] dilations=[1,1]"), "must be 1 or more"),
    "dilation 0": (conv("strides=[1,1] dilations=[1,0]"), "dilations [1, 0] must be 1 or more"),
    "one stride of two": (conv("strides=[1] dilations=[1,1]"), "kernel of 2 axes with strides [1]"),
    "a convolution without strides": (conv("dilations=[1,1]"), "kernel of 2 axes"),
    "strides on a dense layer": (text(*DENSE, "v : _ = linear(x, w) strides=[1]"), "kernel of 0 axes with strides [1]"),
    "dilations on a dense layer": (text(*DENSE, "v : _ = linear(x, w) dilations=[2]"), "kernel of 0 axes"),
    "groups that do not divide": (text(*DENSE, "v : _ = linear(x, w) groups=2"), "do not fit"),
    "no groups": (text(*DENSE, "v : _ = linear(x, w) groups=0"), "groups [0] must be 1 or more"),
    "groups of one half": (text(*DENSE, "v : _ = linear(x, w) groups=0.5"), "list of integers"),
    "weights that are a vector": (text(VECTOR, "w : _ = const() value=[1,2]", "v : _ = linear(x, w)"), "v"),
    "no constant": (text(VECTOR, "v : _ = const() value=[]"), "not empty"),
    "coefficients for other channels": (of("add(x) coefficients=[[1,2,3]]", VECTOR), "3 coefficients for 2 channels"),
    "a product with a constant": (text(*CONV, "v : _ = product(x, w)"), "a constant factor"),
    "a product of one value": (of("product(x)"), "needs 2 inputs and has 1"),
    "a factor in front": (text(FACTOR, IMAGE, "v : _ = product(f, x)"), "a factor of shape (4, 5, 2) for (1, 1, 2)"),
    "a factor without axes": (text(VECTOR.replace("x", "f"), IMAGE, "v : _ = product(x, f)"), "a factor of shape (2,)"),
    "coefficients as a matrix": (of("add(x) coefficients=[[[1,2]]]", VECTOR), "1 axes"),
    "a coefficient too many": (of("add(x) coefficients=[[1],[1]]", VECTOR), "one coefficient per input"),
    "a step without curves": (of("step(x) curves=[]", VECTOR), "needs a curve"),
    "a curve too many": (of(f"step(x) curves=[{CUTS},{CUTS},{CUTS}]"), "3 curves for 2"),
    "a shift by a million": (of('step(x) curves=[{"m":1,"c":0,"k":1000000,"clamp":[0,1]}]'), "a shift of 1000000 bits"),
    "a table as a list": (of("table(x) lo=[-3] values=[0,1,2,3,4,5,6,7,8,9,10]", VECTOR), "2 axes"),
    "a table with another number of starts": (
        of("table(x) lo=[-3,-3,-3] values=[[0,1,2,3,4,5,6,7,8,9,10]]", VECTOR), "3 first entries for 2 channels"
    ),
    "a window of nothing": (of("maxpool(x) kernel=[0,1] strides=[1,1] dilations=[1,1]"), "must be 1 or more"),
    "a pool that stands still": (of("maxpool(x) kernel=[1,1] strides=[0,1] dilations=[1,1]"), "must be 1 or more"),
    "a pool of other axes": (of("maxpool(x) kernel=[1] strides=[1,1] dilations=[1,1]"), "one entry per spatial axis"),
    "a pool along the channels": (of("maxpool(x) kernel=[1,1,1] strides=[1,1,1] dilations=[1,1,1]"), "maxpool"),
    "a negative pad": (of("pad(x) before=[-1,0] after=[0,0]"), "before [-1, 0] must be 0 or more"),
    "a pad without an end": (of("pad(x) before=[1,0] after=[0]"), "one entry per spatial axis"),
    "a pad with one half": (of("pad(x) before=[1,0] after=[0,0] value=0.5"), "E402"),
    "a pad beyond every memory": (of("pad(x) before=[999999999,0] after=[0,0]"), "elements"),
    "a concatenation along one half": (of("concat(x, x) axis=0.5"), "axis must be an integer"),
    "a concatenation along no axis": (of("concat(x, x) axis=3"), "axis 3"),
    "an empty movement": (of("reindex(x) index=[]"), "not empty"),
    "a movement from outside": (of("reindex(x) index=[40]"), "outside the 40 elements"),
    "a selection of none": (of("select(x) k=0"), "0 of 2"),
    "a selection of one half": (of("select(x) k=0.5"), "k must be an integer"),
    "a source that is no list": (of("select(x) source=5"), "source must be a list of texts"),
}  # fmt: skip


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_is_refused_by_its_rule(name: str) -> None:
    nonsense, said = NONSENSE[name]
    with pytest.raises(IsobitError) as caught:
        parse_graph(nonsense)
    assert said in str(caught.value)
    assert caught.value.code in ("E401", "E402")
    assert caught.value.where in ("v", "line 3")


EDITS = (
    "0",
    "1",
    "-1",
    "2",
    "7",
    "99999999",
    "-3",
    "0.5",
    "true",
    "null",
    '""',
    "[]",
    "[1]",
    '"1/0"',
    "1e9",
    "x",
    "{}",
)
BUDGET = 1 << 20


def edited(graph: Graph, rng: Random) -> str:
    """The graph's text with a token or a character of an attribute changed, or a line gone or written twice."""
    lines = print_graph(graph).splitlines()
    number = rng.randrange(1, len(lines))
    kind = rng.random()
    if kind < 0.1:
        lines.insert(number, lines[number])
    elif kind < 0.2:
        del lines[number]
    elif kind < 0.3:
        at = rng.randrange(len(lines[number]))
        lines[number] = lines[number][:at] + rng.choice('[]{}",:-0123456789xy= ') + lines[number][at + 1 :]
    else:
        tokens = list(re.finditer(r'-?\d+|"[^"]*"|\b[a-z_]+\d*\b', lines[number]))
        token = rng.choice(tokens)
        lines[number] = lines[number][: token.start()] + rng.choice(EDITS) + lines[number][token.end() :]
    return "\n".join(lines) + "\n"


@settings(max_examples=300)
@given(st.integers(0, 2**32))
def test_an_edited_graph_is_refused_with_a_code_or_runs(seed: int) -> None:
    rng = Random(seed)
    changed = edited(random_graph(rng), rng)
    try:
        graph = parse_graph(changed)
    except IsobitError as refusal:
        assert refusal.code in ("E401", "E402") and refusal.message
        return
    assert parse_graph(print_graph(graph)).digest == graph.digest
    if sum(t.size for t in graph.types.values()) < BUDGET:
        made = Evaluator(graph).run(random_inputs(graph, rng, 2))
        for name, values in made.items():
            kind = graph.types[name]
            assert values.shape == (2, *kind.shape)
            assert (values >= kind.lo).all() and (values <= kind.hi).all()


def test_weights_at_run_time_run_and_are_planned() -> None:
    lines = [VECTOR, "w : _ = input() shape=[3,2] lo=[-2] hi=[2]", "v : _ = linear(x, w)"]
    graph = optimise(parse_graph(text(*lines)))
    assert Evaluator(graph).run({"x": np.array([[1, 2]]), "w": np.ones((1, 3, 2), int)})["y"].tolist() == [[3, 3, 3]]
    plan = Dataflow().plan(graph, load_board("pynq-z1"), Dataflow().request())
    assert plan.layers["v"].implementation == "streamed_dense"
