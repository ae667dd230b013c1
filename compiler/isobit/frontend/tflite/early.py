"""What is seen of a whole TFLite file before any work: whether it is quantised, and how."""

from __future__ import annotations

import numpy as np

from isobit.errors import IsobitError, printable
from isobit.frontend.tflite.model import LIMITS, SHAPE_ONLY, TfliteModel, TfliteOperator

_FULL = "convert with full integer quantisation: a representative_dataset and the int8 built-ins (TFLITE_BUILTINS_INT8)"
_INT8_ALONE = frozenset({"ABS", "BATCH_MATMUL", "ELU", "EXP", "LOG", "NEG", "RSQRT", "SQRT", "SQUARED_DIFFERENCE"})
"""Tried with ai-edge-litert 2.3.0: reference and default kernels stop there (docs/kernels.md)."""
_NOT_OF_16_BITS = frozenset(
    {"ARG_MAX", "DEPTH_TO_SPACE", "ELU", "HARD_SWISH", "LOG_SOFTMAX", "RELU_0_TO_1", "RELU_N1_TO_1", "SPACE_TO_DEPTH",
     "SQUARED_DIFFERENCE"}
)  # fmt: skip
_UNBUILT_OF_16_BITS = frozenset({"BATCH_MATMUL", "EXP", "GELU", "LOG", "PRELU", "RSQRT", "SQRT", "SUM"})
_OF_TWO_TYPES = frozenset({"DEQUANTIZE", "QUANTIZE", "SOFTMAX", "LOG_SOFTMAX"})
_EIGHT = "convert with int8 activations: TFLITE_BUILTINS_INT8"
OF_ANY_BATCH = frozenset({"BATCH_TO_SPACE_ND", "SHAPE", "SPACE_TO_BATCH_ND"})
"""What converters write where the batch is not fixed, and not where it is."""
_RECURRENT = ("LSTM", "RNN", "SVDF", "GRU")


def refuse_early(model: TfliteModel) -> None:
    """Refuse networks of floats, of which only weights are quantised, of half precision, or with a state.

    Raises:
        IsobitError: E201, E203, E108, located at the operator or the file.
    """
    for op in model.operators:
        if op.op.endswith(_RECURRENT):
            why = f"{op.op}: a recurrent layer keeps a state from step to step"
            raise op.refusal(why, "unroll it over a fixed number of steps, or use a convolution over time", "E201")
    activations = {model.tensors[i].dtype for op in model.operators for i in op.outputs}
    activations |= {model.tensors[i].dtype for i in model.inputs}
    if activations.intersection(LIMITS):
        return
    where = printable(model.path)
    constants = {str(np.asarray(model.tensors[i].data).dtype) for op in model.operators for i in _weights(model, op)}
    if "float16" in constants:
        raise IsobitError("E108", "weights of half precision, and activations of floats", where=where, hint=_FULL)
    if constants.intersection(LIMITS):
        text = "only the weights are quantised (dynamic range), the activations are floats"
        raise IsobitError("E203", text, where=where, hint=_FULL)
    if model.operators:
        raise IsobitError("E203", "nothing in this model is quantised", where=where, hint=_FULL)


def refuse_types(model: TfliteModel, op: TfliteOperator) -> None:
    """Refuse operators that have no kernel for uint8 in LiteRT, and so no integers that anything defines, and those
    whose 16-bit kernel is missing there or not built here.

    Raises:
        IsobitError: E205, located at the operator.
    """
    if op.op in _INT8_ALONE and any(model.tensors[i].dtype == "uint8" for i in (*op.inputs, *op.outputs) if i >= 0):
        raise op.refusal(f"LiteRT has no kernel of {op.op} for uint8", "convert with int8 activations", "E205")
    kinds = {model.tensors[i].dtype for i in (*op.inputs, *op.outputs) if i >= 0 and model.tensors[i].scale}
    if "int16" not in kinds:
        return
    read = [op.inputs[i] for i in SHAPE_ONLY.get(op.op, range(len(op.inputs)))]
    running = {model.tensors[i].dtype for i in (*read, *op.outputs) if i >= 0 and model.tensors[i].data is None}
    if op.op not in _OF_TWO_TYPES and running != {"int16"}:
        raise op.refusal(f"activations of {' and '.join(sorted(running))}", "give all the same type", "E205")
    if op.op in _NOT_OF_16_BITS:
        raise op.refusal(f"LiteRT has no reference kernel of {op.op} for int16", _EIGHT, "E205")
    if op.op in _UNBUILT_OF_16_BITS:
        raise op.refusal(f"the int16 kernel of {op.op} is another one than that of int8, and not built", _EIGHT, "E205")


def _weights(model: TfliteModel, op: TfliteOperator) -> list[int]:
    return [i for i in op.inputs if i >= 0 and model.tensors[i].data is not None]
