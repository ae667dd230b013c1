"""Packed products: taken where they cost less, said by explain, kept by the plan file, the same integers everywhere."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import isobit
from isobit import demo
from isobit.backends.dataflow.catalogue.cost import dense
from isobit.backends.dataflow.layer import LayerChoice
from isobit.backends.dataflow.planner import PlanRequest, plan_for
from isobit.backends.dataflow.planner.points import points
from isobit.backends.dataflow.whole import whole_design
from isobit.build.folder import Build
from isobit.check.cosim.run import cosim
from isobit.check.csim.clocks import design_of
from isobit.errors import IsobitError
from isobit.frontend.qonnx.importer import import_onnx
from isobit.hardware import load_board
from isobit.ir.ops import Linear
from isobit.numerics.packing import Packing
from isobit.passes import optimise
from isobit.report.text import explain_layer
from tests.check.cosim.test_cosim import needs_verilator
from tests.onnx_builder import Net

SLOW = pytest.mark.slow
BOARDS = {"pynq-z1": 16, "kv260": 18}
"""A board with each kind of DSP48, and how far apart two operands of 8 bits lie there."""


def matrix(folder: Path, bits: int = 8, signed: int = 0, inputs: int = 8) -> Path:
    """A dense layer of 12 inputs (of ``inputs`` bits) and 6 outputs whose weights have their extremes."""
    rng = np.random.default_rng(5)
    net = Net(["N", 12])
    half = 1 << bits - 1
    w = rng.integers(-half, half, (12, 6))
    w[:, 0] = -half
    x = net.quant("x", 0.5, 0, inputs, signed=signed)
    y = net.op("MatMul", x, net.quant(w.astype(np.float32), 1.0, 0.0, bits))
    net.quant(net.op("Relu", y), 64.0, 0, 8, signed=0)
    return net.save(folder)


def convolution(folder: Path) -> Path:
    rng = np.random.default_rng(6)
    net = Net(["N", 2, 6, 12])
    w = net.quant(rng.integers(-128, 128, (3, 2, 3, 3)).astype(np.float32), 1.0, 0.0, 8)
    y = net.op("Conv", net.quant("x", 0.5, 0, 8, signed=0), w, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    net.quant(net.op("Relu", y), 128.0, 0, 8, signed=0)
    return net.save(folder)


def linear_of(path: Path) -> str:
    return next(node.name for node in import_onnx(path).nodes if isinstance(node, Linear))


def compiled(path: Path, board: str, lines: str) -> tuple[Build, str]:
    name = linear_of(path)
    plan = path.parent / "fixed.toml"
    plan.write_text(f"[layers.{name}]\n{lines}\n")
    return isobit.compile(path, path.parent / "build", plan=plan, board=board, max_util=1.0), name


def constants(build: Build, name: str) -> dict[str, int]:
    process = next(p for p in design_of(build).processes if p.node == name)
    return {key: int(value) for key, value in process.constants if not isinstance(value, str)}


DENSE = [  # PE, SIMD: with and without a partner, chains that divide SIMD and that do not
    (3, 6), *(pytest.param(*folding, marks=SLOW) for folding in ((6, 12), (2, 6), (6, 1), (3, 12)))
]  # fmt: skip
SAMPLED = [(2, 3, 18), *(pytest.param(*folding, marks=SLOW) for folding in ((3, 1, 6), (1, 3, 18), (4, 1, 2)))]
"""Samples, PE, SIMD: pairs that meet in an input, and in a weight."""


@pytest.mark.parametrize(("pe", "simd"), DENSE)
@pytest.mark.parametrize("board", BOARDS)
def test_cpp_is_graph(tmp_path: Path, board: str, pe: int, simd: int) -> None:
    build, name = compiled(matrix(tmp_path), board, f'pe = {pe}\nsimd = {simd}\nmultiplier = "packed"')
    found = constants(build, name)
    assert found["PACKED"] == BOARDS[board] and found["CHAIN"] == min(simd, {"pynq-z1": 1, "kv260": 4}[board])
    assert isobit.csim(build, vectors=128, checked=True).equal


@pytest.mark.parametrize(("samples", "pe", "simd"), SAMPLED)
def test_cpp_is_graph_of_several_samples(tmp_path: Path, samples: int, pe: int, simd: int) -> None:
    lines = f'samples = {samples}\npe = {pe}\nsimd = {simd}\nmultiplier = "packed"'
    build, name = compiled(convolution(tmp_path), "kv260", lines)
    assert "PACKED" in constants(build, name)
    assert isobit.csim(build, vectors=32, checked=True).equal


@needs_verilator
@pytest.mark.parametrize(("pe", "simd"), DENSE)
@pytest.mark.parametrize("board", ["kv260", pytest.param("pynq-z1", marks=SLOW)])
def test_rtl_is_graph(tmp_path: Path, board: str, pe: int, simd: int) -> None:
    """At the declared interval and latency, too."""
    build, _ = compiled(matrix(tmp_path), board, f'pe = {pe}\nsimd = {simd}\nmultiplier = "packed"')
    result = cosim(build, 16)
    assert result.mismatches == 0, result
    assert (result.interval, result.latency) == (result.declared, result.declared_latency)


@needs_verilator
@pytest.mark.parametrize(("samples", "pe", "simd"), SAMPLED)
def test_rtl_is_graph_of_several_samples(tmp_path: Path, samples: int, pe: int, simd: int) -> None:
    lines = f'samples = {samples}\npe = {pe}\nsimd = {simd}\nmultiplier = "packed"'
    build, _ = compiled(convolution(tmp_path), "kv260", lines)
    result = cosim(build, 4)
    assert result.mismatches == 0, result
    assert (result.interval, result.latency) == (result.declared, result.declared_latency)


def test_explain_says_which_and_why(tmp_path: Path) -> None:
    build, name = compiled(matrix(tmp_path), "kv260", "pe = 3\nsimd = 6")
    console = Console(width=160)
    with console.capture() as capture:
        console.print(explain_layer(build, name))
    said = capture.get()
    assert "a DSP for two outputs that meet in an input, 18 bits apart" in said
    assert "4 products summed in it, 1 without a partner" in said
    assert "a DSP for every product" in said
    assert [c.implementation for c in build.manifest.project.layers[name].multipliers] == ["packed", "single"]


def test_the_plan_file_holds_it(tmp_path: Path) -> None:
    build, name = compiled(matrix(tmp_path), "kv260", "pe = 2\nsimd = 6")
    text = (build.path / "plan.toml").read_text()
    assert tomllib.loads(text)["layers"][name]["multiplier"] == "packed"
    single, _ = compiled(matrix(tmp_path), "kv260", 'pe = 2\nsimd = 6\nmultiplier = "single"')
    assert "PACKED" not in constants(single, name)
    layers = [b.manifest.project.layers[name] for b in (build, single)]
    assert [layer.cost.dsp for layer in layers] == [6, 12]


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    for lines, found in (
        ('pe = 1\nsimd = 4\nmultiplier = "packed"', "no two of them share an operand"),
        ('pe = 2\nsimd = 4\nmultiplier = "double"', "multiplier = 'double': '', 'single', 'packed' or 'adders'"),
    ):
        with pytest.raises(IsobitError, match=found) as caught:
            compiled(matrix(tmp_path), "kv260", lines)
        assert caught.value.code == "E503" and "line" in (caught.value.where or "")
    with pytest.raises(IsobitError, match="a product of one bit is a selection"):
        compiled(matrix(tmp_path, inputs=1), "kv260", 'pe = 2\nmultiplier = "packed"')


@needs_verilator
@pytest.mark.parametrize(("board", "signed", "pe", "simd"), [
    ("pynq-z1", 0, 3, 12), *(pytest.param(*c, marks=SLOW) for c in (("kv260", 1, 2, 6), ("pynq-z1", 1, 6, 3))),
])  # fmt: skip
def test_products_of_few_bits_share_dsps_where_a_plan_says_so(
    tmp_path: Path, board: str, signed: int, pe: int, simd: int
) -> None:
    """In C++ and RTL, at the declared interval and latency; a DSP for two outputs and one for what is left."""
    path = matrix(tmp_path, bits=4, signed=signed, inputs=4)
    build, name = compiled(path, board, f'pe = {pe}\nsimd = {simd}\nmultiplier = "packed"')
    found = constants(build, name)
    assert found["PACKED"] == (20 if board == "pynq-z1" else 22) and found["CHAIN"] == min(simd, 8)
    assert build.manifest.project.layers[name].cost.dsp == -(-pe // 2) * simd
    assert isobit.csim(build, vectors=64, checked=True).equal
    result = cosim(build, 16)
    assert result.mismatches == 0, result
    assert (result.interval, result.latency) == (result.declared, result.declared_latency)


def test_a_rate_that_does_not_fit_otherwise_takes_dsps_for_products_of_few_bits() -> None:
    """The shipped network at 8 clocks: one layer's products in DSPs, as many as the share has; none without need."""
    graph, board = optimise(import_onnx(demo.MODEL)), load_board("pynq-z1")
    all_of_it, most = (PlanRequest(interval=8, share=share) for share in (1.0, 0.6))
    free, tight = (plan_for(graph, board, request, whole_design) for request in (all_of_it, most))
    assert all(layer.packing is None for layer in free.layers.values())
    assert [name for name, layer in tight.layers.items() if layer.packing] == ["n_4_MatMul"]
    assert whole_design(graph, tight, most).cost.fits(board, 0.6)
    assert not whole_design(graph, free, all_of_it).cost.fits(board, 0.6)
    single = {name: LayerChoice(multiplier="single") for name in ("n_1_MatMul", "n_4_MatMul", "n_7_MatMul")}
    with pytest.raises(IsobitError, match="of 53200 LUT"):
        plan_for(graph, board, replace(most, layers=single), whole_design)


