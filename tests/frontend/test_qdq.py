"""QuantizeLinear and DequantizeLinear: every integer is that of exact arithmetic, and of ONNX Runtime."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from isobit.check.source.compare import check_source
from isobit.flow import compile_model
from isobit.frontend.onnx.file import load_onnx
from isobit.frontend.qonnx.importer import import_onnx
from isobit.interp import dequantise, quantise, run
from isobit.ir import Graph
from tests.frontend.qonnx_oracle import assert_exact, real_output
from tests.onnx_builder import Net

WIDE = {"opset": 21, "ir_version": 10}  # the first opset whose integers may have 16 bits
POINTS = [*((np.uint8, z) for z in (0, 1, 3, 127, 128, 255)), *((np.int8, z) for z in (-128, -127, -3, 0, 5, 127))]


def quantised(net: Net, data: object, scale: object, zero: object, dtype: Any = np.uint8, **attrs: int) -> str:
    """A QuantizeLinear."""
    return net.op("QuantizeLinear", data, net.const(scale), net.const(zero, dtype), **attrs)


def dequantised(net: Net, data: str, scale: object, zero: object, dtype: Any = np.uint8, **attrs: int) -> str:
    """A DequantizeLinear."""
    return net.op("DequantizeLinear", data, net.const(scale), net.const(zero, dtype), **attrs)


def through(net: Net, data: object, scale: object, zero: object, dtype: Any = np.uint8, **attrs: int) -> str:
    """Quantised and dequantised with the same parameters."""
    return dequantised(net, quantised(net, data, scale, zero, dtype, **attrs), scale, zero, dtype, **attrs)


def runtime(path: Path, x: Any) -> dict[str, Any]:
    """What ONNX Runtime computes from the file as it stands, by output name."""
    proto, source = onnx.load(path), load_onnx(path)
    for value, info in zip(proto.graph.output, source.outputs, strict=True):
        value.type.tensor_type.elem_type = helper.np_dtype_to_tensor_dtype(np.dtype(info.dtype))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options)
    names = [value.name for value in session.get_outputs()]
    return dict(zip(names, session.run(names, {"x": x.astype(source.inputs[0].dtype)}), strict=True))


def check(net: Net, folder: Path, x: Any, *outputs: str, **versions: int) -> Graph:
    """The graph's outputs are those of exact arithmetic and those of ONNX Runtime (the sums must fit a float32)."""
    x = np.asarray(x, np.float32)
    graph = assert_exact(net, folder, x, *outputs, **versions)
    integers = run(graph, {node.name: quantise(node, x) for node in graph.inputs})
    theirs = runtime(folder / "model.onnx", x)
    for node in graph.outputs:
        mine, other = real_output(node, integers[node.name]), theirs[node.outside]
        assert mine.shape == other.shape
        wrong = [i for i in np.ndindex(other.shape) if mine[i] != Fraction(other[i].item())]
        assert not wrong, (node.outside, wrong[0], mine[wrong[0]], other[wrong[0]])
    return graph


def halves(scale: float = 1.0) -> Any:
    """A column of every half from far below to far above 8 bits around any zero point, in units of ``scale``."""
    return (np.arange(-1040, 1041) / 2 * scale)[:, np.newaxis].astype(np.float32)


@pytest.mark.parametrize(("dtype", "zero"), POINTS)
@pytest.mark.parametrize("scale", [0.5, 0.3])
def test_every_level_and_every_tie_on_the_host(tmp_path: Path, dtype: Any, zero: int, scale: float) -> None:
    net = Net(["N", 1])
    quantised(net, "x", scale, zero, dtype)
    graph = check(net, tmp_path, halves(scale))
    kind, limits = graph.types[graph.outputs[0].name], np.iinfo(dtype)
    lo, hi = limits.min - zero, limits.max - zero
    # a zero is a zero in the hardware, but for integers that would need nine bits with it
    assert kind.bits == 8 and (kind.bounds == (lo, hi)) == (zero in (limits.min, limits.min + 128))


@pytest.mark.parametrize(("dtype", "zero"), POINTS)
def test_every_level_and_every_tie_inside(tmp_path: Path, dtype: Any, zero: int) -> None:
    net = Net(["N", 1])
    quantised(net, through(net, "x", 0.5, 0, np.int16), 1.0, zero, dtype)
    check(net, tmp_path, halves(), **WIDE)


