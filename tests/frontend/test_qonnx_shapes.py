"""Reshapes, transposes, concatenation, selection, outputs and declared integer inputs."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from isobit.frontend.qonnx.input_type import InputType
from isobit.interp import dequantise, quantise, run
from isobit.ir.ops import Reindex, Select
from tests.frontend.qonnx_oracle import assert_exact
from tests.onnx_builder import Net

RNG = np.random.default_rng(11)


def shape(net: Net, *sizes: int) -> str:
    return net.const(sizes, np.int64)


@pytest.mark.parametrize("kind", ["Flatten", "Reshape", "Squeeze", "keep"])
def test_flattening_inside_and_on_the_host(tmp_path: Path, kind: str) -> None:
    for inside in (True, False):
        net = Net([1, 1, 6] if kind == "Squeeze" else [1, 2, 3])
        y = net.quant("x", 0.25, 0.0, 5) if inside else "x"
        if kind == "Flatten":
            y = net.op("Flatten", y, axis=1)
        elif kind == "Squeeze":
            y = net.op("Squeeze", y, net.const([1], np.int64))
        else:
            y = net.op("Reshape", y, shape(net, *([1, 6] if kind == "Reshape" else [0, -1])))
        y = y if inside else net.quant(y, 0.25, 0.0, 5)
        net.op("MatMul", y, net.quant(RNG.normal(size=(6, 4)), 0.2, 0.0, 4))
        assert_exact(net, tmp_path, RNG.normal(0, 2, (10, *([1, 6] if kind == "Squeeze" else [2, 3]))))


def test_reshape_there_and_back_again(tmp_path: Path) -> None:
    net = Net([1, 6])
    y = net.op("Reshape", net.quant("x", 0.25, 0.0, 5), shape(net, 1, 2, 3))
    y = net.op("Unsqueeze", net.op("Transpose", y, perm=[0, 2, 1]), net.const([1], np.int64))
    net.quant(net.op("Reshape", y, shape(net, 1, 6)), 0.7, 0.0, 4)
    graph = assert_exact(net, tmp_path, RNG.normal(0, 2, (10, 6)))
    orders = [n.index.tolist() for n in graph.nodes if isinstance(n, Reindex)]
    assert orders == [[[0, 1, 2], [3, 4, 5]], [[[0, 3], [1, 4], [2, 5]]], [0, 1, 2, 3, 4, 5]]


def test_transposes_only_change_the_layout(tmp_path: Path) -> None:
    net = Net([1, 2, 3])
    y = net.op("Transpose", net.quant("x", 0.25, 0.0, 5), perm=[0, 2, 1])
    net.op("Transpose", y, perm=[0, 2, 1])
    graph = assert_exact(net, tmp_path, RNG.normal(0, 2, (10, 2, 3)))
    assert [n.op for n in graph.nodes] == ["input", "output"]


def test_transposed_output_and_host_input(tmp_path: Path) -> None:
    net = Net([1, 2, 3])
    y = net.quant(net.op("Transpose", "x", perm=[0, 2, 1]), 0.25, 0.0, 5)
    net.op("Transpose", net.op("Add", y, [0.5, -0.25]), perm=[0, 2, 1])
    graph = assert_exact(net, tmp_path, RNG.normal(0, 2, (10, 2, 3)))
    assert [op.kind for op in graph.inputs[0].host] == ["transpose"]
    assert [op.kind for op in graph.outputs[0].host] == ["transpose"]


def test_weights_and_biases_may_be_rearranged(tmp_path: Path) -> None:
    net = Net([1, 4])
    w = net.op("Transpose", net.quant(RNG.normal(size=(3, 4)), [[0.1], [0.2], [0.3]], 0.0, 4), perm=[1, 0])
    bias = net.op("Reshape", net.quant(RNG.normal(size=(1, 3, 1)), 0.1, 0.0, 4), shape(net, 3))
    net.op("Add", net.op("MatMul", net.quant("x", 0.25, 0.0, 4), w), bias)
    assert_exact(net, tmp_path, RNG.normal(0, 2, (10, 4)))


@pytest.mark.parametrize("axis", [1, -1])
def test_concatenation_keeps_every_scale(tmp_path: Path, axis: int) -> None:
    net = Net([1, 3])
    x = net.quant("x", 0.25, 1.0, 5)
    other = net.quant(net.op("Mul", x, [-1.0, 0.3, 2.0]), [[0.3, 0.1, 0.7]], 0.0, 4)
    joined = net.op("Concat", x, other, x, axis=axis)
    net.quant(net.op("MatMul", joined, net.quant(RNG.normal(size=(9, 4)), 0.1, 0.0, 5)), 0.3, 0.0, 6)
    assert_exact(net, tmp_path, RNG.normal(0, 2, (20, 3)))


@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize("scales", [0.25, [0.25, 0.3, 0.7, 1.0]])
def test_arg_max_with_ties_and_unrelated_scales(tmp_path: Path, keepdims: int, scales: object) -> None:
    net = Net([1, 4])
    y = net.op("Add", net.quant("x", scales, 0.0, 3), [0.5, 0.5, 0.0, 0.25])
    net.op("ArgMax", y, axis=1, keepdims=keepdims)
    graph = assert_exact(net, tmp_path, RNG.normal(0, 1, (200, 4)))
    (output,) = graph.outputs
    assert output.outside_shape == ((1,) if keepdims else ())


@pytest.mark.parametrize("keepdims", [0, 1])
def test_arg_max_along_a_sequence(tmp_path: Path, keepdims: int) -> None:
    net = Net([1, 3, 4])
    net.op("ArgMax", net.quant("x", 0.25, 0.0, 3), axis=2, keepdims=keepdims)
    assert_exact(net, tmp_path, RNG.normal(0, 1, (30, 3, 4)))


def test_arg_max_of_a_falling_value(tmp_path: Path) -> None:
    net = Net([1, 4])
    net.op("ArgMax", net.op("Mul", net.quant("x", 0.25, 0.0, 3), -1.0), axis=1)
    assert_exact(net, tmp_path, RNG.normal(0, 1, (50, 4)))


def test_arg_max_with_a_dead_channel(tmp_path: Path) -> None:
    net = Net([1, 4])
    net.op("ArgMax", net.op("Add", net.op("Mul", net.quant("x", 0.25, 0.0, 3), [1.0, 0.0, 0.7, 1.0]), 0.1), axis=1)
    assert_exact(net, tmp_path, RNG.normal(0, 1, (50, 4)))


@pytest.mark.parametrize("k", [1, 3])
def test_top_k_gives_indices(tmp_path: Path, k: int) -> None:
    net = Net([1, 5])
    y = net.quant("x", 0.25, 0.0, 3)
    net.op("TopK", y, net.const([k], np.int64), outputs=("best", "where"), axis=-1)
    graph = assert_exact(net, tmp_path, RNG.normal(0, 1, (80, 5)), "where")
    assert [n.k for n in graph.nodes if isinstance(n, Select)] == [k]


@pytest.mark.parametrize("kind", ["Softmax", "LogSoftmax"])
@pytest.mark.parametrize(("opset", "axis"), [(11, 1), (13, 1), (13, -1)])
def test_softmax_at_the_end_stays_on_the_host(tmp_path: Path, kind: str, opset: int, axis: int) -> None:
    net = Net([1, 4])
    y = net.op("Add", net.quant("x", 0.25, 0.0, 5), [0.5, 0.0, -1.0, 0.25])
    net.op(kind, y, axis=axis)
    x = RNG.normal(0, 1, (10, 4)).astype(np.float32)
    graph = assert_exact(net, tmp_path, x, opset=opset)
    (node,), (output,) = graph.inputs, graph.outputs
    probabilities = dequantise(output, run(graph, {node.name: quantise(node, x)})[output.name])
    logits = np.clip(np.round(x / 0.25), -16, 15) * 0.25 + [0.5, 0.0, -1.0, 0.25]
    assert [op.kind for op in output.host] == [kind.lower()]
    assert probabilities.shape == x.shape
    assert np.array_equal(np.argsort(probabilities, kind="stable"), np.argsort(logits, kind="stable"))
    assert (probabilities < (1 if kind == "Softmax" else 0)).all()
    assert (probabilities > (0 if kind == "Softmax" else -100)).all()


def test_two_outputs_and_an_output_that_is_read_on(tmp_path: Path) -> None:
    net = Net([1, 3])
    first = net.quant(net.quant("x", 0.25, 0.0, 6), 0.7, 0.0, 4)
    second = net.op("MatMul", first, net.quant(RNG.normal(size=(3, 2)), 0.2, 0.0, 4))
    graph = assert_exact(net, tmp_path, RNG.normal(0, 2, (20, 3)), first, second)
    assert [o.outside for o in graph.outputs] == [first, second]


def test_the_quantised_input_itself_as_output(tmp_path: Path) -> None:
    net = Net([1, 3])
    net.quant("x", 0.1, 2.0, 4)
    assert_exact(net, tmp_path, RNG.normal(0, 2, (20, 3)))


# ------------------------------------------------------------------------------------------------- integer inputs


def classifier(net: Net, x: str = "x") -> Net:
    y = net.op("MatMul", net.op("Sub", net.op("Mul", x, 0.0078125), 0.5), net.quant(RNG.normal(size=(4, 3)), 0.1))
    net.quant(net.op("Relu", y), 0.2, 0.0, 5, signed=0)
    return net


@pytest.mark.parametrize(
    ("name", "lo", "hi"),
    [
        ("UINT8", 0, 255),
        ("INT4", -8, 7),
        ("BIPOLAR", -1, 1),
        ("TERNARY", -1, 1),
        ("BINARY", 0, 1),
        ("UINT16", 0, 65535),
    ],
)
def test_annotated_input_types(tmp_path: Path, name: str, lo: int, hi: int) -> None:
    net = classifier(Net([1, 4]))
    net.annotations = {"x": name}
    graph = assert_exact(net, tmp_path, RNG.integers(lo, hi + 1, (40, 4)))
    assert graph.types["x"].bounds == (lo, hi)
    assert graph.inputs[0].quantiser is None


@pytest.mark.parametrize(("elem", "kind"), [("UINT8", "u1"), ("INT8", "i1"), ("INT16", "i2"), ("UINT16", "u2")])
def test_integer_element_types_need_no_declaration(tmp_path: Path, elem: str, kind: str) -> None:
    net = Net([1, 4], elem=TensorProto.DataType.Value(elem))
    classifier(net, net.op("Cast", "x", to=TensorProto.FLOAT))
    limits = np.iinfo(kind)
    graph = assert_exact(net, tmp_path, RNG.integers(limits.min, limits.max + 1, (40, 4)))
    assert graph.types["x"].bounds == (limits.min, limits.max)


def test_declared_type_with_a_scale(tmp_path: Path) -> None:
    net = classifier(Net([1, 4]))
    levels = RNG.integers(0, 256, (40, 4)) / np.float32(256)
    graph = assert_exact(net, tmp_path, levels, input_type=InputType.parse("UINT8", "1/256"))
    assert graph.inputs[0].scale == (Fraction(1, 256),)


def test_declaration_wins_over_the_annotation(tmp_path: Path) -> None:
    net = classifier(Net([1, 4]))
    net.annotations = {"x": "UINT8"}
    graph = assert_exact(net, tmp_path, RNG.integers(0, 4, (10, 4)), input_type=InputType.parse("UINT2"))
    assert graph.types["x"].bounds == (0, 3)


def test_the_first_quantiser_folds_into_hardware_after_an_integer_input(tmp_path: Path) -> None:
    net = Net([1, 4])
    net.quant(net.op("Mul", "x", 0.0078125), 0.1, 0.0, 4)
    net.annotations = {"x": "UINT8"}
    graph = assert_exact(net, tmp_path, np.tile(np.arange(256)[:, np.newaxis], 4))
    assert [n.op for n in graph.nodes] == ["input", "step", "output"]