def test_the_planner_has_both_ways(tmp_path: Path) -> None:
    """So that no plan is worse than without packing: wherever LUTs are dear, a product a DSP may still be taken."""
    graph, name = import_onnx(matrix(tmp_path)), linear_of(tmp_path / "model.onnx")
    found = points(graph, graph.by_name[name], load_board("kv260"), LayerChoice())
    by_folding: dict[tuple[int, int], set[str]] = {}
    for point in found:
        layer = point.layers[0][1]
        by_folding.setdefault((layer.pe, layer.simd), set()).add(layer.multiplier)
    whole = max(by_folding)  # every weight a constant of the logic
    assert by_folding.pop(whole) == {"single", "packed", "adders"}
    assert all(ways == ({"single", "packed"} if pe > 1 else {""}) for (pe, _), ways in by_folding.items())
    fixed = points(graph, graph.by_name[name], load_board("kv260"), LayerChoice(multiplier="single", pe=2))
    assert {p.layers[0][1].multiplier for p in fixed} == {"single"}


@pytest.mark.parametrize("interval", [600, 72, None])
def test_no_plan_is_worse_than_without(tmp_path: Path, interval: int | None) -> None:
    """The rate asked for takes no more area; without one the fastest plan is no slower."""
    graph, board = import_onnx(convolution(tmp_path)), load_board("kv260")
    single = {linear_of(tmp_path / "model.onnx"): LayerChoice(multiplier="single")}
    free, without = (
        plan_for(graph, board, PlanRequest(share=1.0 if interval else 0.02, interval=interval, layers=layers))
        for layers in ({}, single)
    )
    assert (free.clocks if interval is None else free.cost.weight) <= (
        without.clocks if interval is None else without.cost.weight
    )


def test_the_estimate_is_half_the_dsps_and_adders_for_every_chain() -> None:
    given = (5, 6, 16, 8, 8, 20, "DSP48E2", "lutram")
    single, both, short = dense(*given), dense(*given, packing=Packing(18, 4)), dense(*given, packing=Packing(18, 1))
    assert (single.dsp, both.dsp) == (5 * 6, 3 * 6)
    assert short.dsp == both.dsp and short.lut > both.lut