def test_a_tie_at_an_odd_zero_point_is_not_that_of_quant(tmp_path: Path) -> None:
    net = Net(["N", 1])
    ours = quantised(net, through(net, "x", 0.5, 0, np.int8), 1.0, 3, np.int8)
    other = net.op("Add", net.quant(through(net, "x", 0.5, 0, np.int8), 1.0, 3.0, 8), 3.0)
    path = net.save(tmp_path, ours, other)
    graph = import_onnx(path)
    x = np.array([[0.5], [1.5]], np.float32)
    integers = run(graph, {node.name: quantise(node, x) for node in graph.inputs})
    found = {node.outside: real_output(node, integers[node.name]).ravel().tolist() for node in graph.outputs}
    assert found == {ours: [3, 5], other: [4, 4]}


@pytest.mark.parametrize("axis", [1, -1, None])
@pytest.mark.parametrize("inside", [False, True])
def test_per_axis_scales_and_zero_points(tmp_path: Path, axis: int | None, inside: bool) -> None:
    net, attrs = Net(["N", 3]), {} if axis is None else {"axis": axis}
    current = through(net, "x", 0.125, 0, np.int16) if inside else "x"
    q = quantised(net, current, [0.25, 0.5, 2.0], [3, -7, 0], np.int8, **attrs)
    y = dequantised(net, q, [0.25, 0.5, 2.0], [3, -7, 0], np.int8, **attrs)
    check(net, tmp_path, np.tile(halves(0.25), 3), q, y, **WIDE)


@pytest.mark.parametrize("zeros", [[0, 0, 0], [1, 5, -100]])
@pytest.mark.parametrize(("shape", "axis"), [((3, 2, 2), 1), ((3, 2, 2), -3), ((2, 3, 2), 2), ((2, 2, 3), -1)])
def test_per_axis_of_an_image(tmp_path: Path, shape: tuple[int, ...], axis: int, zeros: list[int]) -> None:
    net = Net(["N", *shape])
    y = through(net, "x", [0.1, 0.7, 1.3], zeros, np.int8, axis=axis)
    quantised(net, y, 0.9, 1)
    assert_exact(net, tmp_path, np.random.default_rng(0).normal(0, 60, (40, *shape)))


def test_zero_points_that_differ_on_the_host_cost_a_step_and_equal_ones_none(tmp_path: Path) -> None:
    for zeros, nodes in (([255, 0], ["input", "step", "output"]), ([7, 7], ["input", "output"])):
        net = Net(["N", 2])
        through(net, "x", [0.5, 0.5], zeros)
        graph = check(net, tmp_path, np.tile(halves(0.5), 2))
        assert [node.op for node in graph.nodes] == nodes


@pytest.mark.parametrize("dtype", [np.uint16, np.int16])
@pytest.mark.parametrize("zero", [0, 257, 32767])
def test_sixteen_bits(tmp_path: Path, dtype: Any, zero: int) -> None:
    net = Net(["N", 1])
    y = through(net, "x", 0.5, zero, dtype)
    z = quantised(net, y, 1.0, 3, np.uint16)
    x = np.concatenate([np.arange(-300, 300), np.arange(32600, 32900), np.arange(65200, 65900)])[:, np.newaxis]
    check(net, tmp_path, np.concatenate([x, -x]) / np.float32(4), y, z, **WIDE)


@pytest.mark.parametrize("attrs", [{}, {"output_dtype": TensorProto.INT8}, {"output_dtype": TensorProto.UINT16}])
def test_the_type_without_a_zero_point(tmp_path: Path, attrs: dict[str, int]) -> None:
    net = Net(["N", 1])
    q = net.op("QuantizeLinear", "x", 0.5, **attrs)
    graph = check(net, tmp_path, halves(0.5), q, net.op("DequantizeLinear", q, 0.5), **WIDE)
    limits = {0: (0, 255), TensorProto.INT8: (-128, 127), TensorProto.UINT16: (0, 65535)}
    assert graph.types[graph.outputs[0].name].bounds == limits[attrs.get("output_dtype", 0)]


def eye(net: Net, size: int) -> str:
    """The graph input, whose rows pick the rows of a product's weights."""
    return dequantised(net, quantised(net, "x", 1.0, 1), 1.0, 1)


