"""Small graphs for the passes, and the law that every pass obeys: no real output changes."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from random import Random
from typing import Any

import numpy as np

from isobit.interp import run
from isobit.ir import Graph, Node, frozen_ints, toposort, verify
from isobit.ir.ops import Add, Const, Input, Linear, Output, Step
from isobit.numerics import Rounded, Rounding
from isobit.passes import PIPELINE, Rule, apply_rule


def given(*shape: int, lo: Any = -4, hi: Any = 4, name: str = "x") -> Input:
    return Input(name=name, shape=shape, lo=frozen_ints(lo), hi=frozen_ints(hi))


def const(values: Any, name: str = "w") -> Const:
    return Const(name=name, value=frozen_ints(np.array(values, dtype=object)))


def rounded(mult: Any, offset: Any = 0, lo: int = -3, hi: int = 3, mode: Rounding = Rounding.ROUND) -> Rounded:
    return Rounded(Fraction(mult), Fraction(offset), mode, lo, hi)


def step(name: str, x: str, *curves: Any) -> Step:
    return Step(name=name, inputs=(x,), curves=curves)


def linear(name: str, x: str, w: str = "w", **attributes: Any) -> Linear:
    return Linear(name=name, inputs=(x, w), **attributes)


def add(name: str, *terms: tuple[str, Any]) -> Add:
    return Add(name=name, inputs=tuple(t for t, _ in terms), coefficients=tuple(frozen_ints(c) for _, c in terms))


def out(x: str, name: str = "y", **attributes: Any) -> Output:
    return Output(name=name, inputs=(x,), **attributes)


def graph(*nodes: Node) -> Graph:
    return verify(Graph(nodes))


def some_inputs(g: Graph, rng: Random, most: int = 400) -> dict[str, Any]:
    """All inputs where there are few, else random ones that hold the ends of the intervals."""
    ends = [
        (int(t.lo[i % t.channels]), int(t.hi[i % t.channels]))
        for t in (g.types[n.name] for n in g.inputs)
        for i in range(t.size)
    ]
    if np.prod([float(hi - lo + 1) for lo, hi in ends]) <= most:
        rows = np.array(list(product(*(range(lo, hi + 1) for lo, hi in ends))), dtype=object)
    else:
        rows = np.array(
            [[rng.choice((lo, hi, rng.randint(lo, hi))) for lo, hi in ends] for _ in range(40)], dtype=object
        )
    parts = np.split(rows, np.cumsum([g.types[n.name].size for n in g.inputs])[:-1], axis=1)
    return {n.name: part.reshape(-1, *n.shape) for n, part in zip(g.inputs, parts, strict=True)}


def real_outputs(g: Graph, inputs: dict[str, Any]) -> dict[str, Any]:
    """Every output as exact rationals: scale * integer + offset."""
    values = run(g, inputs)
    return {
        o.name: values[o.name].astype(object) * np.array(o.scale, object) + np.array(o.offset, object)
        for o in g.outputs
    }


def moved(before: Graph, after: Graph, inputs: dict[str, Any]) -> dict[str, Any]:
    """The same inputs for a graph whose host hands them over transposed."""
    made = {}
    for node in after.inputs:
        array = inputs[node.name]
        for op in node.host[len(next(n for n in before.inputs if n.name == node.name).host) :]:
            assert op.kind == "transpose"
            array = array.transpose(0, *(a + 1 for a in op.shape))
        made[node.name] = array
    return made


def assert_same_reals(before: Graph, after: Graph, seed: int = 0) -> None:
    """Equal, or the first wrong element of the first wrong output is named."""
    inputs = some_inputs(before, Random(seed))
    wanted, got = real_outputs(before, inputs), real_outputs(after, moved(before, after, inputs))
    assert list(got) == list(wanted)
    for name, values in wanted.items():
        wrong = np.argwhere(got[name] != values)
        assert not len(wrong), (name, wrong[0].tolist())


RULES = {entry.name: entry for entry in PIPELINE if isinstance(entry, Rule)}


def kinds(g: Graph) -> list[str]:
    """The operations in order, constants left out."""
    return [n.op for n in g.nodes if not isinstance(n, Const)]


def fires(name: str, *nodes: Node) -> Graph:
    """The graph after a rule that must fire, keep every real output, and then rest."""
    before = graph(*nodes)
    after = apply_rule(before, RULES[name])
    assert after is not before
    assert any(name in n.rules for n in after.nodes)
    assert_same_reals(before, after)
    assert apply_rule(after, RULES[name]) is after
    return after


def rests(name: str, *nodes: Node) -> None:
    """The rule must leave the graph as it is."""
    before = graph(*nodes)
    assert apply_rule(before, RULES[name]) is before


PAIR = given(2)
W = const([[3, -2], [1, 5]])
SQUARE = [PAIR, W, linear("d", "x")]


def random_mlp(rng: Random, layers: int = 3) -> Graph:
    """Dense layers with biases, falling channels, chained and dead requantizers, and a residual join."""
    width = rng.randint(1, 4)
    nodes: list[Node] = [given(width, lo=[rng.randint(-9, 0) for _ in range(width)], hi=rng.randint(0, 9))]
    x = "x"
    for i in range(layers):
        fan_in, width = width, rng.randint(1, 4)
        weights = [[rng.randint(-7, 7) * rng.randint(0, 1) for _ in range(fan_in)] for _ in range(width)]
        nodes += [const(weights, f"w{i}"), linear(f"d{i}", x, f"w{i}")]
        x = f"d{i}"
        if rng.random() < 0.5:
            factors = [rng.choice([1, -1, 1, 3]) for _ in range(width)]
            nodes.append(add(f"k{i}", (x, factors)))
            x = f"k{i}"
        if rng.random() < 0.5:
            nodes += [
                const([rng.randint(-30, 30) for _ in range(width)], f"b{i}"),
                add(f"a{i}", (x, 1), (f"b{i}", rng.choice([1, -2]))),
            ]
            x = f"a{i}"
        for j in range(rng.randint(1, 2)):
            nodes.append(step(f"s{i}{j}", x, *(_requantizer(rng) for _ in range(rng.choice([1, width])))))
            x = f"s{i}{j}"
        if fan_in == width and rng.random() < 0.3:
            previous = nodes[0].name if i == 0 else f"s{i - 1}0"
            nodes.append(add(f"r{i}", (x, 2), (previous, -3)))
            x = f"r{i}"
    nodes += [const([rng.randint(-5, 5)], "last"), add("sum", (x, 1), ("last", 2))]
    scale = tuple(Fraction(rng.randint(1, 9), 8) for _ in range(rng.choice([1, width])))
    return verify(Graph(toposort([*nodes, out("sum", scale=scale, offset=(Fraction(1, 3),))])))


def _requantizer(rng: Random) -> Rounded:
    mult = Fraction(rng.randint(1, 40), rng.choice([16, 37, 100, 1000]))
    lo = rng.randint(-8, 0)
    return rounded(mult, Fraction(rng.randint(-40, 40), 10), lo, lo + rng.randint(0, 15), rng.choice(list(Rounding)))
