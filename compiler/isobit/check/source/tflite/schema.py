"""The numbers of TFLite's schema that the evaluator knows: operators, element types, and the slots of options.

Source: ``tensorflow/lite/schema/schema.fbs``. An option is ``(slot, form)``: its field's number in the options' table,
and how :mod:`struct` reads it (``b`` an enumeration or byte, ``i`` an int32, ``?`` a bool, ``f`` a float32).
"""

from __future__ import annotations

from collections.abc import Mapping

ELEMENT_TYPES: Mapping[int, str] = {
    0: "float32", 1: "float16", 2: "int32", 3: "uint8", 4: "int64", 6: "bool", 7: "int16", 9: "int8", 10: "float64",
    17: "int4",
}  # fmt: skip
OPERATORS: Mapping[int, str] = {
    0: "ADD", 1: "AVERAGE_POOL_2D", 2: "CONCATENATION", 3: "CONV_2D", 4: "DEPTHWISE_CONV_2D", 5: "DEPTH_TO_SPACE",
    6: "DEQUANTIZE", 8: "FLOOR", 9: "FULLY_CONNECTED", 14: "LOGISTIC", 17: "MAX_POOL_2D", 18: "MUL", 19: "RELU",
    20: "RELU_N1_TO_1", 21: "RELU6", 22: "RESHAPE", 23: "RESIZE_BILINEAR", 25: "SOFTMAX", 26: "SPACE_TO_DEPTH",
    28: "TANH", 34: "PAD", 36: "GATHER", 39: "TRANSPOSE", 40: "MEAN", 41: "SUB", 42: "DIV", 43: "SQUEEZE",
    45: "STRIDED_SLICE", 47: "EXP", 49: "SPLIT", 50: "LOG_SOFTMAX", 54: "PRELU", 55: "MAXIMUM", 56: "ARG_MAX",
    57: "MINIMUM", 59: "NEG", 60: "PADV2", 65: "SLICE", 67: "TRANSPOSE_CONV", 69: "TILE", 70: "EXPAND_DIMS", 73: "LOG",
    74: "SUM", 75: "SQRT", 76: "RSQRT", 82: "REDUCE_MAX", 83: "PACK", 88: "UNPACK", 89: "REDUCE_MIN", 92: "SQUARE",
    97: "RESIZE_NEAREST_NEIGHBOR", 98: "LEAKY_RELU", 99: "SQUARED_DIFFERENCE", 100: "MIRROR_PAD", 101: "ABS",
    102: "SPLIT_V", 105: "REVERSE_V2", 111: "ELU", 114: "QUANTIZE", 117: "HARD_SWISH", 126: "BATCH_MATMUL",
    150: "GELU", 152: "RELU_0_TO_1",
}  # fmt: skip

DEFAULTS: Mapping[str, int] = {"dilation_w_factor": 1, "dilation_h_factor": 1, "pot_scale_int16": 1}
"""What an option is that the file leaves out, where that is not 0."""

Slots = Mapping[str, tuple[int, str]]
_FUSED: Slots = {"fused_activation_function": (0, "b")}
_SUM: Slots = {"fused_activation_function": (0, "b"), "pot_scale_int16": (1, "?")}
_POOL: Slots = {
    "padding": (0, "b"), "stride_w": (1, "i"), "stride_h": (2, "i"), "filter_width": (3, "i"),
    "filter_height": (4, "i"), "fused_activation_function": (5, "b"),
}  # fmt: skip
_KEPT: Slots = {"keep_dims": (0, "?")}
_BLOCK: Slots = {"block_size": (0, "i")}
OPTIONS: Mapping[str, Slots] = {
    "ADD": _SUM,
    "AVERAGE_POOL_2D": _POOL,
    "BATCH_MATMUL": {"adj_x": (0, "?"), "adj_y": (1, "?")},
    "CONCATENATION": {"axis": (0, "i"), "fused_activation_function": (1, "b")},
    "CONV_2D": {
        "padding": (0, "b"), "stride_w": (1, "i"), "stride_h": (2, "i"), "fused_activation_function": (3, "b"),
        "dilation_w_factor": (4, "i"), "dilation_h_factor": (5, "i"), "quantized_bias_type": (6, "b"),
    },
    "DEPTHWISE_CONV_2D": {
        "padding": (0, "b"), "stride_w": (1, "i"), "stride_h": (2, "i"), "fused_activation_function": (4, "b"),
        "dilation_w_factor": (5, "i"), "dilation_h_factor": (6, "i"),
    },
    "DEPTH_TO_SPACE": _BLOCK,
    "DIV": _FUSED,
    "FULLY_CONNECTED": {
        "fused_activation_function": (0, "b"), "weights_format": (1, "b"), "keep_num_dims": (2, "?"),
        "quantized_bias_type": (4, "b"),
    },
    "GATHER": {"axis": (0, "i"), "batch_dims": (1, "i")},
    "GELU": {"approximate": (0, "?")},
    "LEAKY_RELU": {"alpha": (0, "f")},
    "MAX_POOL_2D": _POOL,
    "MEAN": _KEPT,
    "MIRROR_PAD": {"mode": (0, "b")},
    "MUL": _FUSED,
    "PACK": {"values_count": (0, "i"), "axis": (1, "i")},
    "RESIZE_BILINEAR": {"align_corners": (2, "?"), "half_pixel_centers": (3, "?")},
    "RESIZE_NEAREST_NEIGHBOR": {"align_corners": (0, "?"), "half_pixel_centers": (1, "?")},
    "SOFTMAX": {"beta": (0, "f")},
    "SPACE_TO_DEPTH": _BLOCK,
    "SPLIT": {"num_splits": (0, "i")},
    "STRIDED_SLICE": {
        "begin_mask": (0, "i"), "end_mask": (1, "i"), "ellipsis_mask": (2, "i"), "new_axis_mask": (3, "i"),
        "shrink_axis_mask": (4, "i"), "offset": (5, "?"),
    },
    "SUB": _SUM,
    "SUM": _KEPT,
    "TRANSPOSE_CONV": {
        "padding": (0, "b"), "stride_w": (1, "i"), "stride_h": (2, "i"), "fused_activation_function": (3, "b"),
        "quantized_bias_type": (4, "b"),
    },
    "UNPACK": {"num": (0, "i"), "axis": (1, "i")},
}  # fmt: skip