@pytest.mark.parametrize(("dtype", "zero"), [(np.int8, 0), (np.int8, -3), (np.uint8, 131)])
def test_float_weights_are_quantised_as_the_runtime_does(tmp_path: Path, dtype: Any, zero: int) -> None:
    rng = np.random.default_rng(5)
    ties = (np.arange(-300, 300, dtype=np.float32) / 2 * np.float32(0.1)).reshape(4, -1)
    net = Net(["N", 4])
    weight = quantised(net, np.concatenate([ties, rng.normal(0, 6, (4, 50))], axis=1), 0.1, zero, dtype)
    net.op("MatMul", eye(net, 4), dequantised(net, weight, 1.0, zero, dtype))
    check(net, tmp_path, np.eye(4))


@pytest.mark.parametrize("axis", [0, 1])
def test_float_weights_per_axis(tmp_path: Path, axis: int) -> None:
    rng = np.random.default_rng(6)
    net = Net(["N", 4])
    scale, zero = [0.25, 0.5, 2.0, 1.0], [1, -3, 0, 7]
    weight = through(net, rng.normal(0, 30, (4, 4)), scale, zero, np.int8, axis=axis)
    net.op("MatMul", eye(net, 4), net.op("Transpose", weight, perm=[1, 0]))
    check(net, tmp_path, np.concatenate([np.eye(4), rng.integers(-1, 200, (30, 4))]))


