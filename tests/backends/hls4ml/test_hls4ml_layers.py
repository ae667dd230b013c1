"""Every layer of an hls4ml project holds the interpreter's integers: random graphs of all operations, both io types."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from pathlib import Path
from random import Random

import numpy as np
import pytest
from backends.hls4ml.projects import BOARD, expressible, side_by_side, simulated, varied, wrong_values

from isobit.backends.hls4ml.backend import HLS4ML
from isobit.backends.hls4ml.design import IoType
from isobit.backends.hls4ml.plan import LayerRequest, Request, bodies
from isobit.backends.hls4ml.streams import MOST_READERS
from isobit.errors import CheckFailed
from isobit.interp import run
from isobit.ir import Graph, frozen_ints, verify
from isobit.ir.ops import Add, Const, Input, Linear, MaxPool, Node, Output, Pad, Reindex, Step
from isobit.numerics import Cuts, MultiplyShift, Rounded, Rounding
from isobit.passes import optimise
from tests.ir.random_graphs import random_graph, random_inputs

FRAMES = 8
OPERATIONS = {"linear", "add", "step", "table", "maxpool", "pad", "product", "concat", "reindex", "select"}
"""What the graphs of the fast tests have between them at the least."""


def compare(io_type: IoType, seeds: range, folder: Path) -> set[str]:
    """Graphs of these seeds in one project, as they are and after all passes, built in every way at random.

    Returns the operations that were compared.
    """
    request = Request(io_type=io_type)
    graphs = [random_graph(Random(seed)) for seed in seeds]
    chosen = [g for g in (*graphs, *map(optimise, graphs[::3])) if expressible(g, request)]
    graph = side_by_side(chosen)
    integers = random_inputs(graph, Random(seeds[0]), FRAMES)
    done = simulated(graph, varied(graph, request, Random(seeds[0])), integers, folder)
    assert wrong_values(graph, integers, done) == []
    return {graph.by_name[name].op for name in done.taps}


def test_parallel(tmp_path: Path) -> None:
    assert compare("io_parallel", range(32, 48), tmp_path) >= OPERATIONS


def test_stream(tmp_path: Path) -> None:
    assert compare("io_stream", range(32, 48), tmp_path) >= OPERATIONS


@pytest.mark.slow
@pytest.mark.parametrize("first", range(100, 1000, 50))
@pytest.mark.parametrize("io_type", ["io_parallel", "io_stream"])
def test_many(io_type: IoType, first: int, tmp_path: Path) -> None:
    assert len(compare(io_type, range(first, first + 50), tmp_path)) > len(OPERATIONS) // 2


def wide(io_type: IoType) -> Graph:
    """Clamps and borders at both ends of 64 bits, and a border beyond the type of what it surrounds."""
    lo, hi = -(1 << 63), (1 << 63) - 1
    x = Input(name="x", shape=(3, 2), lo=frozen_ints([-5, -5]), hi=frozen_ints([6, 6]))
    shift = Step(name="s", inputs=("x",), curves=(MultiplyShift(1 << 61, 0, 0, lo, hi),))
    least = Pad(name="least", inputs=("s",), before=(1,), after=(0,), value=lo)
    most = Pad(name="most", inputs=("x",), before=(0,), after=(1,), value=hi)
    return verify(
        Graph((x, shift, least, most, Output(name="y", inputs=("least",)), Output(name="z", inputs=("most",))))
    )


@pytest.mark.parametrize("io_type", ["io_parallel", "io_stream"])
def test_clamps_and_borders_of_64_bits(io_type: IoType, tmp_path: Path) -> None:
    graph = wide(io_type)
    integers = random_inputs(graph, Random(0), FRAMES)
    done = simulated(graph, Request(io_type=io_type), integers, tmp_path)
    wanted = run(graph, integers)
    assert {name: array.tolist() for name, array in done.outputs.items()} == {
        name: array.tolist() for name, array in wanted.items()
    }
    assert min(v for row in wanted["y"].tolist() for p in row for v in p) == -(1 << 63)


@pytest.mark.parametrize("io_type", ["io_parallel", "io_stream"])
def test_every_body_of_a_step_on_every_value(io_type: IoType, tmp_path: Path) -> None:
    """Curves of many levels, of few and of none, side by side; ties to even on a scale that is no power of two."""
    lo, hi, channels = -300, 300, 3
    domain = np.arange(lo, hi + 1)
    tanh = np.round(127 * np.tanh((domain[1:] - 0.5) / 90)).astype(int)
    curve = Cuts(int(tanh[0]), np.repeat(domain[1:-1], np.diff(tanh)))
    x = Input(name="x", shape=(2, channels), lo=frozen_ints(lo), hi=frozen_ints(hi))
    several = (curve, Cuts(3, np.array([-7, 0, 9])), Cuts(-2, np.array([], dtype=np.int64)))
    even = tuple(Rounded(Fraction(1, d), Fraction(1, 4), Rounding.ROUND, -100, 90) for d in (6, 10, 22))
    names = {"thresholds": several, "lookup": several, "half_even": even}
    steps = [Step(name=name, inputs=("x",), curves=curves) for name, curves in names.items()]
    graph = verify(Graph((x, *steps, *(Output(name=f"y_{name}", inputs=(name,)) for name in names))))
    integers = {"x": np.stack([np.roll(domain, shift) for shift in range(2 * channels)], 1).reshape(-1, 2, channels)}
    chosen = {name: LayerRequest(implementation=name) for name in names}
    done = simulated(graph, Request(io_type=io_type, layers=chosen), integers, tmp_path)
    wanted = run(graph, integers)
    assert all(done.outputs[name].tolist() == wanted[name].tolist() for name in wanted)


def test_a_long_table_gives_way_to_a_bisection() -> None:
    """A function of 255 levels behind a sum of 15 bits, in 64 channels: tables of it are more than a board holds."""
    curve = Cuts(-128, np.arange(255) ** 2 // 5)
    x = Input(name="x", shape=(64,), lo=frozen_ints(-(1 << 14)), hi=frozen_ints(1 << 14))
    step = Step(name="s", inputs=("x",), curves=(curve,) * 64)
    graph = verify(Graph((x, step, Output(name="y", inputs=("s",)))))
    found = bodies(graph, step, 64, BOARD)
    assert found[0].implementation == "thresholds" and found[0].cost.bram36 == 0 and found[0].cost.lut < 64 * 300


POOLS = [
    ((3, 3), (2, 2), (1, 1)), ((3, 2), (1, 3), (1, 1)), ((2, 2), (2, 1), (2, 3)), ((1, 3), (1, 1), (1, 2)),
    ((3, 1), (2, 1), (1, 1)), ((2, 2), (3, 3), (1, 1)), ((3,), (2,), (1,)), ((2,), (1,), (3,)),
    ((2, 2), (1, 1), (7, 7)), ((2,), (10,), (1,)), ((2, 3), (7, 3), (1, 1)),
]  # fmt: skip
"""Kernels, strides and dilations; the last two have one window along an axis that would hold several of them."""


@pytest.mark.parametrize("io_type", ["io_parallel", "io_stream"])
def test_windows_that_overlap_or_have_gaps(io_type: IoType, tmp_path: Path) -> None:
    nodes: list[Node] = []
    for i, (kernel, strides, dilations) in enumerate(POOLS):
        shape = (8, 9, 2) if len(kernel) == 2 else (11, 2)
        nodes += [
            Input(name=f"x{i}", shape=shape, lo=frozen_ints(-50), hi=frozen_ints(50)),
            MaxPool(name=f"p{i}", inputs=(f"x{i}",), kernel=kernel, strides=strides, dilations=dilations),
            Output(name=f"y{i}", inputs=(f"p{i}",)),
        ]
    graph = verify(Graph(tuple(nodes)))
    integers, request = random_inputs(graph, Random(0), 5), Request(io_type=io_type)
    kinds = {layer.kind for layer in HLS4ML.lower(graph, HLS4ML.plan(graph, BOARD, request), request).layers}
    assert {"IsobitMaxPool", "MaxPooling1D"} <= kinds
    assert wrong_values(graph, integers, simulated(graph, request, integers, tmp_path)) == []


def many_readers(count: int) -> Graph:
    """A map that many layers read, one of them twice, and that is an output; and it flattened, that many read too."""
    x = Input(name="x", shape=(3, 2), lo=frozen_ints(-9), hi=frozen_ints(9))
    s = Step(name="s", inputs=("x",), curves=(Cuts(-4, np.arange(-4, 4)),))
    steps = [Step(name=f"s{i}", inputs=("s",), curves=(Cuts(0, [i - 5]),)) for i in range(count)]
    total = Add(name="sum", inputs=tuple(s.name for s in steps), coefficients=(frozen_ints(1),) * count)
    twice = Add(name="twice", inputs=("s", "s"), coefficients=(frozen_ints(1),) * 2)
    flat = Reindex(name="flat", inputs=("s",), index=frozen_ints(np.arange(6)))
    heads: list[Node] = []
    for i in range(count):
        weights = Const(name=f"w{i}", value=frozen_ints(np.arange(6).reshape(1, 6) - i))
        heads += [weights, Linear(name=f"h{i}", inputs=("flat", weights.name)), Output(name=f"y{i}", inputs=(f"h{i}",))]
    ends = [Output(name=f"y_{name}", inputs=(name,)) for name in ("sum", "twice", "s")]
    return verify(Graph((x, s, *steps, total, twice, flat, *heads, *ends)))


def test_a_stream_has_as_many_readers_as_are_asked_for(tmp_path: Path) -> None:
    """hls4ml clones a stream seven times: more read a copy of it, and more than that a copy of the copy."""
    graph, request = many_readers(15), Request(io_type="io_stream")
    layers = HLS4ML.lower(graph, HLS4ML.plan(graph, BOARD, request), request).layers
    reads = Counter(name for layer in layers for name in layer.inputs)
    assert max(reads.values()) == MOST_READERS and sum("copy" in layer.name for layer in layers) == 4
    integers = random_inputs(graph, Random(0), 5)
    assert wrong_values(graph, integers, simulated(graph, request, integers, tmp_path)) == []


@pytest.mark.parametrize("port", ["input", "output"])
def test_words_that_a_frame_leaves_behind_are_a_failure(port: str, tmp_path: Path) -> None:
    """Also where they are as many as the next frame brings, and of the last frame."""
    x = Input(name="x", shape=(2, 2), lo=frozen_ints(0), hi=frozen_ints(7))
    graph = verify(Graph((x, Step(name="s", inputs=("x",), curves=(Cuts(0, [3]),)), Output(name="y", inputs=("s",)))))
    integers = random_inputs(graph, Random(0), 1)
    request = Request(io_type="io_stream")
    assert wrong_values(graph, integers, simulated(graph, request, integers, tmp_path)) == []
    top = tmp_path / "hls4ml" / "firmware" / "isobit_network.cpp"
    text = top.read_text(encoding="utf-8")
    extra = "n0_x.write(input_t());" if port == "input" else "layer2_out.write(result_t());"
    end = text.rindex("}")
    top.write_text(f"{text[:end]}{extra}\n}}\n", encoding="utf-8")
    design = HLS4ML.lower(graph, HLS4ML.plan(graph, BOARD, request), request)
    simulator = HLS4ML.simulator(tmp_path, graph, design, "faithful", tmp_path, None)
    with pytest.raises(CheckFailed, match=r"E606.*still held words.*frame=0"):
        simulator.run(integers, 60)
