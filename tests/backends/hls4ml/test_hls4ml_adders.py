"""Distributed arithmetic: adder graphs are proved, built, and refused where they cannot be."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from backends.hls4ml.projects import BOARD, IO_TYPES, simulated, wrong_values

import isobit
from isobit.backends.hls4ml import adder_search
from isobit.backends.hls4ml.adder_search import adder_graph, joined
from isobit.backends.hls4ml.adders import AdderGraph, Sum, Tap, adder_cost, intervals
from isobit.backends.hls4ml.backend import HLS4ML
from isobit.backends.hls4ml.design import IoType
from isobit.backends.hls4ml.plan import LayerRequest, Request
from isobit.backends.hls4ml.plan_file import print_plan, read_request
from isobit.errors import IsobitError
from isobit.ir import Graph, frozen_ints, verify
from isobit.ir.ops import Const, Input, Linear, Output, Reindex
from isobit.ir.types import IntArray
from tests.cli.runner import edited, small_model
from tests.ir.random_graphs import random_inputs

REQUEST = Request(strategy="distributed_arithmetic")


def plainly(weights: IntArray) -> AdderGraph:
    """An adder for every bit of every weight: slow, and found without a search."""
    inputs = weights.shape[1]
    sums, taps = list[Sum](), list[Tap]()
    for row in weights.tolist():
        at: int | None = None
        for column, weight in enumerate(row):
            for bit in (b for b in range(abs(weight).bit_length()) if abs(weight) >> b & 1):
                if at is None:  # twice the first less once: itself, by an adder
                    sums.append(Sum(column, bit + 1, column, bit, True))
                    at = inputs + len(sums) - 1
                    if weight < 0:
                        sums.append(Sum(at, 0, at, 1, True))
                        at += 1
                    continue
                sums.append(Sum(at, 0, column, bit, weight < 0))
                at = inputs + len(sums) - 1
        taps.append(Tap(at))
    return AdderGraph(inputs, tuple(sums), tuple(taps))


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search, without da4ml."""
    monkeypatch.setattr(adder_search, "installed", lambda: True)
    monkeypatch.setattr(adder_search, "_searched", lambda problem: plainly(np.array(problem.weights, dtype=object)))


def dense(weights: Any, lo: int = -3, hi: int = 9) -> Graph:
    """A dense layer behind a map that is flattened, and one on its own."""
    w = Const(name="w", value=frozen_ints(weights))
    x = Input(name="x", shape=(2, 3), lo=frozen_ints(lo), hi=frozen_ints(hi))
    flat = Reindex(name="flat", inputs=("x",), index=frozen_ints(np.arange(6)))
    first = Linear(name="fc", inputs=("flat", "w"))
    v = Const(name="v", value=frozen_ints(np.arange(len(weights) * 2).reshape(2, -1) - 3))
    return verify(
        Graph((w, x, flat, first, v, Linear(name="last", inputs=("fc", "v")), Output(name="y", inputs=("last",))))
    )


WEIGHTS = np.array([[0, 5, -8, 1, 0, 2], [0] * 6, [-1, 0, 0, 0, 0, 0], [7, -7, 3, -3, 100, 1]])


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("io_type", ["io_parallel", "io_stream"])
def test_a_project_of_adders_has_the_interpreters_integers(io_type: IoType, tmp_path: Path) -> None:
    graph, request = dense(WEIGHTS), Request(io_type=io_type, strategy="distributed_arithmetic")
    plan = HLS4ML.plan(graph, BOARD, request)
    assert {name: layer.implementation for name, layer in plan.layers.items()} == {"fc": "adders", "last": "adders"}
    assert plan.estimate.cost.dsp == 0 and not HLS4ML.lower(graph, plan, request).settings
    integers = random_inputs(graph, Random(0), 20)
    assert wrong_values(graph, integers, simulated(graph, request, integers, tmp_path)) == []


