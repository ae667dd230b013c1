"""Inputs that nothing reads and numbers per sample: no port, and both oracles all the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

import isobit
from isobit.check.csim.run import own_samples
from isobit.check.csim.stimuli import vectors_for
from isobit.check.source.compare import check_source
from isobit.check.source.verdict import SourceVerdict
from tests.onnx_builder import Net
from tests.tflite_builder import TfliteNet

RNG = np.random.default_rng(3)


def judged(build: isobit.Build, inputs: object = None) -> SourceVerdict:
    """The second verdict on a few vectors, without the first."""
    own = own_samples(build.graph, inputs) if inputs is not None else {}
    return check_source(build, vectors_for(build.graph, 9, seed=2), own)


def qdq(net: Net, x: str, scale: float) -> str:
    """A pair of linear quantisers of int8."""
    zero = net.const(0, np.int8)
    return net.op("DequantizeLinear", net.op("QuantizeLinear", x, scale, zero), scale, zero)


def dense(shape: tuple[int, ...] = (1, 6)) -> tuple[Net, str]:
    net = Net(shape)
    weights = net.op("DequantizeLinear", net.const(RNG.integers(-9, 9, (6, 3)), np.int8), 0.05, net.const(0, np.int8))
    return net, net.op("MatMul", qdq(net, "x", 0.1), weights)


@pytest.mark.parametrize("elem", [TensorProto.FLOAT, TensorProto.INT8])
def test_an_input_that_nothing_reads(elem: int, tmp_path: Path) -> None:
    net, y = dense()
    net.inputs.append(helper.make_tensor_value_info("unread", elem, [1, 4]))
    y = qdq(net, y, 0.3)
    build = isobit.compile(net.save(tmp_path, y, y, opset=17), tmp_path / "build")
    assert [i.outside for i in build.graph.inputs] == ["x"] and [o.outside for o in build.graph.outputs] == [y]
    x = RNG.normal(0, 3, (9, 6)).astype(np.float32)
    verdict = judged(build, {"x": x, "unread": np.zeros((9, 4))})
    assert verdict.equal and verdict.exact_outputs == 27 and verdict.float_samples == 9
    assert np.array_equal(build.predict(x, graph=True), build.predict({"x": x, "unread": x}, graph=True))


def test_an_input_of_a_tflite_file_that_nothing_reads(tmp_path: Path) -> None:
    net = TfliteNet()
    x = net.input((1, 6), 0.1, -3)
    net.input((1, 4), 0.2)
    weights, bias = net.const(RNG.integers(-9, 9, (3, 6)), 0.05), net.integers(np.arange(3), 0.005)
    net.save(tmp_path / "m.tflite", outputs=[net.op("FULLY_CONNECTED", [x, weights, bias], (1, 3), 0.2, 5)])
    build = isobit.compile(tmp_path / "m.tflite", tmp_path / "build")
    assert len(build.graph.inputs) == 1
    assert judged(build).equal


def test_a_number_per_sample_behind_a_quantiser(tmp_path: Path) -> None:
    net, y = dense()
    total = net.op("ReduceSum", qdq(net, y, 0.3), net.const([1], np.int64), keepdims=0)
    build = isobit.compile(net.save(tmp_path, qdq(net, total, 0.5), opset=17), tmp_path / "build")
    verdict = judged(build)
    assert verdict.equal and verdict.float_integers > 0 and not verdict.unexplained
