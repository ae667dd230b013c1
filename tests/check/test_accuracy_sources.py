"""The source's own run beside the graph: ONNX Runtime for standard ONNX files, LiteRT for TFLite files, and ArgMax."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from backends.interpreter_backend import NAME, known

from isobit.build.folder import Build
from isobit.check.csim.accuracy import accuracy, read_accuracy
from isobit.check.csim.beside import Compared
from isobit.check.csim.predict import predict
from isobit.check.source.run import source_outputs
from isobit.cli.terminal import Console
from isobit.errors import IsobitError
from isobit.flow import compile_model
from isobit.interp.host import quantise
from isobit.report.predict import accuracy_table
from tests.onnx_builder import Net
from tests.tflite_builder import TfliteNet

RNG = np.random.default_rng(5)


def compiled(model: Path, folder: Path) -> Build:
    with known():
        return compile_model(model, folder / "build", backend=NAME)


def qdq(net: Net, data: object, scale: float, dtype: type) -> str:
    """Quantised and dequantised, with a zero point of 0."""
    zero = net.const(0, dtype)
    return net.op("DequantizeLinear", net.op("QuantizeLinear", data, net.const(scale), zero), net.const(scale), zero)


def test_onnx_runtime_runs_standard_files(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    net = Net([1, 6])
    w = qdq(net, RNG.normal(size=(6, 4)).astype(np.float32), 0.02, np.int8)
    qdq(net, net.op("MatMul", qdq(net, "x", 0.05, np.int8), w), 0.1, np.int8)
    build, x = compiled(net.save(tmp_path), tmp_path), RNG.normal(size=(30, 6)).astype(np.float32)
    with known():
        found = accuracy(build, x, predict(build, x).argmax(axis=1))
    assert [s.name.partition(" 1")[0] for s in found.scores] == ["C++", "graph", "source, onnxruntime"]
    assert [s.top1 for s in found.scores] == [30, 30, 30 - found.differing[1].predictions] and found.mismatches == 0


def moved(scale: float, folder: Path) -> Path:
    """A dense layer whose output has this scale: of another scale, other integers."""
    folder.mkdir(exist_ok=True)
    net, rng = Net([1, 6]), np.random.default_rng(7)
    w = qdq(net, rng.normal(size=(6, 4)).astype(np.float32), 0.02, np.int8)
    qdq(net, net.op("MatMul", qdq(net, "x", 0.05, np.int8), w), scale, np.int8)
    return net.save(folder)


def test_the_source_in_exact_arithmetic_is_compared_on_as_many_samples_as_asked_for(tmp_path: Path) -> None:
    build, x = compiled(moved(0.1, tmp_path), tmp_path), RNG.normal(size=(50, 6)).astype(np.float32)
    y = np.zeros(50, np.int64)
    with known():
        (same,) = accuracy(build, x, y, source=False, exact=45).others
        build.source.write_bytes(moved(0.11, tmp_path / "other").read_bytes())
        found = accuracy(build, x, y, source=False, exact=1000)
    assert same == Compared("source in exact arithmetic", 180, 0)
    assert found.others[0].outputs == 200 and found.others[0].mismatches > 0 and not found.equal


@pytest.mark.parametrize("form", ["real", "integers"])
def test_litert_runs_tflite_files(form: str, tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    net = TfliteNet()
    w = net.const(RNG.integers(-127, 128, (4, 6)), 0.02)
    net.op("FULLY_CONNECTED", [net.input((1, 6), 0.1, 3), w, -1], (1, 4), 0.3, -5)
    build, integers = compiled(net.save(tmp_path / "m.tflite"), tmp_path), RNG.integers(-128, 128, (30, 6))
    x = integers if form == "integers" else ((integers - 3) * np.float32(0.1)).astype(np.float32)
    with known():
        mine = predict(build, x, integers=True)
        found = accuracy(build, x, predict(build, x).argmax(axis=1))
    if form == "real":
        assert np.array_equal(quantise(build.graph.inputs[0], x), integers)
    with known(), pytest.raises(IsobitError, match="E607"):
        accuracy(build, x, np.zeros(30, np.int64), exact=3)
    judge, theirs = source_outputs(build, {build.graph.inputs[0].outside: x})
    name = build.graph.outputs[0].outside
    wanted = np.round((theirs[name] - mine.offset) / mine.scale).astype(np.int64)
    assert judge.startswith("LiteRT") and np.array_equal(mine.values, wanted)
    assert [s.top1 for s in found.scores] == [30, 30, 30]


def test_a_class_that_the_fabric_selects_is_the_prediction(tmp_path: Path) -> None:
    net = Net([1, 4])
    w = net.quant(0.25 * RNG.integers(-7, 8, size=(4, 3)), 0.25, 0.0, 4, narrow=1)
    net.op("ArgMax", net.quant(net.op("MatMul", net.quant("x", 0.5, 0.0, 4), w), 0.5, 0.0, 8), axis=1, keepdims=0)
    build, x = compiled(net.save(tmp_path), tmp_path), RNG.normal(size=(20, 4)).astype(np.float32)
    with known():
        labels = predict(build, x).reshape(-1).astype(int)
        found = accuracy(build, x, labels)
    assert (found.classes, found.k) == (3, 1) and found.scores[0].top1 == 20
    assert {s.top1 for s in found.scores} == {20}


def test_a_prediction_that_float32_decides_otherwise_names_its_tie(tmp_path: Path) -> None:
    """Of 6 * 0.05 exact arithmetic finds less than 0.3, float32 finds 0.3: another class."""
    pytest.importorskip("qonnx")
    net = Net([1, 1])
    less = net.op("Cast", net.op("Less", net.quant("x", 0.05, bits=5), 0.3), to=1)
    weights, bias = net.quant(np.array([[1.0, -1.0]]), 1.0, bits=3), np.array([0.0, 0.5])
    net.op("Add", net.op("MatMul", less, weights), bias)
    build, x = compiled(net.save(tmp_path), tmp_path), (np.arange(8)[:, None] * np.float32(0.05)).astype(np.float32)
    with known():
        found = accuracy(build, x, np.zeros(8, np.int64))
    (differing,) = [d for d in found.differing if d.first == "graph"]
    assert (differing.predictions, differing.samples) == (1, (6,)) and differing.reasons[0] in build.graph.by_name
    shown = StringIO()
    Console(file=shown, width=200).print(accuracy_table(found))
    assert f"1 predictions differ (samples 6 by a tie in {differing.reasons[0]})" in shown.getvalue()
    with known():
        assert read_accuracy(build) == found
