"""Layers that cannot be built, or not so fast: they are named, the true cause is said, what is advised does help."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from isobit.backends.dataflow.layer import LayerChoice
from isobit.backends.dataflow.planner import PlanRequest, plan_for
from isobit.backends.dataflow.planner.steps import candidates
from isobit.errors import IsobitError
from isobit.hardware import load_board
from isobit.ir import Graph, frozen_ints, verify
from isobit.ir.ops import Input, Output, Reindex
from isobit.numerics import Cuts, MultiplyShift
from isobit.passes import optimise
from tests.passes.graphs import given, graph, out, rounded, step

WIDE = 1 << 40
BOARD = load_board("pynq-z1")


def requantised(scale: Fraction, bits: int) -> Graph:
    """A sum of 41 bits rounded half to even to so many bits."""
    top = (1 << bits - 1) - 1
    return optimise(graph(given(1, lo=-WIDE, hi=WIDE), step("f", "x", rounded(scale, lo=-top, hi=top)), out("f")))


def test_a_wide_output_of_two_roundings_is_refused_with_its_cause_and_what_helps() -> None:
    cuts = Cuts(0, np.arange(400) ** 2)
    with pytest.raises(IsobitError) as caught:
        plan_for(graph(given(1, lo=-WIDE, hi=WIDE), step("f", "x", cuts), out("f")), BOARD, PlanRequest())
    refused = caught.value
    assert (refused.code, refused.where) == ("E504", "f")
    assert "400 levels" in refused.message
    assert "half_even: the levels are not those of ties to even on a line" in refused.message
    assert refused.hint.startswith("at most 8 bits of output, or one rounding where there are two")


@pytest.mark.parametrize(
    ("scale", "bits", "body"),
    [
        (Fraction(1, 1 << 24), 16, "round_shift"),
        (Fraction(1, 19_928_648), 16, "half_even"),
        (Fraction(1, 19_928_648 << 8), 8, "half_even"),
    ],
)
def test_what_the_refusal_advises_is_built(scale: Fraction, bits: int, body: str) -> None:
    plan = plan_for(requantised(scale, bits), BOARD, PlanRequest())
    assert plan.layers["f"].implementation == body


def test_a_transpose_between_rows_and_columns_is_named_with_its_cause() -> None:
    """Its words change from pixels of a row to pixels of a column: it takes the whole frame in first."""
    index = np.arange(8 * 6 * 2).reshape(8, 6, 2).transpose(1, 0, 2)
    x = Input(name="x", shape=(8, 6, 2), lo=frozen_ints(-8), hi=frozen_ints(7))
    turned = Reindex(name="turned", inputs=("x",), index=frozen_ints(np.ascontiguousarray(index)))
    net = verify(Graph((x, turned, Output(name="y", inputs=("turned",)))))
    assert plan_for(net, BOARD, PlanRequest()).layers["turned"].implementation == "reorder"
    with pytest.raises(IsobitError) as caught:
        plan_for(net, BOARD, PlanRequest(samples=2))
    assert (caught.value.code, caught.value.where) == ("E503", "turned")
    assert "a transpose" in caught.value.hint


def test_products_of_other_clamps_are_no_product_with_one_clamp() -> None:
    """Channels that end at different levels are looked up; where an end is not reached, it may be any."""
    other, same = MultiplyShift(2, -178, 6, -2, 2), MultiplyShift(1, 40, 3, 0, 15)
    for curves, built in (
        ((MultiplyShift(1, 29, 0, 1, 5), other), False),
        ((same, MultiplyShift(1, 40, 3, -5, 15)), True),
    ):
        made = graph(given(2, lo=[-32, -32], hi=[16, 16]), step("f", "x", *curves), out("f"))
        found = {c.implementation: c for c in candidates(made, made.by_name["f"], 1, BOARD)}
        assert found["multiply_shift"].possible is built
        asked = PlanRequest(layers={"f": LayerChoice(implementation="multiply_shift")})
        if not built:
            with pytest.raises(IsobitError) as caught:
                plan_for(made, BOARD, asked)
            assert caught.value.code == "E503" and "different levels" in caught.value.message
        else:
            assert plan_for(made, BOARD, asked).layers["f"].implementation == "multiply_shift"
