"""Maps of quantisers with a zero point: where they move to fewer bits, with equal real outputs, and where they rest."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from isobit.ir import Node, frozen_ints
from isobit.ir.ops import Concat, MaxPool, Pad, Reindex, Select
from isobit.numerics import Curve, Cuts, MultiplyShift, Rounded, Rounding
from isobit.passes import apply_rule
from isobit.passes.offsets import MoveToFewerBits
from tests.passes.graphs import add, const, fires, given, graph, linear, out, rests, rounded, step

NAME = "move-to-fewer-bits"
ODD = MultiplyShift(3, 1, 2, -5, 10)  # 16 values, of five bits: -8 .. 7 takes four
X = given(2, lo=-40, hi=40)
WEIGHTS = const([[1, -1], [-2, -1], [1, 3]])
LAYER = [X, step("s", "x", ODD), WEIGHTS, linear("d", "s")]
BEHIND = step("t", "d", rounded("1/7"))


def moves(*nodes: Node, kind: str = "s4{-8..7}") -> None:
    after = fires(NAME, *nodes)
    assert str(after.types["s"]).endswith(kind), str(after.types["s"])


@pytest.mark.parametrize(("lo", "hi", "kind"), [(-5, 10, "s4{-8..7}"), (-1, 14, "u4{0..15}"), (3, 18, "u4{0..15}")])
def test_behind_the_layer_a_step_takes_it(lo: int, hi: int, kind: str) -> None:
    moves(X, step("s", "x", MultiplyShift(3, 1, 2, lo, hi)), WEIGHTS, linear("d", "s"), BEHIND, out("t"), kind=kind)


@pytest.mark.parametrize("curve", [
    Cuts(-5, list(range(-20, 25, 3))), Rounded("1/3", "2/7", Rounding.CEIL, -5, 10),
    Rounded("1/3", "1/7", Rounding.UP, -5, 10), Rounded("2/5", "1/9", Rounding.ROUND, -5, 10),
    Rounded("2/5", "1/9", Rounding.HALF_DOWN, -5, 10),
])  # fmt: skip
def test_steps_of_every_form(curve: Curve) -> None:
    moves(X, step("s", "x", curve), WEIGHTS, linear("d", "s"), BEHIND, out("t"))


def test_selections_sums_and_steps_take_it() -> None:
    moves(*LAYER, Select(name="k", inputs=("d",)), out("k"))
    other = given(2, name="z")
    moves(*LAYER[:2], other, add("a", ("s", 3), ("z", -2)), step("t", "a", rounded("1/5")), out("t"))
    moves(*LAYER[:2], add("a", ("s", [3, -1])), step("t", "a", rounded("1/5")), out("t"))
    moves(*LAYER[:2], step("t", "s", rounded("1/2"), MultiplyShift(1, 1, 1, -2, 6)), out("t"))


def test_a_sum_takes_it_in_a_step_of_its_own() -> None:
    halves = [step("p", "x", MultiplyShift(3, 1, 2, 0, 10)), step("n", "x", MultiplyShift(3, 3, 2, -5, 0))]
    moves(X, *halves, add("s", ("p", 1), ("n", 1)), WEIGHTS, linear("d", "s"), BEHIND, out("t"))
    read = step("u", "p", rounded("1/2"))
    both = [X, halves[0], read, add("s", ("p", 1), ("x", 1)), WEIGHTS, linear("d", "s")]
    rests(NAME, *both, BEHIND, out("t"), out("u", "z"))


def test_both_sides_of_a_sum_move() -> None:
    sides = [step("s", "x", ODD), step("r", "x", MultiplyShift(2, 1, 2, -6, 9)), add("a", ("s", 2), ("r", -3))]
    after = fires(NAME, X, *sides, step("t", "a", rounded("1/5")), out("t"))
    assert [str(after.types[name]) for name in "sr"] == ["[2] s4{-8..7}"] * 2


def test_all_readers_at_once() -> None:
    turned = Reindex(name="r", inputs=("s",), index=frozen_ints([1, 0]))
    join = [add("a", ("s", 2), ("r", -7)), step("u", "a", rounded("1/4"))]
    moves(*LAYER, BEHIND, turned, *join, step("v", "r", rounded("1/2")), out("t"), out("u", "q"), out("v", "p"))


@pytest.mark.parametrize("value", [None, -5, 0, 10])
def test_through_pools_and_borders(value: int | None) -> None:
    moves(*image(value))


def test_borders_that_must_stay_zeros_hold_a_map() -> None:
    before = graph(*image(0))
    assert apply_rule(before, MoveToFewerBits(zero_borders=True)) is before
    free = graph(*image(None))
    assert apply_rule(free, MoveToFewerBits(zero_borders=True)) is not free


def image(value: int | None) -> list[Node]:
    """A pool, a border and a convolution behind the step."""
    pool = MaxPool(name="p", inputs=("s",), kernel=(2,), strides=(1,), dilations=(1,))
    border = [Pad(name="b", inputs=("p",), before=(1,), after=(2,), value=value)] if value is not None else []
    kernel = const(np.arange(-5, 7).reshape(3, 2, 2))
    conv = linear("d", "b" if border else "p", strides=(1,), dilations=(1,))
    return [given(5, 2, lo=-40, hi=40), step("s", "x", ODD), pool, *border, kernel, conv, BEHIND, out("t")]


def test_it_rests() -> None:
    whole = Rounded(1, "1/2", Rounding.ROUND, -5, 10)  # ties to even: no product is odd where these are even
    rests(NAME, *image(11))  # a border of a value that the step does not make
    rests(NAME, X, step("s", "x", MultiplyShift(3, 1, 2, -8, 7)), WEIGHTS, linear("d", "s"), BEHIND, out("t"))
    rests(NAME, X, step("s", "x", MultiplyShift(3, 1, 2, 0, 15)), WEIGHTS, linear("d", "s"), BEHIND, out("t"))
    rests(NAME, X, step("s", "x", whole), WEIGHTS, linear("d", "s"), BEHIND, out("t"))
    rests(NAME, *LAYER, out("d"))
    rests(NAME, *LAYER[:2], add("a", ("s", [3, -1])), out("a"))
    rests(NAME, *LAYER, BEHIND, out("t"), out("s", "z"))
    rests(NAME, *LAYER, BEHIND, out("t"), out("d", "z"))
    rests(NAME, *LAYER, add("a", ("d", 1), ("d", 2)), out("a"))
    rests(NAME, *LAYER[:2], Concat(name="c", inputs=("s", "x"), axis=0), out("c"))
    rests(NAME, X, step("s", "x", ODD), given(3, 2, name="w"), linear("d", "s"), BEHIND, out("t"))


def test_random_layers() -> None:
    rng = Random(7)
    for _ in range(40):
        width, outputs, low = rng.randint(1, 4), rng.randint(1, 3), rng.randint(-14, -9)
        factors = [(rng.randint(1, 9), rng.randint(-9, 9)) for _ in range(rng.choice([1, width]))]
        curves = [MultiplyShift(m, c, 2, low, low + 15) for m, c in factors]
        weights = [[rng.randint(-5, 5) for _ in range(width)] for _ in range(outputs)]
        behind = [rounded(f"{rng.randint(1, 9)}/7", rng.randint(-5, 5)) for _ in range(rng.choice([1, outputs]))]
        nodes = (given(width, lo=-60, hi=60), step("s", "x", *curves), const(weights), linear("d", "s"))
        fires(NAME, *nodes, step("t", "d", *behind), out("t"))
