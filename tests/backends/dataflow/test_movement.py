"""Concatenation of any number of values along any axis, parts of frames, and names that the lowering could want."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from backends.dataflow.sampled_nets import BOARD, Net, built

from isobit.backends.dataflow import lower
from isobit.backends.dataflow.planner import LayerChoice, PlanRequest, plan_for
from isobit.backends.dataflow.words import by_stage
from isobit.backends.dataflow.writer import render
from isobit.check.csim.bounded import bounded_csim
from isobit.check.csim.run import csim
from isobit.errors import IsobitError
from isobit.ir import Graph
from isobit.ir.ops import Add, Concat, Const, Input, Linear, Output, Reindex, Step, frozen_ints
from isobit.numerics import Cuts

Cut = tuple[slice, ...]


def part(net: Net, x: str, cut: Cut) -> str:
    """A part of ``x``."""
    shape = net._of(x)
    return net._add(Reindex, (x,), index=np.arange(int(np.prod(shape))).reshape(shape)[cut].copy())


def joined(axis: int, count: int) -> Graph:
    """``count`` values of different types, along the axis of different sizes."""
    net = Net(4, 8, 4)
    cuts: list[Cut] = [(slice(None),) * axis + (slice(0, size),) for size in (4, 2, 4)]
    values = [net.relu(net.conv(part(net, net.head, cuts[i % 3]), 3 + (axis < 2), (1, 1)), 2 + i) for i in range(count)]
    return net.graph(net._add(Concat, values, axis=axis))


def halves() -> Graph:
    """Split along the channels, each half worked on, joined again; a crop of the rows beside it."""
    net = Net(4, 8, 4)
    low, high = (part(net, net.head, (slice(None), slice(None), slice(a, a + 2))) for a in (0, 2))
    back = net._add(Concat, (net.relu(net.conv(low, 2, (3, 3))), high), axis=2)
    return net.graph(net.relu(net.join(back, net.head)), part(net, back, (slice(1, 3), slice(4, 8))))


def named(name: str) -> Graph:
    """A convolution and two more values, one of which bears a name that the lowering would give to a process."""
    weights = frozen_ints(np.ones((2, 3, 3, 1), dtype=np.int64))
    return Graph((
        Input(name="x", shape=(6, 6, 1), lo=frozen_ints(0), hi=frozen_ints(3), outside="x"),
        Const(name="w", value=weights),
        Linear(name="conv", inputs=("x", "w"), strides=(1, 1), dilations=(1, 1)),
        Add(name=name, inputs=("conv",), coefficients=(frozen_ints([2]),)),
        Add(name="b", inputs=(name, name), coefficients=(frozen_ints([1]), frozen_ints([-3]))),
        Output(name="y", inputs=("b",), outside="y"),
    ))  # fmt: skip


NETS: dict[str, Callable[[], Graph]] = {
    f"{count}-along-{axis}": partial(joined, axis, count) for count, axis in ((1, 2), (2, 0), (3, 0), (3, 1), (4, 2))
}
NETS["halves"] = halves


@pytest.mark.parametrize(("name", "interval", "samples"), [
    *((name, None, None) for name in NETS), ("3-along-0", 16, 8), ("3-along-1", 25, 2),
])  # fmt: skip
def test_moved_frames_are_exact_with_the_planned_room(
    name: str, interval: int | None, samples: int | None, tmp_path: Path
) -> None:
    """``samples`` are those of the concatenation, where the interval asked for needs so many."""
    build, plan = built(NETS[name](), tmp_path / "build", PlanRequest(share=1.0, interval=interval))
    assert "reorder" not in {layer.implementation for layer in plan.layers.values()}
    taken = {layer.samples for layer in plan.layers.values() if layer.implementation == "concat"}
    assert samples is None or taken == {samples}
    assert csim(build, vectors=20, source=False).equal
    assert bounded_csim(build).equal


def test_channels_of_several_samples_are_refused_by_name() -> None:
    graph = halves()
    with pytest.raises(IsobitError, match="E503") as refusal:
        plan_for(graph, BOARD, PlanRequest(share=1.0, samples=8))
    assert isinstance(graph.by_name[refusal.value.where], Reindex) and refusal.value.hint


@pytest.mark.parametrize("name", ["conv_window", "fork_conv_1", "conv_1a", "regroup_x_x1", "read_x", "x_x1"])
def test_a_node_keeps_a_name_that_the_lowering_wants(name: str, tmp_path: Path) -> None:
    graph = named(name)
    design = lower(graph, plan_for(graph, BOARD))
    assert len({p.name for p in design.processes}) == len(design.processes)
    ends = [s for p in design.processes for s in (*p.inputs, *p.outputs) if s.startswith("s_")]
    assert sorted(ends) == sorted(2 * [s.name for s in design.streams])
    assert next(p for p in design.processes if p.node == name).name == name


def test_stages_of_cuts_have_memories_by_name_and_take_none_of_a_stream() -> None:
    curve = Cuts(0, [-3, 1, 5])
    net = Net(2, 2, 2)
    nodes = [
        *net.nodes,
        Step(name="s_a", inputs=(net.head,), curves=(curve,)),
        Step(name="a_cuts_1", inputs=("s_a",), curves=(Cuts(0, [2]),)),
        Output(name="y", inputs=("a_cuts_1",)),
    ]
    graph = Graph(tuple(nodes))
    fixed = {name: LayerChoice(implementation="thresholds") for name in ("s_a", "a_cuts_1")}
    design = lower(graph, plan_for(graph, BOARD, PlanRequest(layers=fixed)))
    (_, cuts) = next(p for p in design.processes if p.node == "s_a").arrays
    taken = {s.name for s in design.streams}
    stages = [rom.name for rom in by_stage(cuts)]
    assert "s_a_cuts_1" in taken and len(stages) == 2 and not taken & set(stages)
    top = render(design, BOARD, "")["top.cpp"]
    assert all(top.count(f"#pragma HLS ARRAY_PARTITION variable={name} complete dim=2\n") == 1 for name in stages)


def test_a_constant_is_not_joined() -> None:
    net = Net(2, 2, 2)
    values = (net.head, net.const(np.ones((2, 2, 2), dtype=np.int64)))
    graph = net.graph(net._add(Concat, values, axis=2))
    with pytest.raises(IsobitError, match="E504"):
        lower(graph, plan_for(graph, BOARD))
