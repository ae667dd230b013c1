"""hls4ml's VivadoAccelerator projects: the network behind two AXI streams, simulated through hls4ml's own wrapper."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from random import Random

import hls4ml.backends.vivado_accelerator
import numpy as np
import pytest
from backends.hls4ml.projects import IO_TYPES, expressible, simulated, varied, wrong_values

import isobit
from isobit.backends.hls4ml.backend import HLS4ML
from isobit.backends.hls4ml.design import ACCELERATOR, IoType
from isobit.backends.hls4ml.plan import ACCELERATOR_BOARDS, Request
from isobit.errors import CheckFailed, IsobitError
from isobit.hardware import load_board
from isobit.ir import Graph, frozen_ints, verify
from isobit.ir.ops import Add, Const, Input, Linear, MaxPool, Node, Output, Pad, Reindex, Step
from isobit.numerics import Cuts
from tests.cli.runner import edited, small_model, tree
from tests.ir.random_graphs import random_graph, random_inputs

BOARD = load_board("pynq-z2")


def residual() -> Graph:
    """A residual network: padded convolution, one filter per channel, a join, a pool, a dense layer."""
    rng = np.random.default_rng(5)
    ramp = (Cuts(0, np.arange(1, 8) * 9 - 30),)

    def weights(name: str, *shape: int) -> Const:
        return Const(name=name, value=frozen_ints(rng.integers(-3, 4, shape)))

    nodes: list[Node] = [
        Input(name="x", shape=(4, 4, 2), lo=frozen_ints(0), hi=frozen_ints(7)),
        weights("w", 2, 3, 3, 2), weights("d", 2, 1, 1, 1), weights("f", 3, 8),
        Pad(name="padded", inputs=("x",), before=(1, 1), after=(1, 1), value=0),
        Linear(name="conv", inputs=("padded", "w"), strides=(1, 1), dilations=(1, 1)),
        Step(name="relu", inputs=("conv",), curves=ramp),
        Linear(name="each", inputs=("relu", "d"), strides=(1, 1), dilations=(1, 1), groups=2),
        Add(name="join", inputs=("x", "each"), coefficients=(frozen_ints(3), frozen_ints([2, 5]))),
        Step(name="act", inputs=("join",), curves=ramp),
        MaxPool(name="pool", inputs=("act",), kernel=(2, 2), strides=(2, 2), dilations=(1, 1)),
        Reindex(name="flat", inputs=("pool",), index=frozen_ints(np.arange(8))),
        Linear(name="fc", inputs=("flat", "f")),
        Output(name="y", inputs=("fc",)),
    ]  # fmt: skip
    return verify(Graph(tuple(nodes)))


@pytest.mark.parametrize("io_type", IO_TYPES)
def test_every_layer_behind_the_wrapper_is_exact(io_type: IoType, tmp_path: Path) -> None:
    graph, request = residual(), Request(io_type=io_type, backend=ACCELERATOR)
    integers = random_inputs(graph, Random(0), 20)
    assert wrong_values(graph, integers, simulated(graph, request, integers, tmp_path, BOARD)) == []


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> isobit.Build:
    folder = tmp_path_factory.mktemp("accelerator")
    request = Request(io_type="io_stream", backend=ACCELERATOR)
    return isobit.compile(
        small_model(folder), folder / "build", board="pynq-z2", backend="hls4ml", plan_request=request
    )


def test_it_is_hls4mls_project_with_integers_in_its_words(build: isobit.Build) -> None:
    files = {name: content.decode(errors="replace") for name, content in tree(build.path).items()}
    wrapper = "hls4ml/firmware/isobit_network_axi"
    assert {"hls4ml/design.tcl", "hls4ml/axi_stream_driver.py", f"{wrapper}.cpp"} <= files.keys()
    words = [line for line in files[f"{wrapper}.h"].splitlines() if "> T_" in line]
    assert words == ["typedef ap_int<32> T_in;", "typedef ap_int<32> T_out;"]
    assert "set bit_width_hls_output 32" in files["hls4ml/project.tcl"]
    assert "set bit_width_hls_input 32" in files["hls4ml/project.tcl"]
    assert 'backend = "VivadoAccelerator"' in files["plan.toml"] and "vivado_hls -f build_prj.tcl" in build.summary()
    assert not any("/tmp/" in content for content in files.values())
    loaded = isobit.load(build.path)
    assert loaded.manifest == build.manifest and isobit.csim(loaded, vectors=32).equal


def test_a_frame_whose_end_is_not_marked_is_a_failure(build: isobit.Build, tmp_path: Path) -> None:
    wrapper = "hls4ml/firmware/isobit_network_axi.cpp"
    wrong = edited(build.path, tmp_path / "wrong", wrapper, lambda text: text.replace("== N_OUT - 1", "== 0"))
    with pytest.raises(CheckFailed, match=r"E606.*the end of the batch was not marked"):
        isobit.csim(isobit.load(wrong), vectors=8)


def test_its_boards_are_hls4mls_with_their_parts() -> None:
    (folder,) = hls4ml.backends.vivado_accelerator.__path__
    theirs = json.loads((Path(folder) / "supported_boards.json").read_text(encoding="utf-8"))
    ours = {name: load_board(name).part for name in ACCELERATOR_BOARDS}
    assert ours == {name: board["part"] for name, board in theirs.items() if name in ours}


def test_what_it_cannot_have_is_refused() -> None:
    graph, request = residual(), Request(backend=ACCELERATOR)
    with pytest.raises(IsobitError, match=r"E503.*no scripts for pynq-z1") as error:
        HLS4ML.plan(graph, load_board("pynq-z1"), request)
    assert "pynq-z2" in error.value.hint
    two = verify(replace(graph, nodes=(*graph.nodes, Output(name="z", inputs=("relu",)))))
    with pytest.raises(IsobitError, match=r"E504.*one input and one output") as error:
        HLS4ML.lower(two, HLS4ML.plan(two, BOARD, request), request)
    assert error.value.where == "z" and "Vitis" in error.value.hint


def test_words_are_as_wide_as_the_wider_side_needs(tmp_path: Path) -> None:
    x = Input(name="x", shape=(2,), lo=frozen_ints(0), hi=frozen_ints((1 << 20) - 1))
    w = Const(name="w", value=frozen_ints([[1 << 20, -(1 << 22)], [3, 1 << 23]]))
    graph = verify(Graph((x, w, Linear(name="fc", inputs=("x", "w")), Output(name="y", inputs=("fc",)))))
    request = Request(backend=ACCELERATOR)
    assert HLS4ML.lower(graph, HLS4ML.plan(graph, BOARD, request), request).word_bits == 64
    integers = {"x": np.array([[0, (1 << 20) - 1], [(1 << 20) - 1, 0], [5, 7]])}
    assert wrong_values(graph, integers, simulated(graph, request, integers, tmp_path, BOARD)) == []


@pytest.mark.slow
@pytest.mark.parametrize("io_type", IO_TYPES)
@pytest.mark.parametrize("first", range(200, 400, 50))
def test_random_networks(first: int, io_type: IoType, tmp_path: Path) -> None:
    """Those of one input and one output, built in every way at random."""
    request, ran = Request(io_type=io_type, backend=ACCELERATOR), 0
    for seed in range(first, first + 50):
        graph = random_graph(Random(seed))
        if len(graph.inputs) + len(graph.outputs) != 2 or not expressible(graph, request, BOARD):
            continue
        integers, ran = random_inputs(graph, Random(seed), 8), ran + 1
        built = varied(graph, request, Random(seed), BOARD)
        done = simulated(graph, built, integers, tmp_path / str(seed), BOARD)
        assert wrong_values(graph, integers, done) == [], seed
    assert ran > 3
