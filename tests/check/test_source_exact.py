"""The exact evaluator: hand-computed cases, and agreement with float32 where float32 is exact."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from isobit.check.source.exact.evaluate import ExactTensor, evaluate_exact
from isobit.check.source.float.run import run_float
from isobit.errors import IsobitError
from isobit.frontend.onnx.file import load_onnx
from tests.check.source_exact_helpers import assert_same, values
from tests.onnx_builder import QONNX, Net, mlp

F = Fraction


def run(net: Net, folder: Path, data: object, *outputs: str) -> Mapping[str, ExactTensor]:
    model = load_onnx(net.save(folder, *outputs))
    return evaluate_exact(model.path, {"x": np.asarray(data, dtype=np.float32)}, taps=True)


def only(net: Net, folder: Path, data: object) -> list[Fraction]:
    return values(run(net, folder, data)[net.nodes[-1].output[0]])


def test_batch_norm_takes_an_exact_root_where_there_is_one(tmp_path: Path) -> None:
    net = Net([1, 2])
    current = net.quant("x", 1.0)
    net.op("BatchNormalization", current, [3.0, 1.0], [0.5, 0.0], [1.0, 0.0], [2.25, 2.0], epsilon=0.0)
    first, second = only(net, tmp_path, [[4.0, 3.0]])
    assert first == F(3) * 3 / F(3, 2) + F(1, 2)
    assert abs(second * second / 9 - F(1, 2)) < F(1, 2**120)
    assert second * second != F(9, 2)


def test_elementwise_operators_by_hand(tmp_path: Path) -> None:
    net = Net([1, 3])
    x = net.quant("x", 0.5)
    tenth = F(float(np.float32(0.1)))
    leaky = net.op("LeakyRelu", x, alpha=0.1)
    slopes = net.op("PRelu", x, [0.25, 0.5, 1.0])
    clipped = net.op("Clip", x, -1.0, 1.5)
    divided = net.op("Div", x, [3.0, -7.0, 1.0])
    signs = net.op("Sign", x)
    net.op("Concat", leaky, slopes, clipped, divided, signs, axis=1)
    result = run(net, tmp_path, [[-2.0, 1.0, 0.0]])
    assert values(result[leaky]) == [-2 * tenth, F(1), F(0)]
    assert values(result[slopes]) == [F(-1, 2), F(1), F(0)]
    assert values(result[clipped]) == [F(-1), F(1), F(0)]
    assert values(result[divided]) == [F(-2, 3), F(-1, 7), F(0)]
    assert values(result[signs]) == [F(-1), F(1), F(0)]


def test_what_stands_before_the_first_quantiser_is_float32(tmp_path: Path) -> None:
    net = Net([1, 1])
    net.quant(net.op("Add", "x", 1.0), 2.0**-30, 0.0, 32)
    tiny = np.float32(2.0**-30)
    assert only(net, tmp_path, [[tiny]]) == [F(1)]  # float32 loses the addend; exact arithmetic would not
    exact = Net([1, 1])
    exact.op("Add", exact.quant("x", 2.0**-30, 0.0, 8), 1.0)
    assert only(exact, tmp_path, [[tiny]]) == [1 + F(1, 2**30)]


@pytest.mark.parametrize("declared", ["dtype", "annotation"])
def test_an_integer_input_is_exact_from_the_start(tmp_path: Path, declared: str) -> None:
    net = Net([1, 2], elem=TensorProto.UINT8 if declared == "dtype" else TensorProto.FLOAT)
    data = net.op("Cast", "x", to=TensorProto.FLOAT) if declared == "dtype" else "x"
    if declared == "annotation":
        net.annotations = {"x": "UINT8"}
    net.op("Div", data, 255.0)
    assert only(net, tmp_path, [[255, 17]]) == [F(1), F(1, 15)]


def test_sigmoid_and_tanh_are_decided_far_beyond_float64(tmp_path: Path) -> None:
    net = Net([1, 2])
    x = net.quant("x", 1.0)
    high = net.op("Sigmoid", x)
    hyper = net.op("Tanh", x)
    net.op("Concat", high, hyper, axis=1)
    result = run(net, tmp_path, [[0.0, 1.0]])
    assert values(result[high])[0] == F(1, 2)
    assert values(result[hyper])[0] == 0
    inverse_e = sum((F((-1) ** k, math.factorial(k)) for k in range(60)), F(0))
    assert abs(values(result[high])[1] - 1 / (1 + inverse_e)) < F(1, 10**59)
    assert abs(values(result[hyper])[1] - (2 / (1 + inverse_e * inverse_e) - 1)) < F(1, 10**59)


def test_softmax_leaves_the_logits_and_arg_max_takes_the_first(tmp_path: Path) -> None:
    net = Net([1, 4])
    soft = net.op("Softmax", net.quant("x", 1.0), axis=1)
    first = net.op("ArgMax", soft, axis=1)
    last = net.op("ArgMax", soft, axis=1, keepdims=0, select_last_index=1)
    top = net.op("TopK", soft, net.const([3], np.int64), outputs=["best", "where"])
    batch = [[1, 5, 5, 2], [3, 0, 0, 0]]
    result = run(net, tmp_path, batch, soft, first, last, top, "where")
    assert values(result[soft])[:4] == [1, 5, 5, 2]
    assert values(result[first]) == [1, 0]
    assert result[first].shape == (2, 1)
    assert values(result[last]) == [2, 0]
    assert result[last].shape == (2,)
    assert values(result[top]) == [5, 5, 2, 3, 0, 0]
    assert values(result["where"]) == [1, 2, 3, 0, 1, 2]


def test_saturated_sigmoid_and_tanh_stay_inside_their_limits(tmp_path: Path) -> None:
    net = Net([1, 3])
    x = net.quant("x", 1.0, bits=12)
    floors = net.quant(net.op("Sigmoid", x), 1.0, rounding_mode="FLOOR")
    ceilings = net.quant(net.op("Tanh", x), 1.0, rounding_mode="CEIL")
    result = run(net, tmp_path, [[-1000, 0, 1000]], floors, ceilings)
    assert values(result[floors]) == [0, 0, 0]
    assert values(result[ceilings]) == [0, 0, 1]


def test_a_softmax_inside_the_network_is_refused(tmp_path: Path) -> None:
    net = Net([1, 2])
    net.quant(net.op("Flatten", net.op("Softmax", net.quant("x", 1.0))), 1.0)
    assert refused(net, tmp_path, [[1, 2]]) == "E201"


IMAGE = [1, 4, 7, 6]


SPATIAL: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": ("Conv", {}),
    "strides and pads": ("Conv", {"strides": [2, 1], "pads": [1, 0, 2, 1]}),
    "dilation": ("Conv", {"dilations": [2, 2]}),
    "groups": ("Conv", {"group": 2}),
    "depthwise": ("Conv", {"group": 4}),
    "same upper": ("Conv", {"auto_pad": "SAME_UPPER", "strides": [2, 1]}),
    "same lower": ("Conv", {"auto_pad": "SAME_LOWER", "strides": [2, 1]}),
    "max": ("MaxPool", {"kernel_shape": [2, 3], "strides": [2, 2], "pads": [1, 1, 0, 1]}),
    "max, shape rounded up": ("MaxPool", {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1}),
    "mean": ("AveragePool", {"kernel_shape": [2, 2], "strides": [1, 2], "pads": [1, 0, 1, 0]}),
    "mean with padding": ("AveragePool", {"kernel_shape": [2, 2], "pads": [1, 1, 1, 1], "count_include_pad": 1}),
    "global mean": ("GlobalAveragePool", {}),
    "reduced mean": ("ReduceMean", {"axes": [2, 3], "keepdims": 0}),
}


@pytest.mark.parametrize("case", SPATIAL)
def test_spatial_operators_equal_float_execution_on_powers_of_two(case: str, tmp_path: Path) -> None:
    op, attrs = SPATIAL[case]
    rng = np.random.default_rng(1)
    net = Net(IMAGE)
    extra = []
    if op == "Conv":
        weight = rng.integers(-4, 5, size=(8, 4 // attrs.get("group", 1), 3, 2)).astype(np.float32) / 4
        extra = [weight, rng.integers(-4, 5, size=8).astype(np.float32)]
    net.quant(net.op(op, net.quant("x", 0.25, bits=6), *extra, **attrs), 0.125, bits=8)
    model = load_onnx(net.save(tmp_path))
    data = rng.normal(size=(3, *IMAGE[1:])).astype(np.float32)
    label = model.outputs[0].label
    assert_same(evaluate_exact(model.path, {"x": data})[label], run_float(model, data).outputs[label], case)


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_an_mlp_on_powers_of_two_equals_float_execution_bit_for_bit(
    bits: int, batch_norm: bool, tmp_path: Path
) -> None:
    rng = np.random.default_rng(bits)
    net = mlp(rng, [12, 16, 8, 3], scales=[2.0**-k for k in (3, 4, 2, 5, 3, 4, 1)], bits=bits, batch_norm=False)
    if batch_norm:  # variances that are squares keep float32 exact
        net.op(
            "BatchNormalization", net.nodes[-1].output[0], *np.array([[2, 1, 0.5], [1, 0, 3], [0, 1, 2], [4, 1, 0.25]])
        )
        net.nodes[-1].attribute.add(name="epsilon", type=1, f=0.0)
    for constant in net.constants:  # biases on a binary grid
        if len(constant.dims) == 1:
            grid = np.round(np.frombuffer(constant.raw_data, dtype=np.float32) * 64) / 64
            constant.raw_data = grid.astype(np.float32).tobytes()
    model = load_onnx(net.save(tmp_path))
    data = rng.normal(size=(64, 12)).astype(np.float32)
    exact, floats = evaluate_exact(model.path, {"x": data}, taps=True), run_float(model, data)
    for name, tensor in {**floats.tensors, **floats.outputs}.items():
        if name in exact:
            assert_same(exact[name], tensor, name)
    assert len(exact) > 12


def test_free_scales_differ_from_float_execution_only_at_ties(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    net = mlp(rng, [20, 24, 16, 6], scales=[0.11, 0.07, 0.23, 0.05, 0.31, 0.09, 0.4], bits=4, batch_norm=True)
    model = load_onnx(net.save(tmp_path))
    data = rng.normal(size=(500, 20)).astype(np.float32)
    exact, floats = evaluate_exact(model.path, {"x": data}, taps=True), run_float(model, data)
    for node in model.nodes:
        name = node.outputs[0]
        if node.op != "Quant" or name not in exact:
            continue
        differing = np.argwhere(exact[name].to_float().astype(np.float32) != floats.tensors[name])
        scale = F(float(model.constants[node.inputs[1]]))
        for index in map(tuple, differing):
            level = exact[node.inputs[0]][index] / scale
            assert abs(level - math.floor(level) - F(1, 2)) < F(1, 10**4), (name, index)
        assert len(differing) <= 2
    assert set(exact) >= {node.outputs[0] for node in model.nodes if node.op == "Relu"}


def test_a_graph_that_mixes_the_batch_axis_runs_sample_by_sample(tmp_path: Path) -> None:
    net = Net([1, 6])
    rows = net.op("Transpose", net.op("Reshape", net.quant("x", 1.0), net.const([2, 3], np.int64)), perm=[1, 0])
    net.op("Reshape", rows, net.const([1, 6], np.int64))
    assert only(net, tmp_path, [[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0]]) == [0, 3, 1, 4, 2, 5, 5, 2, 4, 1, 3, 0]


def test_a_constant_reshape_takes_a_batch(tmp_path: Path) -> None:
    net = Net([1, 2, 2])
    net.op("Flatten", net.op("Reshape", net.quant("x", 1.0), net.const([1, 4], np.int64)))
    result = run(net, tmp_path, [[[1, 2], [3, 4]], [[5, 6], [7, 8]]])[net.nodes[-1].output[0]]
    assert result.shape == (2, 4)
    assert values(result) == list(range(1, 9))


def refused(net: Net, folder: Path, data: object) -> str:
    with pytest.raises(IsobitError) as caught:
        run(net, folder, data)
    return caught.value.code


@pytest.mark.parametrize("scale", [0.0, -0.5, [0.5, 0.0]])
def test_a_scale_that_is_not_positive_is_refused(tmp_path: Path, scale: object) -> None:
    net = Net([1, 2])
    net.quant("x", scale)
    assert refused(net, tmp_path, [[1, 2]]) == "E204"


@pytest.mark.parametrize("bits", [0.0, 2.5, 65.0, [2.0, 3.0]])
def test_a_bit_width_that_is_none_is_refused(tmp_path: Path, bits: Any) -> None:
    net = Net([1, 2])
    net.quant("x", 1.0, 0.0, bits)
    assert refused(net, tmp_path, [[1, 2]]) == "E205"


def test_other_refusals_carry_their_codes(tmp_path: Path) -> None:
    unknown_mode, run_time, unknown_op, by_zero = Net([1, 2]), Net([1, 2]), Net([1, 2]), Net([1, 2])
    unknown_mode.quant("x", 1.0, rounding_mode="SIDEWAYS")
    run_time.op("Quant", "x", "x", 0.0, 4.0, domain=QONNX)
    unknown_op.op("Sin", unknown_op.quant("x", 1.0))
    by_zero.op("Div", by_zero.quant("x", 1.0), [1.0, 0.0])
    codes = [refused(net, tmp_path, [[1, 2]]) for net in (unknown_mode, run_time, unknown_op, by_zero)]
    assert codes == ["E207", "E206", "E201", "E204"]


@pytest.mark.parametrize("data", [[[1.0, 2.0, 3.0]], [1.0, 2.0], np.zeros((0, 2))])
def test_inputs_that_do_not_fit_are_refused(tmp_path: Path, data: object) -> None:
    net = Net([1, 2])
    net.quant("x", 1.0)
    assert refused(net, tmp_path, data) == "E607"


def test_a_fraction_where_integers_are_declared_is_refused(tmp_path: Path) -> None:
    net = Net([1, 2])
    net.op("Relu", "x")
    net.annotations = {"x": "INT8"}
    assert refused(net, tmp_path, [[1.0, 0.5]]) == "E607"
