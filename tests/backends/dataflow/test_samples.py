"""Whole networks that take 1 to 32 samples per clock: the bounded C++ equals the interpreter, at the planned rate."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from backends.dataflow.sampled_nets import (
    built,
    cnv,
    every_unit,
    gated,
    peak_detector,
    radioml,
    residual,
    squeeze_and_excite,
    unbordered,
)

from isobit.backends.dataflow.planner import PlanRequest
from isobit.backends.dataflow.rows import width_of
from isobit.check.cosim.run import cosim
from isobit.check.csim.bounded import bounded_csim
from isobit.check.csim.clocks import design_of
from isobit.check.csim.run import csim
from isobit.ir import Graph
from tests.check.cosim.test_cosim import needs_verilator

# Samples per clock of the input, or clocks per frame where the network makes more positions than it takes.
CASES = [(peak_detector, {"samples": p}) for p in (1, 2, 4, 8, 16, 32)]
CASES += [(radioml, {"samples": p}) for p in (1, 2, 4, 8, 16)]
CASES += [(cnv, {"samples": p}) for p in (1, 2, 4, 8, 16)]
CASES += [(residual, {"samples": p}) for p in (1, 2, 4, 8, 16)]
CASES += [(every_unit, {"interval": 1280 // p + 16}) for p in (1, 2, 4, 8, 16)]  # 16: clocks between frames
FAST = {(peak_detector, 16), (peak_detector, 2), (radioml, 8), (cnv, 4), (residual, 16), (every_unit, 96)}
PARAMETERS = [
    pytest.param(net, asked, id=f"{net.__name__}-{value}", marks=[] if (net, value) in FAST else pytest.mark.slow)
    for net, asked in CASES
    for value in asked.values()
]


@pytest.mark.parametrize(("net", "asked"), PARAMETERS)
def test_a_network_is_exact_with_its_planned_fifos(
    net: Callable[[], Graph], asked: dict[str, int], tmp_path: Path
) -> None:
    build, plan = built(net(), tmp_path / "build", PlanRequest(share=1.0, **asked))  # type: ignore[arg-type]
    assert plan.interval <= asked.get("interval", 1 << 60)
    assert bounded_csim(build, 3).equal


@pytest.mark.slow
@pytest.mark.parametrize(("net", "asked"), CASES)
def test_a_network_is_exact_in_every_build(net: Callable[[], Graph], asked: dict[str, int], tmp_path: Path) -> None:
    build, _ = built(net(), tmp_path / "build", PlanRequest(share=1.0, **asked))  # type: ignore[arg-type]
    assert csim(build, vectors=20, checked=True, source=False).equal


# Widths that the samples do not divide: borders, strides, windows without a border, joins, selections, whole frames.
SLACK = [(peak_detector, 61, {"samples": 8}), (peak_detector, 100, {"samples": 16}), (radioml, 52, {"samples": 16})]
SLACK += [(cnv, 13, {"samples": 4}), (residual, 9, {"samples": 8}), (every_unit, 31, {"interval": 160})]
SLACK += [(squeeze_and_excite, 7, {"samples": 4}), (gated, 7, {"samples": 4}), (unbordered, 37, {"samples": 8})]


@pytest.mark.parametrize(("net", "size", "asked"), SLACK)
def test_a_width_that_the_samples_do_not_divide_is_exact(
    net: Callable[[int], Graph], size: int, asked: dict[str, int], tmp_path: Path
) -> None:
    build, plan = built(net(size), tmp_path / "build", PlanRequest(share=1.0, **asked))  # type: ignore[arg-type]
    widths = {name: width_of(build.graph.types[name].shape) for name in plan.layers}
    assert any(widths[name] % layer.samples for name, layer in plan.layers.items())
    assert bounded_csim(build, 3).equal


@pytest.mark.slow
@pytest.mark.parametrize(("net", "size", "asked"), SLACK)
def test_such_a_network_is_exact_in_every_build(
    net: Callable[[int], Graph], size: int, asked: dict[str, int], tmp_path: Path
) -> None:
    build, _ = built(net(size), tmp_path / "build", PlanRequest(share=1.0, **asked))  # type: ignore[arg-type]
    assert csim(build, vectors=20, checked=True, source=False).equal
    measured = cosim(build, 4)
    assert measured.equal and measured.interval == build.manifest.estimate.interval


@pytest.mark.parametrize("samples", [1, 2, 4, 8, 16, 32])
def test_lines_follow_each_other_without_a_gap(samples: int, tmp_path: Path) -> None:
    """Every unit runs for length / samples clocks a line, the windows that reach beyond it too."""
    length = 1024
    build, plan = built(peak_detector(length), tmp_path / "build", PlanRequest(share=1.0, samples=samples), frames=1)
    assert plan.interval == length // samples == build.manifest.estimate.interval


@needs_verilator
@pytest.mark.parametrize(("length", "samples"), [(64, 1), (61, 2), (100, 16)])
def test_the_rtl_of_lines_has_no_gap(length: int, samples: int, tmp_path: Path) -> None:
    build, _ = built(peak_detector(length), tmp_path / "build", PlanRequest(share=1.0, samples=samples))
    assert {"look_ahead", "line_window"} <= {p.template for p in design_of(build).processes}
    measured = cosim(build, 5)
    assert measured.equal and measured.interval == build.manifest.estimate.interval == -(-length // samples)
