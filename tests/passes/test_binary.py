"""Maps of two values as bits: where the rule fires, with equal real outputs on all inputs, and where it must not."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest

from isobit.ir import Node, frozen_ints
from isobit.ir.ops import Concat, MaxPool, Pad, Reindex, Select, Step
from isobit.numerics import Cuts, MultiplyShift
from tests.passes.graphs import add, const, fires, given, linear, out, rests, rounded, step

NAME = "two-values-to-bits"
SIGN = MultiplyShift(2, 1, 0, -1, 1)
X = given(2)
WEIGHTS = const([[1, -1], [-1, -1], [1, 3]])
LAYER = [X, step("s", "x", SIGN), WEIGHTS, linear("d", "s")]


def bits(*nodes: Node) -> None:
    after = fires(NAME, *nodes)
    assert str(after.types["s"]).endswith("u1{0..1}")


@pytest.mark.parametrize("curves", [
    (rounded("1/3"),), (rounded("1/3"), Cuts(-1, [-1, -1, 2]), MultiplyShift(3, 1, 1, -2, 2)),
])  # fmt: skip
def test_behind_the_layer_a_step_takes_it(curves: tuple[Any, ...]) -> None:
    bits(*LAYER, step("t", "d", *curves), out("t"))


def test_an_output_takes_it() -> None:
    bits(*LAYER, out("d"))


def test_a_selection_reads_a_sum() -> None:
    bits(*LAYER, Select(name="k", inputs=("d",)), out("k"))


@pytest.mark.parametrize("curve", [Cuts(-3, [1] * 5), Cuts(0, [-2, -2, -2]), Cuts(7, [0, 0])])
def test_any_two_values_that_lie_apart(curve: Cuts) -> None:
    bits(X, step("s", "x", curve), WEIGHTS, linear("d", "s"), step("t", "d", rounded("1/4")), out("t"))


def test_channels_that_never_change_keep_one_of_the_two() -> None:
    curves = (Cuts(-1, [2, 2]), Cuts(1, []))
    bits(X, step("s", "x", *curves), WEIGHTS, linear("d", "s"), step("t", "d", rounded("1/2")), out("t"))


def test_several_layers_that_read_it() -> None:
    second = [const([[2, 0]], "v"), linear("e", "s", "v"), step("u", "e", rounded(1)), out("u", "z")]
    bits(*LAYER, step("t", "d", rounded("1/3")), step("r", "d", rounded("1/5")), out("t"), out("r", "q"), *second)


def image(value: int | None) -> list[Node]:
    """A pool, a border and a convolution behind the step."""
    nodes: list[Node] = [
        given(5, 2, lo=-2, hi=2), step("s", "x", SIGN),
        MaxPool(name="p", inputs=("s",), kernel=(2,), strides=(1,), dilations=(1,)),
    ]  # fmt: skip
    if value is not None:
        nodes.append(Pad(name="b", inputs=("p",), before=(1,), after=(2,), value=value))
    kernel = const(np.where(np.arange(3 * 2 * 2) % 3, 1, -1).reshape(3, 2, 2))
    conv = linear("d", "b" if value is not None else "p", strides=(1,), dilations=(1,))
    return [*nodes, kernel, conv, step("t", "d", rounded("1/2")), out("t")]


@pytest.mark.parametrize("value", [None, -1, 1])
def test_through_pools_and_borders_of_the_two(value: int | None) -> None:
    bits(*image(value))


def test_through_movements() -> None:
    turned = Reindex(name="r", inputs=("s",), index=frozen_ints([1, 0]))
    bits(X, step("s", "x", SIGN), turned, WEIGHTS, linear("d", "r"), step("t", "d", rounded("1/3")), out("t"))


def test_it_rests() -> None:
    t = step("t", "d", rounded("1/3"))
    rests(NAME, *image(0))  # a border of zeros is a third value
    rests(NAME, X, step("s", "x", rounded("1/3", lo=-1, hi=1)), WEIGHTS, linear("d", "s"), t, out("t"))
    rests(NAME, X, step("s", "x", Cuts(-1, [0, 1])), WEIGHTS, linear("d", "s"), t, out("t"))  # 0 lies between
    rests(NAME, X, step("s", "x", Cuts(-1, [0])), WEIGHTS, linear("d", "s"), t, out("t"))  # two values of one bit each
    rests(NAME, *LAYER, t, out("t"), out("s", "z"))
    rests(NAME, *LAYER, t, out("t"), out("d", "z"))
    rests(NAME, *LAYER, add("a", ("d", 1), ("d", 2)), out("a"))
    rests(NAME, *LAYER[:2], Concat(name="c", inputs=("s", "x"), axis=0), out("c"))
    rests(NAME, X, step("s", "x", SIGN), given(3, 2, name="w"), linear("d", "s"), t, out("t"))
    rests(NAME, X, step("s", "x", SIGN), step("t", "s", rounded("1/2")), out("t"))


def test_random_layers() -> None:
    rng = Random(4)
    for _ in range(40):
        width, outputs, low = rng.randint(1, 4), rng.randint(1, 3), rng.randint(-9, 3)
        jump = rng.randint(2, 5)
        curves = [Cuts(low, [rng.randint(-3, 4)] * jump) for _ in range(rng.choice([1, width]))]
        weights = [[rng.randint(-5, 5) for _ in range(width)] for _ in range(outputs)]
        behind = [rounded(f"{rng.randint(1, 9)}/7", rng.randint(-5, 5)) for _ in range(rng.choice([1, outputs]))]
        source: Step = step("s", "x", *curves)
        nodes = (given(width), source, const(weights), linear("d", "s"), step("t", "d", *behind), out("t"))
        fires(NAME, *nodes)
