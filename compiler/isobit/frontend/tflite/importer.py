"""TFLite import: every operator a function on graph values, one table entry each; no sequences are pattern-matched."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from math import prod
from pathlib import Path

import numpy as np

from isobit.errors import IsobitError, printable
from isobit.frontend.tflite import (
    extrema,
    functions,
    joins,
    moves,
    pools,
    products,
    reals,
    resize,
    sixteen,
    softmax,
    squares,
    tables,
    windows,
)  # fmt: skip
from isobit.frontend.tflite.builder import TfliteBuilder, Value, exact_scale, sample_shape
from isobit.frontend.tflite.early import OF_ANY_BATCH, refuse_early, refuse_types
from isobit.frontend.tflite.file import load_tflite
from isobit.frontend.tflite.model import FIXED_BATCH, LIMITS, TfliteModel, TfliteOperator, TfliteTensor
from isobit.ir import Graph
from isobit.ir.ops import HostOp, Input, Output, Quantiser, Select, frozen_ints
from isobit.numerics import least_move

Handler = Callable[[TfliteBuilder, TfliteOperator], Value | list[Value]]


@dataclass(frozen=True)
class ImportedTflite:
    """The graph, and where a tensor's integers are found in it.

    ``values`` maps a tensor's index to its graph value; ``outputs`` maps an output's name to the index of the tensor
    whose integers the graph's output holds (that before a final Softmax or DEQUANTIZE, which the host computes).
    """

    graph: Graph
    values: Mapping[int, Value]
    outputs: Mapping[str, int]


def import_tflite(path: Path) -> Graph:
    """Read a TFLite file into an integer graph.

    Raises:
        IsobitError: E1xx when the file cannot be used, E2xx when the model has no exact integer meaning here.
    """
    return import_traced(load_tflite(path)).graph


def import_traced(model: TfliteModel) -> ImportedTflite:
    """:func:`import_tflite` of a loaded model, keeping the value of every tensor."""
    refuse_early(model)
    b = begin(model)
    for op in model.operators:
        import_operator(b, op)
    for index in model.outputs:
        import_output(b, index)
    outputs = {model.tensors[index].name: _integer_tensor(model, index) for index in model.outputs}
    return ImportedTflite(b.graph(), dict(b.values), outputs)


def begin(model: TfliteModel) -> TfliteBuilder:
    """An import with the inputs of integers; inputs of floats wait for the operator that quantises them."""
    b = TfliteBuilder(model)
    for index in model.inputs:
        tensor = model.tensors[index]
        if tensor.dtype != "float32":
            b.values[index] = _integer_input(b, index, tensor)
        else:
            b.floats[index] = index, np.arange(prod(tensor.shape)).reshape(tensor.shape)
    return b


def import_operator(b: TfliteBuilder, op: TfliteOperator) -> None:
    """The values of an operator's outputs.

    Raises:
        IsobitError: E1xx and E2xx, located at the operator.
    """
    if moves.move_floats(b, op) or reals.import_real(b, op):
        return
    handler = _operator(b, op)
    refuse_types(b.model, op)
    reals.refuse_floats(b, op)
    made = handler(b, op)
    for index, value in zip(op.outputs, made if isinstance(made, list) else [made], strict=False):
        if not value.host:
            _check_shape(b, op, b.model.tensors[index], value)
        b.values[index] = value


def _operator(b: TfliteBuilder, op: TfliteOperator) -> Handler:
    wide = "int16" in (b.output(op).dtype, *(b.model.tensors[i].dtype for i in op.inputs[:1] if i >= 0))
    handler = (sixteen.HANDLERS if wide else _OPERATORS).get(op.op, _OPERATORS.get(op.op))
    if handler is None:
        raise IsobitError(
            "E201", f"{printable(op.op)} is not supported", where=op.where,
            hint=FIXED_BATCH if op.op in OF_ANY_BATCH else "supported: " + ", ".join(sorted(_OPERATORS)),
        )  # fmt: skip
    return handler


def _check_shape(b: TfliteBuilder, op: TfliteOperator, tensor: TfliteTensor, value: Value) -> None:
    shape = sample_shape(tensor, op.where)
    if b.type(value).shape != shape:
        made = list(b.type(value).shape)
        raise op.refusal(f"it makes {made}, the file declares {list(tensor.shape)}", "convert again", "E106")


def _integer_input(b: TfliteBuilder, index: int, tensor: TfliteTensor) -> Value:
    """An input of integers, taken as the user gives them; floats are quantised as QUANTIZE would."""
    where = b.model.place(index)
    if tensor.dtype not in LIMITS:
        hint = "convert with int8 activations"
        raise IsobitError("E205", f"an input of type {tensor.dtype}", where=where, hint=hint)
    if len(tensor.scale) != 1:
        raise IsobitError("E209", "an input without a scale", where=where, hint="convert with a representative dataset")
    lo, hi = LIMITS[tensor.dtype]
    scale, zero = Fraction(tensor.scale[0]), tensor.zero_point[0]
    if not lo <= zero <= hi:
        raise IsobitError("E204", f"a zero point of {zero} in {tensor.dtype}", where=where)
    shape = sample_shape(tensor, where)
    name = b.emit(
        Input(
            name=b.fresh(tensor.name.split(":")[0]), shape=shape, lo=frozen_ints(lo), hi=frozen_ints(hi),
            scale=(scale,), offset=(-zero * scale,), outside=tensor.name, outside_shape=shape,
            quantiser=Quantiser((float(scale),), (float(zero),), "HALF_UP", lo, hi), source=(printable(tensor.name),),
            dtype=tensor.dtype,
        )
    )  # fmt: skip
    return Value(name, zero)


def _quantize(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """QUANTIZE of the float input: the host's work, which rounds before it adds the zero point."""
    tensor = b.tensor(op)
    if (on_host := b.behind_softmax(op)) is not None:
        return on_host
    if op.inputs[0] in b.reals:
        return reals.end_real(b, op)
    if op.inputs[0] not in b.floats:
        wide = "int16" in (tensor.dtype, b.output(op).dtype)
        return sixteen.import_requantise(b, op) if wide else functions.import_requantise(b, op)
    source, index = b.floats[op.inputs[0]]
    tensor = b.model.tensors[source]
    scale, zero, (lo, hi) = b.grid(op, b.output(op))
    lo, hi = lo - zero, hi - zero
    move = least_move(lo, hi)
    shape = sample_shape(tensor, op.where)
    name = b.emit(
        Input(
            name=b.fresh(tensor.name.split(":")[0]), shape=shape, lo=frozen_ints(lo + move), hi=frozen_ints(hi + move),
            scale=(Fraction(scale),), offset=(-move * Fraction(scale),), outside=tensor.name, outside_shape=shape,
            quantiser=Quantiser((scale,), (0.0,), "HALF_UP", lo, hi, move), source=b.source(op),
        )
    )  # fmt: skip
    return b.shaped(op, Value(name, move), index)


