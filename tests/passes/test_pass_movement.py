"""Permutations that disappear, and equal values that are merged: where these rules fire and where they must not."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from isobit.ir import frozen_ints
from isobit.ir.ops import HostOp, Linear, Reindex
from isobit.passes import MergeEqual
from tests.passes.graphs import (
    PAIR,
    W,
    add,
    assert_same_reals,
    const,
    fires,
    given,
    graph,
    kinds,
    linear,
    out,
    rests,
    rounded,
    step,
)


def flatten(order: object, name: str = "f", x: str = "x") -> Reindex:
    return Reindex(name=name, inputs=(x,), index=frozen_ints(order))


def test_a_permuting_flatten_permutes_the_weights() -> None:
    image = given(2, 2)
    after = fires("absorb-permutation", image, flatten([0, 2, 1, 3]), const([[1, 2, 3, 4]]), linear("d", "f"), out("d"))
    (plain,) = [n for n in after.nodes if isinstance(n, Reindex)]
    assert plain.index.tolist() == [0, 1, 2, 3]


def test_permutations_rest() -> None:
    name, image, w = "absorb-permutation", given(2, 2), const([[1, 2, 3, 4]])
    rests(name, image, flatten([0, 1, 2, 3]), w, linear("d", "f"), out("d"))
    rests(name, image, flatten([0, 1, 1, 3]), w, linear("d", "f"), out("d"))
    rests(name, given(2, 4), flatten([0, 1, 2, 4]), w, linear("d", "f"), out("d"))
    rests(name, image, flatten([0, 2, 1, 3]), given(1, 4, name="w"), linear("d", "f"), out("d"))
    rests(name, image, flatten([0, 2, 1, 3]), const([[1, 2], [3, 4]]), linear("d", "f", groups=2), out("d"))
    rests(name, given(4), flatten([[0, 2, 1, 3]]), w, linear("d", "f"), out("d"))


def test_the_host_transposes_a_raw_input() -> None:
    turned = np.arange(6).reshape(3, 2).T
    after = fires("absorb-input-permutation", given(3, 2), flatten(turned), step("s", "f", rounded("1/2")), out("s"))
    assert after.inputs[0].shape == (2, 3)
    assert after.inputs[0].host == (HostOp("transpose", shape=(1, 0)),)


def test_input_permutations_rest() -> None:
    name, turned = "absorb-input-permutation", np.arange(6).reshape(3, 2).T
    rests(name, given(3, 2), flatten(turned), out("f"), out("x", "z"))
    rests(name, given(3, 2), flatten(np.arange(4).reshape(2, 2)), out("f"))  # a slice
    rests(name, given(3, 2), flatten(np.arange(6)[::-1].reshape(2, 3)), out("f"))
    rests(name, given(3, 2), flatten(np.arange(6)), out("f"))
    rests(name, given(3, 2), flatten(np.arange(6).reshape(3, 2)), out("f"))
    rests(name, given(3, 2, lo=[-1, -2]), flatten(turned), out("f"))
    rests(name, given(3, 2, hi=[1, 2]), flatten(turned), out("f"))
    offset = replace(given(3, 2), offset=(Fraction(0), Fraction(1, 2)))
    rests(name, offset, flatten(turned), out("f"))


def test_movements_that_move_nothing_vanish() -> None:
    after = fires("drop-identity-movements", given(2, 2), flatten([[0, 1], [2, 3]]), out("f"))
    assert kinds(after) == ["input", "output"]
    rests("drop-identity-movements", given(2, 2), flatten([[0, 2], [1, 3]]), out("f"))
    rests("drop-identity-movements", given(2, 2), flatten([0, 1, 2, 3]), out("f"))


# ---------------------------------------------------------------------------------------------------- merge_equal


def test_equal_values_are_merged() -> None:
    nodes = (
        PAIR,
        W,
        const([[3, -2], [1, 5]], "v"),
        linear("d", "x"),
        linear("e", "x", "v"),
        add("z", ("d", 1), ("e", 1)),
    )
    before = graph(*nodes, out("z"))
    after = MergeEqual()(before)
    assert [n.name for n in after.nodes] == ["x", "w", "d", "z", "y"]
    assert_same_reals(before, after)


def test_equal_inputs_and_outputs_and_different_values_stay() -> None:
    before = graph(
        PAIR,
        given(2, name="p"),
        add("z", ("x", 1), ("p", 1)),
        add("s", ("x", 2), ("p", 1)),
        out("z"),
        out("z", "q"),
        out("s", "r"),
    )
    assert MergeEqual()(before) is before


def test_the_same_function_of_different_inputs_stays_twice() -> None:
    before = graph(
        PAIR, given(2, name="p"), add("a", ("x", 2)), add("b", ("p", 2)), add("z", ("a", 1), ("b", 3)), out("z")
    )
    assert MergeEqual()(before) is before
    assert before.digests["a"] != before.digests["b"]


def test_linear_attributes_tell_values_apart() -> None:
    image, w = given(5, 1), const([[[1], [2]]])
    d, e = (Linear(name=n, inputs=("x", "w"), strides=(2,), dilations=(k,)) for n, k in (("d", 1), ("e", 2)))
    before = graph(image, w, d, e, add("z", ("d", 1), ("e", 1)), out("z"))
    assert MergeEqual()(before) is before
