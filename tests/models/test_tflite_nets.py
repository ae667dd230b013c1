"""TFLite networks from file to C++: both verdicts, on drawn networks that hold every kind of operator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from models.tflite_nets import NETS, Net, encoder, sixteen_bits
from numpy.typing import NDArray

import isobit
from isobit.check.cosim.run import cosim
from isobit.check.source.compare import check_source
from isobit.check.source.tflite import verdict as verdict_of_kernels
from isobit.errors import IsobitError
from isobit.frontend.tflite.file import load_tflite
from isobit.frontend.tflite.importer import import_tflite
from isobit.interp import run
from isobit.ir.ops import Output
from isobit.passes import optimise
from tests.check.cosim.test_cosim import needs_verilator
from tests.litert import run_reference
from tests.tflite_builder import TfliteNet

INT8 = {"attended", "normalised"}
"""Networks with an operator whose kernel takes int8 alone."""


@pytest.mark.parametrize(
    ("name", "dtype"), [(n, d) for n in NETS for d in ("int8", "uint8") if {n, d} - INT8 != {"uint8"}]
)
def test_the_passes_keep_the_integers_of_the_reference_kernels(name: str, dtype: str, tmp_path: Path) -> None:
    net = NETS[name](dtype)
    path, given = net.save(tmp_path / "model.tflite"), _samples(net, 40)
    graph = optimise(import_tflite(path))
    (entering,) = graph.inputs
    found = run(graph, {entering.name: given.astype(np.int64)})
    _same_as_litert(net, path, given, graph.outputs[0], found[graph.outputs[0].name])


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("residual", "int8"),
        ("upsampled", "uint8"),
        *(
            pytest.param(name, "int8", marks=pytest.mark.slow)
            for name in ("enlarged", "excited", "attended", "normalised")
        ),
    ],
)
def test_cpp_computes_them_too(name: str, dtype: str, tmp_path: Path) -> None:
    net = NETS[name](dtype)
    path, given = net.save(tmp_path / "model.tflite"), _samples(net, 12)
    build = isobit.compile(path, tmp_path / "build", board="zcu104")
    assert build.source.name == "source.tflite"
    result = isobit.csim(build, given, taps=tmp_path / "taps.npz")
    assert result.equal and result.source is not None and result.source.form == "tflite"
    assert [run.mismatches for run in result.runs] == [0, 0] and result.source.exact_mismatches == 0
    layers = sum(int(np.prod(net.tensors[o].shape)) for op in net.operators for o in op.outputs if op.op != "SOFTMAX")
    assert result.source.float_integers == 12 * layers  # of all tensors
    reference = result.source.oracles[0]
    assert (reference.integers, reference.mismatches, reference.unexplained) == (12 * layers, 0, 0)
    (output,) = build.graph.outputs
    with np.load(tmp_path / "taps.npz") as taps:
        _same_as_litert(net, path, given, output, taps[output.inputs[0]])


@pytest.mark.slow
def test_a_whole_encoder_block_has_the_integers_of_the_reference_kernels(tmp_path: Path) -> None:
    """Four heads, 16 tokens, 64 wide, before and after the passes."""
    net = encoder("int8")
    path, given = net.save(tmp_path / "model.tflite"), _samples(net, 6)
    graph = import_tflite(path)
    for one in (graph, optimise(graph)):
        found = run(one, {one.inputs[0].name: given.astype(np.int64)})
        _same_as_litert(net, path, given, one.outputs[0], found[one.outputs[0].name])


def test_16_bit_activations_have_the_integers_of_the_reference_kernels_before_and_after_the_passes(
    tmp_path: Path,
) -> None:
    net = sixteen_bits()
    path, given = net.save(tmp_path / "model.tflite"), _samples(net, 20)
    graph = import_tflite(path)
    for one in (graph, optimise(graph)):
        found = run(one, {one.inputs[0].name: given.astype(np.int64)})
        _same_as_litert(net, path, given, one.outputs[0], found[one.outputs[0].name])


@pytest.mark.slow
@needs_verilator
def test_cpp_and_rtl_compute_16_bit_activations(tmp_path: Path) -> None:
    net = sixteen_bits()
    build = isobit.compile(net.save(tmp_path / "model.tflite"), tmp_path / "build", board="zcu104")
    result = isobit.csim(build, _samples(net, 40))
    assert result.equal and result.source is not None and [run.mismatches for run in result.runs] == [0, 0]
    layers = sum(int(np.prod(net.tensors[o].shape)) for op in net.operators for o in op.outputs)
    reference = result.source.oracles[0]
    assert (reference.integers, reference.mismatches, reference.unexplained) == (40 * layers, 0, 0)
    simulated = cosim(build, 4)
    assert (simulated.mismatches, simulated.outputs) == (0, 12)


def _samples(net: Net, count: int) -> NDArray[Any]:
    if net.dtype == "int16":
        shape = (count, *net.shape(net.inputs[0]))
        return np.random.default_rng(2).integers(-(1 << 15), 1 << 15, shape).astype(np.int16)
    made = np.random.default_rng(2).integers(0, 256, (count, *net.shape(net.inputs[0]))).astype(np.uint8)
    return made if net.dtype == "uint8" else made.view(np.int8)


def _same_as_litert(net: Net, path: Path, given: NDArray[Any], output: Output, integers: NDArray[Any]) -> None:
    """An output's integers stand for the real values of LiteRT's."""
    last = next(o for o in reversed(load_tflite(path).operators) if o.op != "SOFTMAX").outputs[0]
    theirs = run_reference(path, {net.inputs[0]: given})[last].astype(object) - net.tensors[last].zero_point[0]
    real = integers.astype(object) * output.scale[0] + output.offset[0]
    assert (real.reshape(theirs.shape) == theirs * output.scale[0]).all()
    assert len(np.unique(integers)) > 9


def test_float_inputs_are_quantised_as_the_kernel_does_it(tmp_path: Path) -> None:
    net = TfliteNet()
    x = net.input((1, 300), dtype="float32")
    q = net.op("QUANTIZE", [x], (1, 300), 0.5, -7)
    weights = np.random.default_rng(0).integers(-128, 128, (4, 300))
    y = net.op("FULLY_CONNECTED", [q, net.const(weights, 0.01), -1], (1, 4), 3.0, 5)
    path = net.save(tmp_path / "model.tflite", [net.op("DEQUANTIZE", [y], (1, 4), dtype="float32")])
    halves = (np.random.default_rng(1).integers(-150, 150, (20, 300)) / 4).astype(np.float32)
    result = isobit.csim(isobit.compile(path, tmp_path / "build"), halves)
    assert result.equal and result.source is not None and result.source.float_samples == 20


def test_what_a_tflite_file_does_not_take(tmp_path: Path) -> None:
    path = NETS["residual"]("int8").save(tmp_path / "model.tflite")
    with pytest.raises(IsobitError) as refused:
        isobit.compile(path, tmp_path / "build", input_type="UINT8")
    assert refused.value.code == "E209"
    with pytest.raises(IsobitError) as refused:
        isobit.compile(path, tmp_path / "build", rescale_bits=8, refit=True)
    assert refused.value.code == "E804" and not (tmp_path / "build").exists()


def test_a_wrong_integer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The verdict is the evaluator's: one that disagrees in one integer is believed."""
    net = NETS["residual"]("int8")
    build = isobit.compile(net.save(tmp_path / "model.tflite"), tmp_path / "build", board="zcu104")
    honest = verdict_of_kernels.evaluate_tflite

    def dishonest(model: Any, inputs: Any) -> Any:
        found = dict(honest(model, inputs))
        layer = max(found)
        found[layer] = found[layer].copy()
        found[layer].reshape(-1)[3] += 1
        return found

    integers = {build.graph.inputs[0].name: _samples(net, 4).astype(np.int64)}
    assert check_source(build, integers, {}).equal
    monkeypatch.setattr(verdict_of_kernels, "evaluate_tflite", dishonest)
    verdict = check_source(build, integers, {})
    assert not verdict.equal and verdict.exact_mismatches == 1 and len(verdict.unexplained) == 1
    assert verdict.unexplained[0].element == (3,)
