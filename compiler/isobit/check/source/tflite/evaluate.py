"""Verdict 2 for TensorFlow Lite: the file evaluated with the integers of TFLite's reference kernels.

A naive evaluator in numpy, independent of the importer: nothing but the loaded file is shared. It knows every kernel
as its publisher wrote it (31-bit multipliers, two roundings, the order of the float operations on scales) and is tested
against LiteRT's own reference kernels (``BUILTIN_REF``), which tests run and this module does not need. Where they and
TensorFlow Lite Micro's differ, it follows LiteRT: FULLY_CONNECTED rounds a double product once, MUL's multiplier is a
float32 product, RELU6 rescales, LOGISTIC and TANH are tables. SUM of int8 follows Micro. TANH is the nearest float32
here and not always so in a C library: an entry of the table may differ where a rounding edge lies between.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isobit.check.source.tflite import move, pointwise, real, resize, softmax, tables, window
from isobit.check.source.tflite.call import Call, Ints
from isobit.check.source.tflite.file import LIMITS, File, Operator
from isobit.errors import IsobitError

__all__ = ["evaluate_tflite"]

Raw = NDArray[np.generic]
_OPERATORS: Mapping[str, Callable[[Call], move.Moved]] = {
    "ABS": tables.absolute,
    "ADD": pointwise.add,
    "ARG_MAX": move.arg_max,
    "AVERAGE_POOL_2D": window.average_pool,
    "BATCH_MATMUL": pointwise.matrix_product,
    "CONCATENATION": pointwise.concatenation,
    "CONV_2D": window.convolution,
    "DEPTHWISE_CONV_2D": window.depthwise,
    "DEPTH_TO_SPACE": move.depth_to_space,
    "ELU": tables.looked_up,
    "EXP": tables.looked_up,
    "EXPAND_DIMS": move.reshape,
    "FULLY_CONNECTED": window.fully_connected,
    "GATHER": move.gather,
    "GELU": tables.looked_up,
    "HARD_SWISH": pointwise.hard_swish,
    "LEAKY_RELU": pointwise.leaky_relu,
    "LOG": tables.looked_up,
    "LOGISTIC": partial(pointwise.looked_up, function=pointwise.sigmoid),
    "MAXIMUM": partial(pointwise.extremum, greater=True),
    "MAX_POOL_2D": window.max_pool,
    "MEAN": pointwise.mean,
    "MINIMUM": partial(pointwise.extremum, greater=False),
    "MIRROR_PAD": move.mirror_pad,
    "MUL": pointwise.multiply,
    "NEG": tables.negative,
    "PACK": move.pack,
    "PAD": move.pad,
    "PADV2": move.pad,
    "PRELU": pointwise.prelu,
    "QUANTIZE": pointwise.quantize,
    "REDUCE_MAX": partial(pointwise.reduced_extremum, greater=True),
    "REDUCE_MIN": partial(pointwise.reduced_extremum, greater=False),
    "RELU": partial(pointwise.relu, activation=1),
    "RELU6": partial(pointwise.relu, activation=3),
    "RELU_0_TO_1": partial(pointwise.relu, activation=-1),
    "RELU_N1_TO_1": partial(pointwise.relu, activation=2),
    "RESHAPE": move.reshape,
    "RESIZE_BILINEAR": resize.bilinear,
    "RESIZE_NEAREST_NEIGHBOR": resize.nearest,
    "REVERSE_V2": move.reverse,
    "RSQRT": tables.inverse_root,
    "SLICE": move.sliced,
    "SOFTMAX": softmax.softmax,
    "SPACE_TO_DEPTH": move.space_to_depth,
    "SPLIT": move.split,
    "SPLIT_V": move.split_v,
    "SQRT": tables.root,
    "SQUARED_DIFFERENCE": pointwise.squared_difference,
    "SQUEEZE": move.reshape,
    "STRIDED_SLICE": move.strided_slice,
    "SUB": partial(pointwise.add, sign=-1),
    "SUM": pointwise.total,
    "TANH": partial(pointwise.looked_up, function=np.tanh),
    "TILE": move.tile,
    "TRANSPOSE": move.transpose,
    "TRANSPOSE_CONV": window.transposed,
    "UNPACK": move.unpack,
}
_LAST = frozenset({"SOFTMAX", "LOG_SOFTMAX", "DEQUANTIZE"})
_BEHIND_LAST = _LAST | {"QUANTIZE", "RESHAPE", "SQUEEZE", "EXPAND_DIMS"}


def evaluate_tflite(model: File, inputs: Mapping[int, Raw]) -> Mapping[int, Ints]:
    """The integers of every tensor that an operator makes, for a batch of inputs.

    Args:
        inputs: by tensor index, integers ``(N, *shape[1:])`` in the range of the tensor's type, or float32 where a
            QUANTIZE reads the input.

    Returns:
        By tensor index ``(N, *shape[1:])``, or ``(N, *shape)`` where the tensor's first axis is not a batch of 1.
        What a last SOFTMAX, LOG_SOFTMAX and DEQUANTIZE make is left out: the result ends at what they read.

    Raises:
        IsobitError: E607 (inputs do not fit), E201/E202/E203/E106 (what the evaluator cannot take, located).
    """
    samples = _check_inputs(model, inputs)
    values: dict[int, Raw] = {i: np.asarray(x).reshape(samples, *model.tensors[i].shape) for i, x in inputs.items()}
    made: dict[int, Ints] = {}
    ended: set[int] = set()
    for operator in model.operators:
        if (floats := _floats(Call(model, operator, values, samples), ended)) is not None:
            ended.update(operator.outputs)
            values |= floats
            continue
        last = operator.op in _LAST and (operator.op != "SOFTMAX" or _nothing_follows(model, operator))
        requantised = operator.op == "QUANTIZE" and ended.intersection(values).issuperset(operator.inputs)
        if last or (ended.intersection(operator.inputs) and not requantised):
            _refuse_behind_last(operator)
            ended.update(operator.outputs)
            continue
        made |= _run(Call(model, operator, values, samples))
        values |= made
    return MappingProxyType({i: _batched(x) for i, x in made.items() if x.dtype.kind in "iu"})


def _floats(call: Call, ended: Set[int]) -> dict[int, Raw] | None:
    """What DEQUANTIZE makes, and floats element by element behind it; None for what is neither."""
    inputs = set(call.operator.inputs)
    if call.operator.op == "DEQUANTIZE" and not inputs & ended:
        return _run(call, {"DEQUANTIZE": real.dequantize})
    if call.operator.op in real.REAL and inputs & ended and inputs & ended <= set(call.values):
        return _run(call, dict.fromkeys(real.REAL, real.real))
    return None


def _check_inputs(model: File, inputs: Mapping[int, Raw]) -> int:
    """The number of samples; an input that no operator reads may be left out."""
    counts = {len(x) for x in inputs.values()}
    read = {index for operator in model.operators for index in operator.inputs} | set(model.outputs)
    needed = read.intersection(model.inputs)
    if not needed <= set(inputs) <= set(model.inputs) or len(counts) != 1:
        raise IsobitError("E607", f"inputs {sorted(inputs)} of {sorted(counts)} samples, {sorted(needed)} needed")
    for index, x in inputs.items():
        tensor = model.tensors[index]
        if x.shape[1:] != tensor.shape[1:]:
            raise IsobitError(
                "E607", f"shape {list(x.shape[1:])}, {list(tensor.shape[1:])} needed", where=model.place(index)
            )
        low, high = LIMITS.get(tensor.dtype, (-np.inf, np.inf))
        whole = tensor.dtype not in LIMITS or x.dtype.kind in "iu"
        if not whole or (x.size and not (x.min() >= low and x.max() <= high)):
            raise IsobitError("E607", f"not {tensor.dtype} from {low} to {high}", where=model.place(index))
    return counts.pop()


def _nothing_follows(model: File, operator: Operator) -> bool:
    """Is all that is made of its output made by operators that move, end or requantise it for the outside?"""
    made = set(operator.outputs)
    for reader in model.operators:
        if made.intersection(reader.inputs):
            if reader.op not in _BEHIND_LAST:
                return False
            made.update(reader.outputs)
    return True


def _refuse_behind_last(operator: Operator) -> None:
    if operator.op not in _BEHIND_LAST:
        raise operator.refusal("it reads what a softmax or DEQUANTIZE made", "end the network there")


def _run(call: Call, known: Mapping[str, Callable[[Call], Any]] = _OPERATORS) -> dict[int, Any]:
    operator = call.operator
    if operator.op not in known:
        raise operator.refusal("the reference evaluator does not know it", code="E201")
    try:
        made = known[operator.op](call)
    except (ValueError, IndexError) as error:  # numpy's words for shapes and axes that do not fit together
        raise operator.refusal("its shapes do not fit together", code="E106") from error
    parts = made if isinstance(made, tuple) else (made,)
    found, said = [x.shape[1:] for x in parts], [call.model.tensors[i].shape for i in operator.outputs]
    if found != said:
        raise operator.refusal(f"it makes shapes {_listed(found)}, the file says {_listed(said)}", code="E106")
    return dict(zip(operator.outputs, parts, strict=True))


def _listed(shapes: Sequence[tuple[int, ...]]) -> str:
    return ", ".join(str(list(shape)) for shape in shapes)


def _batched(x: Ints) -> Ints:
    return x[:, 0] if x.ndim > 1 and x.shape[1] == 1 else x