def test_integers_of_the_file_move_between_the_two(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    net = Net(["N", 4])
    weight = net.op("Transpose", quantised(net, rng.normal(0, 30, (3, 4)), 0.5, 3), perm=[1, 0])
    net.op("MatMul", eye(net, 4), dequantised(net, weight, [0.5, 1.0, 2.0], [3, 3, 0], axis=1))
    check(net, tmp_path, rng.integers(0, 256, (30, 4)))


@pytest.mark.parametrize("per_axis", [False, True])
def test_a_convolution_with_an_int32_bias(tmp_path: Path, per_axis: bool) -> None:
    rng = np.random.default_rng(8)
    net = Net(["N", 2, 4, 4])
    scale, bias_scale = ([0.5, 0.25, 0.125], [0.25, 0.125, 0.0625]) if per_axis else (0.5, [0.25])
    x = through(net, "x", 0.5, 77)
    zero = np.zeros(3 if per_axis else (), int)
    weight = dequantised(net, net.const(rng.integers(-127, 128, (3, 2, 3, 3)), np.int8), scale, zero, np.int8, axis=0)
    bias = net.const(rng.integers(-4000, 4000, 3), np.int32)
    bias = net.op("DequantizeLinear", bias, net.const(bias_scale), axis=0)
    y = net.op("Relu", net.op("Conv", x, weight, bias, pads=[1, 1, 1, 1]))
    check(net, tmp_path, rng.normal(0, 40, (12, 2, 4, 4)), quantised(net, y, 16.0, -128, np.int8))


def test_an_int32_bias_beyond_float32_stays_exact(tmp_path: Path) -> None:
    net = Net(["N", 1])
    bias = dequantised(net, net.const([2**31 - 1], np.int32), 0.5, 2**24 + 1, np.int32)
    net.op("Add", through(net, "x", 1.0, 0), bias)
    graph = assert_exact(net, tmp_path, [[0.0], [7.0]])
    assert graph.outputs[0].offset == (Fraction(2**31 - 1 - 2**24 - 1, 2),)


def test_integer_operators_between_the_two(tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    net = Net(["N", 2, 4, 4])
    pooled = net.op("MaxPool", quantised(net, "x", 0.5, -5, np.int8), kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    moved = net.op("Transpose", pooled, perm=[0, 1, 3, 2])
    other = quantised(net, through(net, "x", 0.5, -5, np.int8), 2.0, 9, np.int8)
    other = net.op("MaxPool", other, kernel_shape=[1, 1])
    joined = net.op("Concat", moved, other, axis=1)
    flat = net.op("Reshape", joined, net.const([-1, 64], np.int64))
    y = net.op("MatMul", dequantised(net, flat, 0.25, -2, np.int8), rng.integers(-3, 4, (64, 3)))
    check(net, tmp_path, rng.normal(0, 40, (10, 2, 4, 4)), flat, quantised(net, y, 32.0, 130))


@pytest.mark.parametrize(("dtype", "elem"), [(np.uint8, TensorProto.UINT8), (np.int8, TensorProto.INT8)])
@pytest.mark.parametrize("zero", [0, 101])
def test_integers_in_and_integers_out(tmp_path: Path, dtype: Any, elem: int, zero: int) -> None:
    net = Net(["N", 2], elem=elem)
    y = net.op("MatMul", dequantised(net, "x", 0.5, zero, dtype), np.array([[1, -2, 3], [5, 0, -1]]))
    quantised(net, y, 2.0, zero, dtype)
    limits = np.iinfo(dtype)
    x = np.random.default_rng(1).integers(limits.min, limits.max + 1, (300, 2))
    check(net, tmp_path, np.concatenate([x, [[limits.min, limits.max]]]))


@pytest.mark.parametrize("function", ["Sigmoid", "Tanh", "LeakyRelu"])
def test_behind_an_activation_function(tmp_path: Path, function: str) -> None:
    net = Net(["N", 1])
    quantised(net, net.op(function, through(net, "x", 0.05, 1, np.int8)), 1 / 128, 3)
    assert_exact(net, tmp_path, halves(0.05)[::2])


def test_scales_of_unrelated_size_on_a_residual_sum(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    net = Net(["N", 4])
    x = through(net, "x", 0.0371, -11, np.int8)
    weight = through(net, rng.normal(0, 1, (4, 4)), 0.0113, 2, np.int8)
    y = through(net, net.op("MatMul", x, weight), 0.0917, 17, np.int8)
    quantised(net, net.op("Add", x, y), 0.0823, 201)
    assert_exact(net, tmp_path, rng.normal(0, 2, (60, 4)))


@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize(
    ("scale", "zero", "dtype"), [(1 / 256, -128, np.int8), (1 / 255, 0, np.uint8), (0.1, 3, np.int8)]
)
def test_behind_a_final_softmax_the_host_quantises(
    tmp_path: Path, back: bool, scale: float, zero: int, dtype: Any
) -> None:
    net = Net(["N", 5])
    y = net.op("Softmax", through(net, "x", 0.5, 3), axis=1)
    (through if back else quantised)(net, y, scale, zero, dtype)
    path = net.save(tmp_path)
    x = np.random.default_rng(2).normal(0, 4, (200, 5)).astype(np.float32)
    graph = import_onnx(path)
    (output,) = graph.outputs
    found = dequantise(output, run(graph, {node.name: quantise(node, x) for node in graph.inputs})[output.name])
    (wanted,) = runtime(path, x).values()
    assert np.array_equal(found, wanted)


def network(rng: np.random.Generator) -> Net:
    """A small file with everything in it, Softmax and its quantiser included."""
    net = Net([1, 1, 6, 6])
    current = through(net, "x", 0.043, 5, np.int8)
    weight = through(net, rng.normal(size=(3, 1, 3, 3)), [0.011, 0.023, 0.031], [0, 0, 0], np.int8, axis=0)
    bias = dequantised(net, net.const([100, -200, 7], np.int32), 0.0005, 0, np.int32)
    current = net.op("Relu", net.op("Conv", current, weight, bias, pads=[1, 1, 1, 1]))
    current = through(net, current, 0.0371, -128, np.int8)
    current = through(net, net.op("AveragePool", current, kernel_shape=[2, 2], strides=[2, 2]), 0.0371, -128, np.int8)
    current = net.op("Reshape", current, net.const([-1, 27], np.int64))
    current = net.op("MatMul", current, through(net, rng.normal(size=(27, 4)), 0.013, 9, np.int8))
    through(net, net.op("Softmax", through(net, current, 0.057, -89, np.int8), axis=1), 1 / 256, -128, np.int8)
    return net


def test_the_source_check_takes_such_a_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(12)
    path = network(rng).save(tmp_path)
    build = compile_model(path, tmp_path / "build")
    integers = {n.name: rng.integers(-133, 123, (16, *n.shape)) for n in build.graph.inputs}
    verdict = check_source(build, integers, {})
    assert (verdict.exact_outputs, verdict.exact_mismatches) == (16 * 4, 0)
    # three activation quantisers of 3x6x6, 3x3x3 and 4 integers
    assert (verdict.float_samples, verdict.float_integers) == (16, 16 * (108 + 27 + 4))
    assert not verdict.unexplained
    assert verdict.ties  # a mean of four integers has halves, and float32 has no quarter of 0.0371