def convolutions() -> Graph:
    """Two dimensions with groups, strides and dilation, an interval for each channel; one dimension behind it."""
    rng = np.random.default_rng(3)
    x = Input(name="x", shape=(6, 5, 4), lo=frozen_ints([0, -2, -5, 1]), hi=frozen_ints([3, 3, 6, 2]))
    w = Const(name="w", value=frozen_ints(rng.integers(-6, 7, (2, 3, 2, 2))))
    conv = Linear(name="conv", inputs=("x", "w"), strides=(1, 3), dilations=(2, 1), groups=2)
    rows = Reindex(name="rows", inputs=("conv",), index=frozen_ints(np.arange(8).reshape(4, 2)))
    v = Const(name="v", value=frozen_ints(rng.integers(-3, 4, (3, 2, 2))))
    along = Linear(name="along", inputs=("rows", "v"), strides=(2,), dilations=(1,))
    u = Const(name="u", value=frozen_ints([[1, -2, 3]]))
    mix = Linear(name="mix", inputs=("along", "u"))
    return verify(Graph((x, w, conv, rows, v, along, u, mix, Output(name="y", inputs=("mix",)))))


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("io_type", ["io_parallel", "io_stream"])
def test_convolutions_are_an_adder_graph_for_every_position_or_for_all(io_type: IoType, tmp_path: Path) -> None:
    graph, request = convolutions(), Request(io_type=io_type, strategy="distributed_arithmetic")
    plan = HLS4ML.plan(graph, BOARD, request)
    assert {layer.implementation for layer in plan.layers.values()} == {"adders"}
    layers = {t: HLS4ML.plan(graph, BOARD, replace(request, io_type=t)).layers["along"] for t in IO_TYPES}
    assert layers["io_parallel"].cost.lut == 2 * layers["io_stream"].cost.lut > 0 and plan.estimate.cost.dsp == 0
    assert graph.types["along"].shape == (2, 3) and layers["io_stream"].cycles == 4
    integers = random_inputs(graph, Random(0), 20)
    assert wrong_values(graph, integers, simulated(graph, request, integers, tmp_path)) == []


def test_a_graph_is_of_its_weights_or_not() -> None:
    made = plainly(WEIGHTS.astype(object))
    assert made.computes(WEIGHTS) and AdderGraph.parse(str(made)) == made
    assert not made.computes(WEIGHTS + (np.arange(24).reshape(4, 6) == 7))
    for wrong in (
        AdderGraph(1, (Sum(0, 0, 1, 0, False),), (Tap(1),)),  # reads itself
        AdderGraph(1, (), (Tap(0, -1),)),  # half of an input
        AdderGraph(1, (), (Tap(5),)),
    ):
        assert not wrong.computes(np.array([[1]]))
    halved = AdderGraph(1, (Sum(0, 1, 0, 2, False),), (Tap(1, -1, True), Tap(None), Tap(0, 2)))
    assert halved.computes(np.array([[-3], [0], [4]])) and AdderGraph.parse(str(halved)) == halved
    for text in ("1;0<<0*0<<0;1<<0", "1;;x", "", "1;;0<<0;", "1;;0<<9999"):
        with pytest.raises(ValueError):
            AdderGraph.parse(text)


def test_a_sum_costs_the_bits_that_are_not_another_ones() -> None:
    graph = AdderGraph(2, (Sum(0, 0, 1, 3, False), Sum(0, 3, 1, 0, True)), (Tap(2), Tap(3)))
    ends = np.array([0, 0], dtype=object), np.array([15, 15], dtype=object)
    reach = intervals(graph.forms()[0], *ends)
    assert reach == [(0, 15), (0, 15), (0, 135), (-15, 120)]
    assert adder_cost(graph, reach).lut == (8 - 3) + 8  # what is subtracted changes every bit


