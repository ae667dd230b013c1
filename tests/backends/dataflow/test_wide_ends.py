"""Numbers of a process beyond 32 bits: the ends of a clamp, and the value of a border."""

from __future__ import annotations

from pathlib import Path

import pytest
from backends.dataflow.sampled_nets import built

from isobit.backends.dataflow.catalogue.tables import lookup_candidate
from isobit.backends.dataflow.planner import PlanRequest
from isobit.backends.dataflow.rtl.write import parameters_of
from isobit.check.csim.bounded import bounded_csim
from isobit.hardware import Prices
from isobit.ir import Graph
from isobit.ir.ops import Add, Input, Output, Pad, Step, frozen_ints
from isobit.numerics import MultiplyShift

HUGE = 5_042_291_566


def _clamped(lo: int, hi: int, border: bool = False) -> Graph:
    """Nine bits times a large coefficient, kept between ``lo`` and ``hi``: what a maximum of two scales is made of."""
    entry = Input(name="x", inputs=(), shape=(4, 4), lo=frozen_ints(-256), hi=frozen_ints(255), outside="x")
    wide = Add(name="wide", inputs=("x",), coefficients=(frozen_ints(1 << 25),))
    curve = MultiplyShift(1, 0, 0, lo, hi)
    nodes = [entry, wide, Step(name="end", inputs=("wide",), curves=(curve,))]
    if border:
        nodes.append(Pad(name="bordered", inputs=("end",), before=(2,), after=(2,), value=lo))
    return Graph((*nodes, Output(name="y", inputs=(nodes[-1].name,), outside="y")))


@pytest.mark.parametrize("lo, hi", [(0, HUGE), (-HUGE, 7)])
def test_the_ends_of_a_clamp_keep_every_bit(lo: int, hi: int, tmp_path: Path) -> None:
    build, plan = built(_clamped(lo, hi), tmp_path / "build", PlanRequest(share=1.0, samples=1))
    assert plan.layers["end"].implementation in ("multiply_shift", "round_shift")
    assert bounded_csim(build, 20).equal
    (process,) = (p for p in build.design.processes if p.node == "end")
    said = dict(parameters_of(process, "DSP48E1"))
    assert said["HI"] == (f"64'sd{HUGE}" if hi == HUGE else "64'sd7")
    assert said["LO"] == ("64'sd0" if not lo else f"-64'sd{HUGE}")


def test_a_border_keeps_every_bit(tmp_path: Path) -> None:
    build, _ = built(_clamped(-HUGE, HUGE, border=True), tmp_path / "build", PlanRequest(share=1.0, samples=1))
    assert bounded_csim(build, 20).equal


def test_a_table_of_an_input_beyond_32_bits_is_refused() -> None:
    far = Input(name="x", inputs=(), shape=(4,), lo=frozen_ints(1 << 33), hi=frozen_ints((1 << 33) + 7), outside="x")
    step = Step(name="end", inputs=("x",), curves=(MultiplyShift(1, 0, 32, 0, 3),))
    graph = Graph((far, step, Output(name="y", inputs=("end",), outside="y")))
    candidate = lookup_candidate(graph, step, 1, Prices())
    assert candidate is not None and not candidate.possible and "32 bits" in candidate.reason
