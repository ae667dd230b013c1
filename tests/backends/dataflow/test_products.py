"""Squeeze-and-excite and gates: the bounded C++ equals the interpreter, and the map's FIFO holds what it must."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from backends.dataflow.sampled_nets import BOARD, built, gated, squeeze_and_excite

from isobit.backends.dataflow import lower, size_fifos
from isobit.backends.dataflow.planner import PlanRequest, plan_for
from isobit.build.folder import Origin, write_build
from isobit.check.csim.bounded import bounded_csim
from isobit.check.csim.run import csim
from isobit.errors import CheckFailed
from isobit.interp import run
from isobit.ir import Graph

SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    ("net", "samples"),
    [
        (squeeze_and_excite, 1), (gated, 2), pytest.param(squeeze_and_excite, 4, marks=SLOW),
        pytest.param(squeeze_and_excite, 16, marks=SLOW), pytest.param(gated, 16, marks=SLOW),
    ],
)  # fmt: skip
def test_a_product_is_exact_with_its_planned_fifos(net: Callable[[], Graph], samples: int, tmp_path: Path) -> None:
    build, plan = built(net(), tmp_path / "build", PlanRequest(share=1.0, samples=samples))
    wanted = "channel_product" if net is squeeze_and_excite else "product"
    assert [layer.implementation for layer in plan.layers.values() if "product" in layer.implementation] == [wanted]
    assert bounded_csim(build, 3).equal


@SLOW
@pytest.mark.parametrize("net", [squeeze_and_excite, gated])
def test_a_product_is_exact_in_every_build(net: Callable[[], Graph], tmp_path: Path) -> None:
    build, _ = built(net(), tmp_path / "build", PlanRequest(share=1.0, samples=2))
    for checked in (False, True):
        assert csim(build, vectors=20, checked=checked, source=False).equal


def test_the_map_waits_in_its_fifo_for_the_whole_frame(tmp_path: Path) -> None:
    """Until the last pixel is pooled no factor can leave: the FIFO beside holds the frame, but for the words
    that the processes around it hold: three fewer lock up."""
    graph = squeeze_and_excite(4)
    plan = plan_for(graph, BOARD, PlanRequest(share=1.0, samples=1))
    design = size_fifos(lower(graph, plan), "least")
    (product,) = (p for p in design.processes if p.template == "channel_product")
    waits = next(s for s in design.streams if s.name == product.inputs[0])
    assert waits.least in range(waits.words - 2, waits.words + 1)
    assert waits.throughput >= waits.least
    (entry,) = graph.inputs
    vectors = np.random.default_rng(0).integers(0, int(entry.hi.max()) + 1, (3, *entry.shape))
    values = {entry.name: vectors} | run(graph, {entry.name: vectors})
    enough = write_build(tmp_path / "enough", graph, BOARD, plan, design, b"", Origin("least"), values)
    assert bounded_csim(enough, 3).equal
    shallow = tuple(replace(s, depth=s.depth - 3) if s is waits else s for s in design.streams)
    short = replace(design, streams=shallow)
    build = write_build(tmp_path / "short", graph, BOARD, plan, short, b"", Origin("short"), values)
    with pytest.raises(CheckFailed, match=waits.name):
        bounded_csim(build, 3)
