"""Ports of 3, 5 and 7 elements at an interval for which words of a divisor are too few: the last word is filled up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from backends.dataflow.sampled_nets import built

from isobit.backends.dataflow import lower
from isobit.backends.dataflow.fifo_figures import between_cost
from isobit.backends.dataflow.planner import PlanRequest
from isobit.check.cosim.run import cosim
from isobit.check.csim.bounded import bounded_csim
from isobit.check.csim.run import csim
from isobit.ir import Graph
from isobit.ir.ops import Add, Const, Input, Linear, Output, Reindex, frozen_ints

BYTES = {"lo": frozen_ints(-128), "hi": frozen_ints(127)}


def two_in_two_out() -> Graph:
    """Inputs of 3 and 5 elements, outputs of 7 and 5: sums of 16-bit containers."""
    rng = np.random.default_rng(4)

    def weights(name: str, outputs: int, inputs: int) -> Const:
        return Const(name=name, value=frozen_ints(rng.integers(-3, 4, (outputs, inputs))))

    return Graph((
        Input(name="a", shape=(3,), outside="a", **BYTES), Input(name="b", shape=(5,), outside="b", **BYTES),
        weights("wa", 7, 3), weights("wb", 7, 5), weights("wc", 5, 5),
        Linear(name="da", inputs=("a", "wa")), Linear(name="db", inputs=("b", "wb")),
        Linear(name="dc", inputs=("b", "wc")),
        Add(name="sum", inputs=("da", "db"), coefficients=(frozen_ints(1), frozen_ints(1))),
        Output(name="y", inputs=("sum",), outside="y"), Output(name="z", inputs=("dc",), outside="z"),
    ))  # fmt: skip


def map_in_rows() -> Graph:
    """A map of 5 x 5 pixels, which is one row of 25 at the port, flattened for a dense layer of 9 outputs."""
    weights = np.random.default_rng(5).integers(-3, 4, (9, 25))
    return Graph((
        Input(name="x", shape=(5, 5, 1), outside="x", **BYTES),
        Reindex(name="flat", inputs=("x",), index=np.arange(25)), Const(name="w", value=frozen_ints(weights)),
        Linear(name="d", inputs=("flat", "w")), Output(name="y", inputs=("d",), outside="y"),
    ))  # fmt: skip


CASES = [
    # words of 4, 8, 8 and 8 elements, one a frame
    (two_in_two_out, 1, {"a": (4, 3), "b": (8, 5), "y": (8, 7), "z": (8, 5)}),
    (two_in_two_out, 2, {"a": (2, 3), "b": (4, 5), "y": (4, 7), "z": (4, 5)}),
    (map_in_rows, 4, {"x": (8, 25), "y": (4, 9)}),
]


@pytest.mark.parametrize(("net", "interval", "lanes"), CASES)
def test_a_frame_is_padded_where_no_divisor_is_wide_enough(
    net: object, interval: int, lanes: dict[str, tuple[int, int]], tmp_path: Path
) -> None:
    build, plan = built(net(), tmp_path / "build", PlanRequest(share=1.0, interval=interval))  # type: ignore[operator]
    assert {p.node: (p.lanes, p.row) for p in build.ports} == lanes
    assert build.manifest.estimate.interval == interval
    layers = sum(layer.cost.lut for layer in plan.layers.values())
    design = lower(build.graph, plan)
    assert build.manifest.estimate.lut == layers + build.manifest.project.fifos.taken.lut + between_cost(design).lut
    assert bounded_csim(build, 3).equal
    assert csim(build, vectors=20, source=False).equal
    measured = cosim(build, 4)
    assert measured.equal and measured.interval == interval