def test_stages_with_fractions_and_signs_become_one_graph() -> None:
    """da4ml's numbers have binary points, and its second stage reads the first one's outputs."""
    first = {
        "sums": [[0, -1, -1, 0], [1, -1, -1, 0], [0, 1, 1, -2]],
        "in_shifts": [0, 1],
        "out": [[2, 2, True], [-1, 0, False]],
    }
    second = {
        "sums": [[0, -1, -1, 0], [1, -1, -1, 0], [0, 1, 0, 5], [0, 2, 0, 1]],
        "in_shifts": [0, 0],
        "out": [[3, 0, False], [1, 0, False], [0, 1, True]],
    }
    found = joined(2, [first, second])  # first: -(4x - 2y) and 0
    assert found.computes(np.array([[-12, 6], [0, 0], [8, -4]]))


def refused(graph: Graph, request: Request) -> IsobitError:
    with pytest.raises(IsobitError) as error:
        HLS4ML.plan(graph, BOARD, request)
    assert error.value.where == "fc" and error.value.hint
    return error.value


def test_what_cannot_be_is_refused(plain: None, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"fc": LayerRequest("distributed_arithmetic", 4)}
    assert "reuse factor of 4" in refused(dense(WEIGHTS), Request(layers=asked)).message
    assert refused(dense(WEIGHTS << 20), REQUEST).code == "E504"
    monkeypatch.setattr(adder_search, "installed", lambda: False)
    assert refused(dense(WEIGHTS), REQUEST).code == "E303"


def test_a_search_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    endless, told = tmp_path / "endless.py", list[str]()
    endless.write_text("import time\nwhile True:\n    time.sleep(1)\n", encoding="utf-8")
    monkeypatch.setattr(adder_search, "_SOLVER", endless)
    monkeypatch.setattr(adder_search, "installed", lambda: True)
    with pytest.raises(IsobitError, match="did not end within 1 s") as error:
        HLS4ML.plan(dense(WEIGHTS), BOARD, Request(strategy="distributed_arithmetic", search_seconds=1), told.append)
    assert error.value.code == "E503" and error.value.where == "fc" and "search_seconds" in error.value.hint
    assert told == ["fc: searching for an adder graph of 6 x 4 weights"]
    endless.write_text("raise SystemExit('no memory')\n", encoding="utf-8")
    with pytest.raises(IsobitError, match=r"E503.*no memory"):
        HLS4ML.plan(dense(WEIGHTS), BOARD, REQUEST)


@pytest.mark.usefixtures("plain")
def test_the_build_keeps_its_adders_and_proves_them_again(tmp_path: Path) -> None:
    build = isobit.compile(small_model(tmp_path), tmp_path / "build", backend="hls4ml", plan_request=REQUEST)
    loaded = isobit.load(build.path)
    assert loaded.manifest == build.manifest and "distributed arithmetic, adders of" in build.summary()
    again = read_request(build.path / "plan.toml")
    assert {name: layer.strategy for name, layer in again.layers.items() if layer.strategy} == {
        name: "distributed_arithmetic" for name, layer in build.manifest.project.layers.items() if layer.adders
    }  # fmt: skip
    assert print_plan(HLS4ML.plan(build.graph, BOARD, again)) == (build.path / "plan.toml").read_text(encoding="utf-8")

    def other(text: str) -> str:
        manifest = json.loads(text)
        layer = next(v for v in manifest["project"]["layers"].values() if v["adders"])
        layer["adders"] = layer["adders"].replace("<<1-", "<<2-", 1)
        return json.dumps(manifest)

    with pytest.raises(IsobitError, match="E608"):
        isobit.load(edited(build.path, tmp_path / "edited", "manifest.json", other))


@pytest.mark.skipif(not adder_search.installed(), reason="da4ml is not installed: isobit[adders]")
def test_da4mls_graphs_are_those_of_the_weights() -> None:
    rng = np.random.default_rng(0)
    for shape, most in (((5, 7), 7), ((8, 6), 127), ((2, 3), (1 << 23))):
        weights = rng.integers(-most, most, shape, endpoint=True).astype(object)
        weights[0], weights[:, 1] = 0, 0
        lo, hi = np.full(shape[1], -8, dtype=object), np.full(shape[1], 7, dtype=object)
        made = adder_graph("fc", weights, lo, hi, 60, lambda _: None)
        assert made.computes(weights) and len(made.sums) <= len(plainly(weights).sums)
