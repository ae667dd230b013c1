"""Every element type, domain, version and block form of the linear quantisers: exact, and as ONNX Runtime."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from isobit.check.source.exact.evaluate import evaluate_exact
from isobit.errors import IsobitError
from isobit.frontend.qonnx.importer import import_onnx
from tests.frontend.qonnx_oracle import assert_exact
from tests.frontend.test_qdq import check, dequantised, quantised, through
from tests.frontend.test_qoperators import QNet
from tests.onnx_builder import QONNX, Net, save

SMALL = {"INT4": (-8, 7), "UINT4": (0, 15), "INT2": (-2, 1), "UINT2": (0, 3)}
FLOATS = ("FLOAT8E4M3FN", "FLOAT8E5M2", "FLOAT4E2M1")


def typed(net: Net, kind: str, values: Any) -> str:
    """A constant of an element type that numpy lacks."""
    name = f"k{len(net.constants)}"
    element = getattr(TensorProto, kind)
    net.constants.append(helper.make_tensor(name, element, np.shape(values), np.ravel(values).tolist()))
    return name


def samples(features: int = 4) -> Any:
    return np.random.default_rng(5).normal(0, 30, (24, features)).astype(np.float32)


@pytest.mark.parametrize("kind", SMALL)
def test_weights_and_activations_of_two_and_four_bits(tmp_path: Path, kind: str) -> None:
    if not hasattr(TensorProto, kind):
        pytest.skip("this ONNX does not know the type")
    lo, hi = SMALL[kind]
    net, zero = Net(["N", 4]), (lo + hi) // 2
    weights = np.random.default_rng(0).integers(lo, hi + 1, (4, 3))
    z = typed(net, kind, zero)
    w = net.op("DequantizeLinear", typed(net, kind, weights), net.const(0.5), z)
    y = net.op("MatMul", through(net, "x", 0.5, 3), w)
    net.op("DequantizeLinear", net.op("QuantizeLinear", y, net.const(4.0), z), net.const(4.0), z)
    versions = {"opset": 21 if "4" in kind else 25, "ir_version": 10 if "4" in kind else 13}
    (check if "4" in kind else assert_exact)(net, tmp_path, samples(), **versions)


def test_output_dtype_states_the_type(tmp_path: Path) -> None:
    net = Net(["N", 1])
    q = net.op("QuantizeLinear", "x", net.const(0.5), output_dtype=TensorProto.INT4)
    graph = assert_exact(net, tmp_path, np.arange(-40, 40)[:, None] / np.float32(8), q, opset=21, ir_version=10)
    assert graph.types[graph.outputs[0].name].bounds == (-8, 7)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint16])
def test_the_domain_of_onnx_runtime_below_opset_21(tmp_path: Path, dtype: Any) -> None:
    net = QNet(["N", 4])
    for step in range(2):
        data = "x" if not step else net.op("MatMul", net.nodes[-1].output[0], dequantised(
            net, net.const(np.random.default_rng(1).integers(-9, 9, (4, 4)), np.int8), 0.5, 0, np.int8))  # fmt: skip
        through(net, data, [0.5, 16.0][step], [0, 7][step], dtype)
    for node in net.nodes:
        node.domain = "com.microsoft" if node.op_type.endswith("Linear") else ""
    check(net, tmp_path, samples(), opset=17, ir_version=9)


@pytest.mark.parametrize("opset", [23, 24, 25, 26, 27, 28])
def test_what_onnx_writes_today(tmp_path: Path, opset: int) -> None:
    net = Net(["N", 4])
    weight = dequantised(net, net.const(np.eye(4) * 3 - 1, np.int8), 0.25, 1, np.int8)
    through(net, net.op("Reshape", net.op("MatMul", through(net, "x", 0.5, 3), weight), net.const([0, 2, 2], np.int64)),
            2.0, 9)  # fmt: skip
    assert_exact(net, tmp_path, samples(), opset=opset, ir_version=14)


@pytest.mark.parametrize(("axis", "block", "scales"), [(0, 2, (2, 3)), (0, 3, (2, 3)), (1, 2, (4, 2)), (-1, 3, (4, 1))])
def test_a_scale_per_block_of_weights(tmp_path: Path, axis: int, block: int, scales: tuple[int, int]) -> None:
    rng = np.random.default_rng(3)
    net = Net(["N", 4])
    steps, zeros = 2.0 ** rng.integers(-3, 2, scales), rng.integers(-4, 4, scales)
    w = dequantised(net, net.const(rng.integers(-20, 20, (4, 3)), np.int8), steps, zeros, np.int8, axis=axis,
                    block_size=block)  # fmt: skip
    through(net, net.op("MatMul", through(net, "x", 0.5, 3), w), 4.0, 9)
    check(net, tmp_path, samples(), opset=21, ir_version=10)


@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("from_float", [False, True])
def test_weights_of_small_floats_are_exact(tmp_path: Path, kind: str, from_float: bool) -> None:
    if not hasattr(TensorProto, kind):
        pytest.skip("this ONNX does not know the type")
    rng = np.random.default_rng(7)
    values = rng.normal(0, 3, (4, 3)).astype(np.float32)
    net = Net(["N", 4])
    small = numpy_helper.from_array(values.astype(helper.tensor_dtype_to_np_dtype(getattr(TensorProto, kind))), "w")
    net.constants.append(small)
    q = net.op("QuantizeLinear", values, net.const(0.3), typed(net, kind, 0.0)) if from_float else "w"
    y = net.op("MatMul", through(net, "x", 0.5, 3), net.op("DequantizeLinear", q, net.const(0.3)))
    through(net, y, 4.0, 9)
    assert_exact(net, tmp_path, samples(), opset=23, ir_version=11)


@pytest.mark.parametrize("kind", FLOATS)
def test_the_numbers_of_the_formats_are_those_of_ml_dtypes(kind: str) -> None:
    from isobit.check.source.exact.formats import nearest, numbers

    if not hasattr(TensorProto, kind):
        pytest.skip("this ONNX does not know the type")
    dtype = helper.tensor_dtype_to_np_dtype(getattr(TensorProto, kind))
    values = np.random.default_rng(0).normal(0, 4, 500).astype(np.float32)
    most = float(max(numbers(dtype.name)))
    wanted = np.clip(values, -most, most).astype(dtype).astype(np.float64)
    found = nearest(values, dtype.name)
    assert [found[(i,)] for i in range(500)] == [Fraction(v) for v in wanted]


@pytest.mark.parametrize("mode", ["ROUND", "CEIL", "FLOOR"])
@pytest.mark.parametrize(("exponent", "mantissa", "bias", "most"), [(4, 3, 7, 448.0), (2, 1, 1, 6.0), (3, 2, 3, 28.0)])
def test_float_quant_of_weights(
    tmp_path: Path, mode: str, exponent: int, mantissa: int, bias: int, most: float
) -> None:
    from qonnx.custom_op.general.floatquant import float_quant

    net, values = Net(["N", 4]), np.random.default_rng(1).normal(0, 2, (4, 3)).astype(np.float32)
    scale = np.float32([[0.25, 0.5, 1.0]])
    w = net.op("FloatQuant", values, scale, float(exponent), float(mantissa), float(bias), most, domain=QONNX,
               rounding_mode=mode, has_inf=0, has_nan=0, has_subnormal=1, saturation=1)  # fmt: skip
    y = net.op("MatMul", net.quant("x", 0.5), w)
    path = net.save(tmp_path, net.quant(y, 3.0, 0.0, 8), w)
    sizes = (np.float32(v) for v in (exponent, mantissa, bias))
    wanted = float_quant(values, scale, *sizes, True, np.float32(most), rounding_mode=mode)
    found = evaluate_exact(path, {"x": samples()})[w]
    assert [found[i] for i in np.ndindex(4, 3)] == [Fraction(float(v)) for v in np.ravel(wanted)]
    net.nodes = net.nodes[:-1]
    assert_exact(net, tmp_path, samples())


def test_constants_behind_quantisers_in_every_operand_position(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)

    def constant(*shape: int) -> str:
        return through(net, rng.normal(0, 2, shape), 0.125, 128)

    net = Net(["N", 4])
    y = net.op("MatMul", through(net, "x", 0.5, 3), constant(4, 4))
    y = net.op("Mul", net.op("Sub", constant(4), net.op("Add", y, constant(4))), constant(1))
    normal = [constant(4), constant(4), constant(4), through(net, rng.uniform(1, 3, 4), 0.125, 128)]
    y = through(net, net.op("BatchNormalization", y, *normal, epsilon=0.0), 0.3, 99)
    y = net.op("Clip", net.op("PRelu", y, through(net, [0.5], 0.125, 128)), through(net, -3.0, 0.25, 128),
               through(net, 9.0, 0.25, 128))  # fmt: skip
    through(net, y, 0.25, 77)
    assert_exact(net, tmp_path, samples())


@pytest.mark.parametrize("zeros", [[0, 0, 0], [3, 3, 3], [1, -7, 0]])
@pytest.mark.parametrize("op", ["QGemm", "QLinearMatMul", "transB"])
def test_zero_points_per_column(tmp_path: Path, zeros: list[int], op: str) -> None:
    net = QNet(["N", 4])
    weights = np.random.default_rng(0).integers(-9, 9, (4, 3))
    given = [net.const(0.25), net.const([0.5, 1.0, 2.0]), net.const(zeros, np.int8)]
    q = quantised(net, "x", 0.25, 7)
    w = net.const(weights.T if op == "transB" else weights, np.int8)
    left, out = [q, given[0], net.const(7, np.uint8), w, *given[1:]], [net.const(2.0), net.const(9, np.uint8)]
    if op == "QLinearMatMul":
        y = net.op("QLinearMatMul", *left, *out)
    else:
        y = net.op("QGemm", *left, net.const([5, -3, 2], np.int32), *out, domain="com.microsoft", transB=op == "transB")
    dequantised(net, y, 2.0, 9)
    check(net, tmp_path, samples())


REFUSED = {
    "an activation per block": ("E202", "block"),
    "half precision out": ("E108", "FLOAT16"),
    "a scale that does not fit its blocks": ("E106", "per block"),
    "an activation in eight bits of float": ("E202", "float8"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(tmp_path: Path, name: str) -> None:
    net = Net(["N", 4])
    inner = through(net, "x", 0.5, 3)
    if name == "an activation per block":
        quantised(net, inner, np.ones((1, 2)), np.zeros((1, 2)), axis=1, block_size=2)
    elif name == "half precision out":
        net.op("DequantizeLinear", quantised(net, inner, 0.5, 3), net.const(0.5), net.const(3, np.uint8),
               output_dtype=TensorProto.FLOAT16)  # fmt: skip
    elif name == "a scale that does not fit its blocks":
        w = dequantised(net, net.const(np.eye(4), np.int8), np.ones((3, 4)), np.zeros((3, 4)), np.int8, axis=0,
                        block_size=2)  # fmt: skip
        net.op("MatMul", inner, w)
    else:
        net.op("QuantizeLinear", inner, net.const(0.5), typed(net, "FLOAT8E4M3FN", 0.0))
    with pytest.raises(IsobitError) as caught:
        import_onnx(net.save(tmp_path, opset=23, ir_version=11))
    assert caught.value.code == REFUSED[name][0] and REFUSED[name][1] in caught.value.message


def test_packed_weights_in_a_file_of_their_own(tmp_path: Path) -> None:
    net = Net(["N", 4])
    w = net.op("DequantizeLinear", typed(net, "INT4", np.arange(-6, 6).reshape(4, 3)), net.const(0.5))
    net.op("MatMul", through(net, "x", 0.5, 3), w)
    model = net.model(opset=21, ir_version=10)
    inside = import_onnx(save(model, tmp_path))
    tensor = next(t for t in model.graph.initializer if t.data_type == TensorProto.INT4)
    raw = numpy_helper.from_array(numpy_helper.to_array(tensor), tensor.name)
    (tmp_path / "w.bin").write_bytes(raw.raw_data)
    tensor.CopyFrom(raw)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.append(onnx.StringStringEntryProto(key="location", value="w.bin"))
    assert len((tmp_path / "w.bin").read_bytes()) == 6
    assert import_onnx(save(model, tmp_path)).digest == inside.digest
