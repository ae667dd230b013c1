"""One-operator int8 files, drawn: every operator of TFLite that is read, for :mod:`kernels`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from tests.check.source_tflite_helpers import SAME, Draw, steps  # noqa: E402

Case = Callable[[Draw], Any]
_PLAIN = steps((1, 1), (1, 1), SAME)
_POOL = {"filter_height": 3, "filter_width": 3, "stride_h": 2, "stride_w": 2, "padding": SAME}
_TABLES = {"GELU": (0.004, 0.12), "EXP": (0.004, 0.05), "LOG": (0.004, 0.12), "HARD_SWISH": (0.01, 0.1)}


def _conv(net: Draw) -> None:
    x = net.image(6, 7, 5)
    net.make("CONV_2D", [x, *net.filters((8, 3, 3, 5), 0, x)], (6, 7, 8), 2.0, **_PLAIN)


def _depthwise(net: Draw) -> None:
    x = net.image(6, 7, 5)
    options = _PLAIN | {"depth_multiplier": 1}
    net.make("DEPTHWISE_CONV_2D", [x, *net.filters((1, 3, 3, 5), 3, x)], (6, 7, 5), 0.8, **options)


def _transposed(net: Draw) -> None:
    x = net.image(4, 5, 3)
    by = net.filters((4, 3, 3, 3), 0, x)
    options = {"padding": SAME, "stride_h": 2, "stride_w": 2}
    net.make("TRANSPOSE_CONV", [net.integers([1, 8, 10, 4]), by[0], x, by[1]], (8, 10, 4), 0.8, **options)


def _dense(net: Draw) -> None:
    x = net.image(64)
    net.make("FULLY_CONNECTED", [x, *net.filters((32, 64), 0, x, per_channel=False)], (32,), 3.0)


def _matrix(net: Draw) -> None:
    net.make("BATCH_MATMUL", [net.image(8, 64), net.const(net.integers_of((64, 16)), 0.02)], (8, 16), 1.0)


def _joined(op: str, scale: float) -> Case:
    return lambda net: net.make(op, [net.image(8, 8, 4), net.image(8, 8, 4)], (8, 8, 4), scale)


def _with_constant(op: str, scale: float) -> Case:
    return lambda net: net.make(op, [net.image(8, 8, 4), net.operand(4)], (8, 8, 4), scale)


def _equal_scales(net: Draw) -> None:
    x, y = net.input((1, 64), 0.05, 3), net.input((1, 64), 0.05, -5)
    net.op("ADD", [x, y], (1, 64), 0.1, 7)


def _unary(op: str, zero: int | None = None, **options: Any) -> Case:
    def draw(net: Draw) -> None:
        x = net.input((1, 256), net.scale(*_TABLES.get(op, (0.01, 0.1))), net.zero() if zero is None else zero)
        net.make(op, [x], (256,), **options)

    return draw


def _fixed(op: str, scale: float, zero: int) -> Case:
    return lambda net: net.op(op, [net.image(256)], (1, 256), scale, zero)


def _negative(net: Draw) -> None:
    scale = net.scale()
    net.op("NEG", [net.input((1, 256), scale, 0)], (1, 256), scale, 0)


def _prelu(net: Draw) -> None:
    net.make("PRELU", [net.image(4, 4, 16), net.operand(1, 1, 16)], (4, 4, 16), 0.1)


def _reduced(op: str, scale: float, axes: list[int], shape: tuple[int, ...]) -> Case:
    def draw(net: Draw) -> None:
        net.make(op, [net.image(5, 6, 7), net.integers(axes)], shape, scale)

    return draw


def _moved(op: str, others: list[Any], shapes: list[tuple[int, ...]], data: int = 0, **options: Any) -> Case:
    def draw(net: Draw) -> None:
        inputs = [net.integers(values) for values in others]
        inputs.insert(data, net.image(4, 6, 8))
        net.move(op, inputs, shapes, data=data, **options)

    return draw


def _same_grid(op: str, shape: tuple[int, ...], **options: Any) -> Case:
    def draw(net: Draw) -> None:
        scale, zero = net.scale(), net.zero()
        parts = [net.input((1, 4, 6, 8), scale, zero) for _ in range(2)]
        net.op(op, parts, shape, scale, zero, **options)

    return draw


CASES: Mapping[str, Case] = {
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _depthwise,
    "TRANSPOSE_CONV": _transposed,
    "FULLY_CONNECTED": _dense,
    "BATCH_MATMUL by a constant": _matrix,
    "ADD": _joined("ADD", 0.1),
    "ADD, scales .05, .05 to .1": _equal_scales,
    "SUB": _joined("SUB", 0.1),
    "MUL by a constant": _with_constant("MUL", 0.1),
    "AVERAGE_POOL_2D": _moved("AVERAGE_POOL_2D", [], [(1, 2, 3, 8)], **_POOL),
    "MAX_POOL_2D": _moved("MAX_POOL_2D", [], [(1, 2, 3, 8)], **_POOL),
    "MEAN over H, W": _reduced("MEAN", 0.02, [1, 2], (7,)),
    "MEAN over channels": _reduced("MEAN", 0.02, [3], (5, 6)),
    "SUM": _reduced("SUM", 0.5, [1, 2], (7,)),
    "REDUCE_MAX": _moved("REDUCE_MAX", [[1, 2]], [(1, 8)]),
    "REDUCE_MIN": _moved("REDUCE_MIN", [[1, 2]], [(1, 8)]),
    "RELU": _unary("RELU"),
    "RELU6": _unary("RELU6"),
    "RELU_N1_TO_1": _unary("RELU_N1_TO_1"),
    "RELU_0_TO_1": _unary("RELU_0_TO_1"),
    "LEAKY_RELU": _unary("LEAKY_RELU", alpha=0.1),
    "PRELU": _prelu,
    "HARD_SWISH": _unary("HARD_SWISH"),
    "LOGISTIC": _fixed("LOGISTIC", 1 / 256, -128),
    "TANH": _fixed("TANH", 1 / 128, 0),
    "GELU": _unary("GELU"),
    "ELU": _unary("ELU"),
    "EXP": _unary("EXP"),
    "LOG": _unary("LOG"),
    "ABS": _unary("ABS"),
    "NEG": _negative,
    "RSQRT": _unary("RSQRT", zero=-128),
    "SQRT": _unary("SQRT", zero=-128),
    "SQUARED_DIFFERENCE": _joined("SQUARED_DIFFERENCE", 0.5),
    "QUANTIZE to int8": _unary("QUANTIZE"),
    "MAXIMUM": _same_grid("MAXIMUM", (1, 4, 6, 8)),
    "MINIMUM": _same_grid("MINIMUM", (1, 4, 6, 8)),
    "CONCATENATION": _same_grid("CONCATENATION", (1, 4, 6, 16), axis=3),
    "PACK": _same_grid("PACK", (1, 4, 6, 8, 2), axis=4, values_count=2),
    "UNPACK": _moved("UNPACK", [], [(1, 6, 8)] * 4, axis=1, num=4),
    "SPLIT": _moved("SPLIT", [3], [(1, 4, 6, 4)] * 2, data=1, num_splits=2),
    "SPLIT_V": _moved("SPLIT_V", [[3, 5], 3], [(1, 4, 6, 3), (1, 4, 6, 5)], num_splits=2),
    "RESHAPE": _moved("RESHAPE", [[1, 24, 8]], [(1, 24, 8)], new_shape=[1, 24, 8]),
    "SQUEEZE": lambda net: net.move("SQUEEZE", [net.image(1, 6, 8)], [(1, 6, 8)], squeeze_dims=[1]),
    "EXPAND_DIMS": _moved("EXPAND_DIMS", [1], [(1, 1, 4, 6, 8)]),
    "TRANSPOSE": _moved("TRANSPOSE", [[0, 3, 1, 2]], [(1, 8, 4, 6)]),
    "SLICE": _moved("SLICE", [[0, 1, 1, 1], [1, 2, 3, 4]], [(1, 2, 3, 4)]),
    "STRIDED_SLICE": _moved("STRIDED_SLICE", [[0, 1, 0, 1], [1, 4, 6, 8], [1, 2, 3, 1]], [(1, 2, 2, 7)]),
    "PAD": _moved("PAD", [[[0, 0], [1, 2], [0, 1], [0, 0]]], [(1, 7, 7, 8)]),
    "MIRROR_PAD": _moved("MIRROR_PAD", [[[0, 0], [1, 2], [0, 1], [0, 0]]], [(1, 7, 7, 8)], mode=0),
    "TILE": _moved("TILE", [[1, 2, 1, 2]], [(1, 8, 6, 16)]),
    "GATHER": _moved("GATHER", [[2, 0]], [(1, 2, 6, 8)], axis=1),
    "REVERSE_V2": _moved("REVERSE_V2", [[1]], [(1, 4, 6, 8)]),
    "SPACE_TO_DEPTH": _moved("SPACE_TO_DEPTH", [], [(1, 2, 3, 32)], block_size=2),
    "DEPTH_TO_SPACE": _moved("DEPTH_TO_SPACE", [], [(1, 8, 12, 2)], block_size=2),
    "RESIZE_NEAREST_NEIGHBOR": _moved("RESIZE_NEAREST_NEIGHBOR", [[8, 12]], [(1, 8, 12, 8)]),
    "RESIZE_BILINEAR by 2": _moved("RESIZE_BILINEAR", [[8, 12]], [(1, 8, 12, 8)], half_pixel_centers=True),
    "ARG_MAX": lambda net: net.op("ARG_MAX", [net.image(8, 40), net.integers(2)], (1, 8), dtype="int32", output_type=2),
}
