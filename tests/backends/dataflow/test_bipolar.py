"""Networks of -1 and 1: bits in streams and memories, chosen where they cost less, the same integers everywhere."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import isobit
from isobit.backends.dataflow.catalogue.cost import dense
from isobit.backends.dataflow.fifo import size_fifos
from isobit.backends.dataflow.lower import lower
from isobit.backends.dataflow.network import Network
from isobit.backends.dataflow.planner import LayerChoice, PlanRequest, plan_for
from isobit.backends.dataflow.timed import timing
from isobit.build.folder import Build
from isobit.check.cosim.run import cosim
from isobit.check.csim.clocks import design_of
from isobit.errors import IsobitError
from isobit.frontend.qonnx.importer import import_onnx
from isobit.hardware import load_board
from isobit.ir.ops import Linear
from isobit.numerics.bipolar import Bipolar
from isobit.passes import optimise
from isobit.report.text import explain_layer
from tests.backends.dataflow.fifo_designs import depths_of, frame_ends
from tests.check.cosim.test_cosim import needs_verilator
from tests.onnx_builder import Net

SLOW = pytest.mark.slow


def binary(folder: Path, pads: int = 0, act_bits: int = 1) -> Path:
    """8-bit pixels, two convolutions with a pool between them, a dense layer; weights of -1 and 1."""
    rng = np.random.default_rng(11)
    net = Net(["N", 2, 10, 8])

    def layer(x: str, *shape: int, **attributes: object) -> str:
        w = net.bipolar(rng.normal(size=shape).astype(np.float32))
        return net.op("Conv" if len(shape) == 4 else "MatMul", x, w, **attributes)

    def activation(x: str, channels: int) -> str:
        shifted = net.op("Add", x, rng.normal(size=channels).reshape(1, channels, *[1] * 2) * 3)
        return net.bipolar(shifted) if act_bits == 1 else net.quant(net.op("Relu", shifted), 4.0, 0, act_bits, signed=0)

    conv = {"kernel_shape": [3, 3], "pads": [pads] * 4}
    x = activation(layer(net.quant("x", 1.0, 0, 8), 6, 2, 3, 3, **conv), 6)
    x = net.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = activation(layer(x, 4, 6, 3, 3, **conv), 4)
    height, width = (5, 4) if pads else (2, 1)
    layer(net.op("Flatten", x), 4 * height * width, 6)
    return net.save(folder)


def linears(path: Path) -> list[str]:
    return [node.name for node in import_onnx(path).nodes if isinstance(node, Linear)]


def compiled(path: Path, lines: str, board: str = "pynq-z1") -> Build:
    plan = path.parent / "fixed.toml"
    plan.write_text("".join(f"[layers.{name}]\n{lines}\n" for name in linears(path)))
    return isobit.compile(path, path.parent / "build", plan=plan, board=board, max_util=1.0)


def widths(build: Build) -> dict[str, int]:
    return {s.name: s.elem.bits for s in design_of(build).streams}


NETS = [{}, {"pads": 1}, {"act_bits": 2}]
"""All bits; a border of zeros, beside which -1 and 1 keep two; weights alone."""


@pytest.mark.parametrize("kind", NETS)
def test_cpp_is_graph_and_source(tmp_path: Path, kind: dict[str, int]) -> None:
    build = compiled(binary(tmp_path, **kind), 'weights = "bipolar"')
    assert all("BIPOLAR" in dict(p.constants) for p in design_of(build).processes if p.template.endswith("dense"))
    result = isobit.csim(build, vectors=64, checked=True)
    assert result.equal


def test_streams_and_weights_have_one_bit(tmp_path: Path) -> None:
    build = compiled(binary(tmp_path), 'weights = "bipolar"')
    graph = build.graph
    steps = [n.name for n in graph.nodes if n.op in ("step", "maxpool")]
    assert len(steps) == 3 and all(str(graph.types[name]).endswith("u1{0..1}") for name in steps)
    assert {widths(build)["s_" + name] for name in steps} == {1}
    arrays = [a for p in design_of(build).processes for a in p.arrays if a.name.endswith("weights")]
    assert len(arrays) == 3 and all(a.elem.bits == 1 for a in arrays)


def test_a_border_of_zeros_is_a_third_value(tmp_path: Path) -> None:
    graph = compiled(binary(tmp_path, pads=1), "").graph
    pads = [n.name for n in graph.nodes if n.op == "pad"]
    assert str(graph.types[pads[-1]]).endswith("s2{-1..1}")  # what goes to the dense layer is padded nowhere
    assert sum(str(graph.types[n.name]).endswith("u1{0..1}") for n in graph.nodes if n.op == "step") == 1


@needs_verilator
@pytest.mark.parametrize("kind", [NETS[0], *(pytest.param(kind, marks=SLOW) for kind in NETS[1:])])
@pytest.mark.parametrize("folding", ["pe = 2\nsimd = 2", pytest.param("pe = 1\nsimd = 1", marks=SLOW)])
def test_rtl_is_graph(tmp_path: Path, kind: dict[str, int], folding: str) -> None:
    """At the declared interval and latency, too."""
    build = compiled(binary(tmp_path, **kind), f'weights = "bipolar"\n{folding}')
    result = cosim(build, 4)
    assert (result.mismatches, result.interval) == (0, result.declared), result
    assert result.latency == result.declared_latency


def test_the_latency_is_that_of_a_frame_that_finds_the_design_empty(tmp_path: Path) -> None:
    """Behind the pool a block of rows comes in one word: the second frame's first must wait for the first frame."""
    graph = optimise(import_onnx(binary(tmp_path, pads=1)))
    layers = {name: LayerChoice(pe=2, simd=2, weights="bipolar") for name in linears(tmp_path / "model.onnx")}
    design = size_fifos(lower(graph, plan_for(graph, load_board("pynq-z1"), PlanRequest(1.0, layers=layers))))
    found = timing(Network(design))
    assert design.latency == found.latency < found.steady
    ends = frame_ends(design, depths_of(design), 3)
    assert ends is not None and ends[0] == found.latency - 1
    assert found.latency - 1 + design.interval < ends[1] < ends[2] == ends[1] + design.interval


def test_explain_and_the_plan_file_say_it(tmp_path: Path) -> None:
    path = binary(tmp_path)
    build = compiled(path, 'weights = "bipolar"')
    name = linears(path)[1]
    console = Console(width=160)
    with console.capture() as capture:
        console.print(explain_layer(build, name))
    assert "weights of 1 bit, which select inputs" in capture.get()
    assert tomllib.loads((build.path / "plan.toml").read_text())["layers"][name]["weights"] == "bipolar"


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    net = Net(["N", 4])
    x = net.quant("x", 0.5, 0, 8)
    net.op("MatMul", x, net.quant(np.arange(8).reshape(4, 2) - 4.0, 1.0, 0.0, 4))
    with pytest.raises(IsobitError, match="not all -1 or 1") as caught:
        compiled(net.save(tmp_path), 'weights = "bipolar"')
    assert caught.value.code == "E503"


def test_the_estimate_is_less_than_that_of_integers() -> None:
    integers, bits = (
        dense(16, 32, 18, x, w, 12, "DSP48E1", code=code) for x, w, code in ((2, 2, None), (1, 1, Bipolar()))
    )
    assert bits.weight * 2 < integers.weight