def _dequantize(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """DEQUANTIZE: the real value, for the host or for a QUANTIZE behind it."""
    if (on_host := b.behind_softmax(op)) is not None:
        return on_host
    reals.begin_real(b, op, x := b.value(op))
    return x


def _softmax(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """SOFTMAX and LOG_SOFTMAX of the last axis: the host's work in float32, but where the network goes on."""
    if not softmax.is_last(b.model, op):
        return softmax.import_inner_softmax(b, op)
    x = b.value(op)
    beta = float(op.options.get("beta", 1.0)) or 1.0
    scaled = () if op.op == "LOG_SOFTMAX" or beta == 1 else (HostOp("mul", (beta,)),)
    return replace(x, host=(*scaled, HostOp(op.op.lower().replace("_", ""))))


def _select(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """ARG_MAX over the channels; its index is the output."""
    x = b.value(op)
    rank = len(b.tensor(op).shape)
    axis = b.integers(op, 1, "axis", 1)[0] % rank
    if axis != rank - 1:
        raise op.refusal(f"the greatest along axis {axis}", "only the last axis can be searched")
    name = b.emit(Select(name=b.named(op), inputs=(x.name,), source=b.source(op)))
    return b.shaped(op, Value(name), b.flat(Value(name)))


def import_output(b: TfliteBuilder, index: int) -> None:
    """The graph's output for a tensor.

    Raises:
        IsobitError: E203 for one that depends on no integers.
    """
    tensor = b.model.tensors[index]
    if index not in b.values:
        raise IsobitError("E203", "it does not depend on a quantised value", where=b.model.place(index))
    value, shape = b.values[index], sample_shape(tensor, b.model.place(index))
    scale = exact_scale(b.model.tensors[_integer_tensor(b.model, index)])
    b.emit(
        Output(
            name=b.fresh(tensor.name.split(":")[0]), inputs=(value.name,), scale=(scale,),
            offset=(-value.zero * scale,), outside=tensor.name, outside_shape=shape, host=value.host,
            source=(printable(tensor.name),),
        )
    )  # fmt: skip


def _integer_tensor(model: TfliteModel, index: int) -> int:
    """The tensor before a final Softmax or DEQUANTIZE: the last of integers."""
    makers = {i: op for op in model.operators for i in op.outputs}
    path = [index]
    inside = {op.index for op in model.operators if op.op in softmax.SOFTMAX and not softmax.is_last(model, op)}
    ends = (*softmax.SOFTMAX, *softmax.BEHIND_SOFTMAX)
    while index in makers and makers[index].op in ends and makers[index].index not in inside:
        index = makers[index].inputs[0]
        path.append(index)
    if not any(makers[i].op in softmax.SOFTMAX for i in path[:-1]):  # then a QUANTIZE is the fabric's own
        path = path[: 1 + next((n for n, i in enumerate(path[:-1]) if makers[i].op == "QUANTIZE"), len(path))]
    ended = [i for i in path[:-1] if makers[i].op in softmax.SOFTMAX or model.tensors[i].dtype == "float32"]
    return path[path.index(ended[-1]) + 1] if ended else path[0]


_OPERATORS: Mapping[str, Handler] = {
    "ABS": tables.import_abs,
    "ADD": joins.import_sum,
    "ARG_MAX": _select,
    "AVERAGE_POOL_2D": pools.import_average_pool,
    "BATCH_MATMUL": products.import_batch_matmul,
    "CONCATENATION": joins.import_concatenation,
    "CONV_2D": windows.import_conv,
    "DEPTHWISE_CONV_2D": windows.import_conv,
    "DEPTH_TO_SPACE": moves.import_blocks,
    "DEQUANTIZE": _dequantize,
    "ELU": tables.import_looked_up,
    "EXP": tables.import_looked_up,
    "EXPAND_DIMS": moves.import_reshape,
    "FULLY_CONNECTED": windows.import_fully_connected,
    "GATHER": moves.import_gather,
    "GELU": tables.import_looked_up,
    "HARD_SWISH": functions.import_hard_swish,
    "LEAKY_RELU": functions.import_leaky,
    "LOG": tables.import_looked_up,
    "LOGISTIC": functions.import_curve,
    "LOG_SOFTMAX": _softmax,
    "MAXIMUM": extrema.import_extremum,
    "MAX_POOL_2D": pools.import_max_pool,
    "MEAN": pools.import_mean,
    "MINIMUM": extrema.import_extremum,
    "MIRROR_PAD": moves.import_mirror_pad,
    "MUL": joins.import_product,
    "NEG": tables.import_neg,
    "PACK": moves.import_pack,
    "PAD": moves.import_pad,
    "PADV2": moves.import_pad,
    "PRELU": functions.import_prelu,
    "QUANTIZE": _quantize,
    "REDUCE_MAX": extrema.import_reduced_extremum,
    "REDUCE_MIN": extrema.import_reduced_extremum,
    "RELU": functions.import_relu,
    "RELU6": functions.import_relu,
    "RELU_0_TO_1": functions.import_relu,
    "RELU_N1_TO_1": functions.import_relu,
    "RESHAPE": moves.import_reshape,
    "RESIZE_BILINEAR": resize.import_bilinear,
    "RESIZE_NEAREST_NEIGHBOR": resize.import_nearest,
    "REVERSE_V2": moves.import_reverse,
    "RSQRT": tables.import_rsqrt,
    "SLICE": moves.import_slice,
    "SOFTMAX": _softmax,
    "SPACE_TO_DEPTH": moves.import_blocks,
    "SPLIT": moves.import_split,
    "SPLIT_V": moves.import_split,
    "SQRT": tables.import_sqrt,
    "SQUARED_DIFFERENCE": squares.import_squared_difference,
    "SQUEEZE": moves.import_reshape,
    "STRIDED_SLICE": moves.import_strided_slice,
    "SUB": joins.import_sum,
    "SUM": pools.import_mean,
    "TANH": functions.import_curve,
    "TILE": moves.import_tile,
    "TRANSPOSE": moves.import_transpose,
    "TRANSPOSE_CONV": windows.import_transpose_conv,
    "UNPACK": moves.import_split,
}
