"""The evaluator of TFLite files: moves as LiteRT makes them, where the result ends, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from isobit.check.source.tflite.evaluate import evaluate_tflite
from isobit.check.source.tflite.file import read_tflite
from isobit.errors import IsobitError
from isobit.frontend.tflite.model import LIMITS
from tests.check.source_tflite_helpers import BOTH, Draw, agree


@BOTH
def test_padding(dtype: str, tmp_path: Path) -> None:
    net = Draw(dtype)
    x = net.image(3, 4, 2)
    margins = net.integers([[0, 0], [1, 2], [0, 3], [0, 1]])
    net.move("PAD", [x, margins], [(1, 6, 7, 3)])
    given = net.tensors[x]
    fill = net.const(LIMITS[dtype][0], given.scale, given.zero_point[0])
    net.move("PADV2", [x, margins, fill], [(1, 6, 7, 3)])
    agree(net, tmp_path)


MOVES: list[tuple[str, Callable[[Draw], list[int]], list[tuple[int, ...]], dict[str, Any]]] = [
    ("RESHAPE", lambda net: [net.integers([1, 8, 9])], [(1, 8, 9)], {"new_shape": [1, 8, 9]}),
    ("RESHAPE", lambda net: [net.integers([12, 6])], [(12, 6)], {"new_shape": [12, 6]}),
    ("EXPAND_DIMS", lambda net: [net.integers(2)], [(1, 4, 1, 6, 3)], {}),
    ("TRANSPOSE", lambda net: [net.integers([0, 3, 1, 2])], [(1, 3, 4, 6)], {}),
    ("TRANSPOSE", lambda net: [net.integers([1, 0, 3, 2])], [(4, 1, 3, 6)], {}),
    ("SLICE", lambda net: [net.integers([0, 1, 2, 0]), net.integers([1, 2, -1, 2])], [(1, 2, 4, 2)], {}),
    ("UNPACK", lambda net: [], [(1, 4, 6)] * 3, {"num": 3, "axis": -1}),
    ("UNPACK", lambda net: [], [(1, 6, 3)] * 4, {"num": 4, "axis": 1}),
    ("SPACE_TO_DEPTH", lambda net: [], [(1, 2, 3, 12)], {"block_size": 2}),
    ("RESIZE_NEAREST_NEIGHBOR", lambda net: [net.integers([7, 9])], [(1, 7, 9, 3)], {}),
    ("RESIZE_NEAREST_NEIGHBOR", lambda net: [net.integers([7, 11])], [(1, 7, 11, 3)], {"align_corners": True}),
    ("RESIZE_NEAREST_NEIGHBOR", lambda net: [net.integers([3, 13])], [(1, 3, 13, 3)], {"half_pixel_centers": True}),
    ("RESIZE_NEAREST_NEIGHBOR", lambda net: [net.integers([1, 4])], [(1, 1, 4, 3)], {"align_corners": True}),
]  # fmt: skip


@BOTH
@pytest.mark.parametrize(("op", "others", "shapes", "options"), MOVES)
def test_moves(dtype: str, op: str, others: Any, shapes: Any, options: Any, tmp_path: Path) -> None:
    net = Draw(dtype)
    x = net.image(4, 6, 3)
    net.move(op, [x, *others(net)], shapes, **options)
    agree(net, tmp_path)


@BOTH
def test_more_moves(dtype: str, tmp_path: Path) -> None:
    net = Draw(dtype)
    deep, thin = net.image(2, 3, 8), net.image(1, 6, 1)
    net.move("DEPTH_TO_SPACE", [deep], [(1, 4, 6, 2)], block_size=2)
    net.move("SPLIT", [net.integers(3), deep], [(1, 2, 3, 2)] * 4, data=1, num_splits=4)
    net.move("SPLIT", [net.integers(-2), deep], [(1, 2, 1, 8)] * 3, data=1, num_splits=3)
    given = net.tensors[thin]
    constant = net.const(net.integers_of(given.shape), given.scale, given.zero_point[0])
    net.move("PACK", [thin, constant, thin], [(1, 1, 6, 3, 1)], values_count=3, axis=3)
    net.move("PACK", [thin, constant], [(1, 1, 6, 1, 2)], values_count=2, axis=-1)
    net.move("SQUEEZE", [thin], [(1, 6)], squeeze_dims=[1, 3])
    net.move("SQUEEZE", [thin], [(6,)])
    parts = [(1, 2, 3, n) for n in (1, 5, 2)]
    net.move("SPLIT_V", [deep, net.integers([1, 5, 2]), net.integers(-1)], parts, num_splits=3)
    agree(net, tmp_path, refused=[3, 4])  # constants are packed


@BOTH
@pytest.mark.parametrize(
    ("begin", "end", "stride", "shape", "masks"),
    [
        ([0, 1, 2, 0], [1, 4, 6, 3], [1, 2, 3, 1], (1, 2, 2, 3), {}),
        ([0, 2, -2, 0], [0, 0, -9, 0], [1, -2, -1, 2], (1, 2, 5, 2), {"end_mask": 0b1011, "begin_mask": 0b1010}),
        ([0, -1, 0, 0], [1, 0, 9, 2], [1, 1, 2, 1], (1, 3, 2), {"shrink_axis_mask": 0b0010}),
        ([0, 0, 1], [0, 0, 2], [1, 1, 1], (1, 4, 6, 1), {"ellipsis_mask": 0b010, "begin_mask": 1, "end_mask": 1}),
        ([0, 0, 1], [1, 0, 3], [1, 1, 1], (1, 1, 2, 6, 3), {"new_axis_mask": 0b010}),
    ],
)
def test_strided_slices(
    dtype: str, begin: Any, end: Any, stride: Any, shape: tuple[int, ...], masks: dict[str, int], tmp_path: Path
) -> None:
    net = Draw(dtype)
    x = net.image(4, 6, 3)
    net.move("STRIDED_SLICE", [x, *(net.integers(v) for v in (begin, end, stride))], [shape], **masks)
    agree(net, tmp_path)


@BOTH
def test_arg_max_takes_the_first(dtype: str, tmp_path: Path) -> None:
    net = Draw(dtype)
    x = net.image(3, 50)
    net.op("ARG_MAX", [x, net.integers(2)], (1, 3), dtype="int32", output_type=2)
    net.op("ARG_MAX", [x, net.integers(-1)], (1, 3), dtype="int64", output_type=4)
    inputs = net.rng.integers(*LIMITS["int8" if dtype == "int8" else "uint8"], (40, 3, 50)) // 9
    agree(net, tmp_path, inputs={x: inputs.astype(dtype)})


def test_the_result_ends_before_a_softmax(tmp_path: Path) -> None:
    net = Draw("int8")
    x = net.image(6)
    logits = net.make("RELU6", [x], (6,))
    soft = net.op("SOFTMAX", [logits], (1, 6), 1 / 256, -128, beta=1.0)
    shaped = net.op("RESHAPE", [soft, net.integers([1, 6])], (1, 6), 1 / 256, -128, new_shape=[1, 6])
    net.op("DEQUANTIZE", [shaped], (1, 6), dtype="float32")
    model = read_tflite(net.save(tmp_path / "model.tflite"))
    assert set(evaluate_tflite(model, {x: np.zeros((2, 6), np.int8)})) == {logits}
    last = net.make("RELU", [soft], (6,))  # the network goes on with its integers
    model = read_tflite(net.save(tmp_path / "more.tflite"))
    assert set(evaluate_tflite(model, {x: np.zeros((2, 6), np.int8)})) == {logits, soft, last}
    real = net.op("DEQUANTIZE", [logits], (1, 6), dtype="float32")
    net.op("TANH", [real], (1, 6), dtype="float32")
    model = read_tflite(net.save(tmp_path / "real.tflite"))
    with pytest.raises(IsobitError, match=r"(?s)E202.*TANH \(operator"):
        evaluate_tflite(model, {x: np.zeros((2, 6), np.int8)})


def test_what_it_cannot_take_is_refused_by_name(tmp_path: Path) -> None:
    def refusal(op: str, shape: tuple[int, ...] = (1, 6), **options: Any) -> str:
        net = Draw("int8")
        x = net.input((1, 6), 0.1)
        net.op(op, [x, x], shape, 0.1, **options)
        model = read_tflite(net.save(tmp_path / "model.tflite"))
        with pytest.raises(IsobitError) as caught:
            evaluate_tflite(model, {x: np.zeros((1, 6), np.int8)})
        known = read_tflite(tmp_path / "model.tflite").operators[0].op
        assert caught.value.where == f"{known} (operator 0)" and known in (op, "operator code 95")
        return caught.value.code

    assert refusal("FLOOR_MOD") == "E201"  # code 95, of which the evaluator knows no name
    assert refusal("ADD", fused_activation_function=4) == "E202"  # TANH
    assert refusal("ADD", shape=(1, 7)) == "E106"
    assert refusal("FULLY_CONNECTED") == "E202"  # weights computed at run time
    assert refusal("CONCATENATION", axis=3) == "E106"


@pytest.mark.parametrize("op", ["FULLY_CONNECTED", "MUL"])
def test_a_sum_beyond_32_bits_is_refused(op: str, tmp_path: Path) -> None:
    net = Draw("int8")
    x, other = net.input((1, 1), 0.5), net.const([[1]], 0.5)
    bias = [net.integers([2**31 - 1], 0.25)] if op == "FULLY_CONNECTED" else []
    net.op(op, [x, other, *bias], (1, 1), 0.5 if bias else 2.0**-27)
    model = read_tflite(net.save(tmp_path / "model.tflite"))
    at_most = 0 if bias else 31
    assert evaluate_tflite(model, {x: np.array([[at_most]])})[model.outputs[0]].item() == 127
    with pytest.raises(IsobitError, match="32 bits"):
        evaluate_tflite(model, {x: np.array([[at_most + 1]])})


@pytest.mark.parametrize("x", [np.zeros((2, 5), np.int8), np.full((2, 6), 200), np.zeros((2, 6, 1), np.int8)])
def test_inputs_must_fit(x: NDArray[Any], tmp_path: Path) -> None:
    net = Draw("int8")
    net.make("RELU", [net.image(6)], (6,))
    model = read_tflite(net.save(tmp_path / "model.tflite"))
    with pytest.raises(IsobitError, match="E607"):
        evaluate_tflite(model, {0: x})
    with pytest.raises(IsobitError, match="E607"):
        evaluate_tflite(model, {})
