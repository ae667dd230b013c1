"""Verdict 2 of the exactness contract: the source model evaluated in exact rational arithmetic.

A naive evaluator, independent of the compiler: it knows nothing of integer graphs, scales or staircases. What stands
before the first quantiser of a raw float input, and every quantiser of a constant, runs in the source's own float32,
elementwise, as QONNX runs it; from there on every number is a rational and nothing is rounded except by quantisers.
Two values are not rational: square roots in BatchNormalization are taken to 128 bits, sigmoid and tanh to 60 digits.
Softmax is left out, with the linear quantisers behind it: the outputs are its logits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isobit.check.source.exact import quant as quantisers
from isobit.check.source.exact.call import Call
from isobit.check.source.exact.formats import float_quant
from isobit.check.source.exact.ops import OPERATORS
from isobit.check.source.exact.tensor import ExactTensor, from_floats, from_integers, multiply, scalar
from isobit.errors import IsobitError, printable
from isobit.frontend.onnx.model import LINEAR_QUANTISERS, QUANTISERS, SourceModel, SourceNode, TensorInfo

__all__ = ["ExactTensor", "evaluate_exact"]

Raw = NDArray[Any]
Value = ExactTensor | Raw
_INTEGER_DATATYPES = ("INT", "UINT", "BIPOLAR", "BINARY", "TERNARY")
_RESHAPING = ("Reshape", "Flatten", "Squeeze", "Unsqueeze")
_ORDER_ONLY = ("ArgMax", "TopK")
_AXIS_DEFAULT = {"Concat": 0, "ArgMax": 0, "Gather": 0, "Split": 0, "TopK": -1}
_AXES_INPUT = {"ReduceMean": 1, "Slice": 3}


def evaluate_exact(
    model: SourceModel, inputs: Mapping[str, Raw], *, scales: Mapping[str, Fraction] | None = None, taps: bool = False
) -> Mapping[str, ExactTensor]:
    """Exact values of the outputs for a batch of inputs.

    Args:
        model: the loaded source.
        inputs: per graph input an array [N, ...]; integers where the input has an integer type or annotation.
        scales: inputs that are declared to be integers times this exact scale; their arrays hold the integers.
        taps: whether to return every data-dependent tensor that is exact, by name, beside the outputs.

    Returns:
        Exact tensors [N, ...] by output label (and by tensor name for taps).

    Raises:
        IsobitError: E607 (inputs do not fit), E201/E202/E204/E205/E206/E207 (what the evaluator cannot take).
    """
    count = _check_inputs(model, inputs)
    logits = _behind_softmax(model)
    dependent = _dependent(model)
    entering = {info.name: _entering(info, inputs[info.name], model, scales or {}) for info in model.inputs}
    if count == 1 or _batchable(model, dependent):
        return _evaluate(model, entering, count, dependent, logits, taps)
    runs = [
        _evaluate(model, {name: _sample(value, i) for name, value in entering.items()}, 1, dependent, logits, taps)
        for i in range(count)
    ]
    return MappingProxyType({name: _stacked([run[name] for run in runs]) for name in runs[0]})


def _check_inputs(model: SourceModel, inputs: Mapping[str, Raw]) -> int:
    names = {info.name for info in model.inputs}
    if set(inputs) != names or not names:
        raise IsobitError(
            "E607", f"inputs {sorted(map(printable, inputs))} given, {sorted(map(printable, names))} needed"
        )
    counts = {array.shape[0] if array.ndim else 0 for array in inputs.values()}
    for info in model.inputs:
        if inputs[info.name].shape[1:] != info.shape[1:] or len(counts) != 1 or 0 in counts:
            shape = list(inputs[info.name].shape)
            raise IsobitError("E607", f"input '{printable(info.name)}' has shape {shape}, not [N, *{info.shape[1:]}]")
    return counts.pop()


def _behind_softmax(model: SourceModel) -> frozenset[str]:
    """The tensors that hold logits here: those behind a Softmax, where nothing but the order is used after it.

    A quantiser can make classes equal, so that not even the order may be used behind one.
    """
    logits: set[str] = set()
    rounded: set[str] = set()
    for node in model.nodes:
        allowed = (*_RESHAPING, *LINEAR_QUANTISERS, *(() if rounded.intersection(node.inputs) else _ORDER_ONLY))
        if logits.intersection(node.inputs) and node.op not in allowed:
            raise IsobitError("E201", "a Softmax before other arithmetic", where=_place(node))
        follows = node.op not in _ORDER_ONLY and logits.intersection(node.inputs)
        if node.op in ("Softmax", "LogSoftmax") or follows:
            logits.update(node.outputs)
        if follows and (node.op in LINEAR_QUANTISERS or rounded.intersection(node.inputs)):
            rounded.update(node.outputs)
    return frozenset(logits)


def _dependent(model: SourceModel) -> frozenset[str]:
    """The tensors that depend on an input."""
    found = {info.name for info in model.inputs}
    for node in model.nodes:
        if found.intersection(node.inputs):
            found.update(node.outputs)
    return frozenset(found - {""})


def _batchable(model: SourceModel, dependent: frozenset[str]) -> bool:
    """Whether every node treats the first axis as a batch, so that many samples can go through at once."""
    return all(_keeps_batch(model, node, dependent) for node in model.nodes if node.outputs[0] in dependent)


def _keeps_batch(model: SourceModel, node: SourceNode, dependent: frozenset[str]) -> bool:
    data = [model.shapes[name] for name in node.inputs if name in dependent]
    out = model.shapes[node.outputs[0]]
    if any(shape[:1] != (1,) for shape in [*data, out]):
        return False
    if node.op in _RESHAPING:
        return True
    if node.op in ("MatMul", "Gemm"):
        only_left = node.inputs[0] in dependent and node.inputs[1] not in dependent
        return only_left and len(data[0]) == len(out) and not node.attrs.get("transA", 0)
    axes = _axes(model, node)
    same_rank = all(len(shape) == len(out) for shape in data)
    return all(axis % len(data[0]) for axis in axes) and (same_rank or node.op in ("ArgMax", "ReduceMean"))


def _axes(model: SourceModel, node: SourceNode) -> tuple[int, ...]:
    """The axes a node mixes or moves; () where it works element by element or knows the batch axis itself."""
    if node.op == "Transpose":
        perm = node.attrs.get("perm")
        return () if isinstance(perm, tuple) and perm[0] == 0 else (0,)
    if node.op in _AXES_INPUT:
        axes, index = node.attrs.get("axes"), _AXES_INPUT[node.op]
        if axes is None and len(node.inputs) > index and node.inputs[index] in model.constants:
            axes = tuple(model.constants[node.inputs[index]].tolist())
        return axes if isinstance(axes, tuple) else (0,)
    if node.op in _AXIS_DEFAULT:
        axis = node.attrs.get("axis", _AXIS_DEFAULT[node.op])
        return (axis,) if isinstance(axis, int) else (0,)
    return ()


def _evaluate(
    model: SourceModel,
    entering: Mapping[str, Value],
    count: int,
    dependent: frozenset[str],
    logits: frozenset[str],
    taps: bool,
) -> Mapping[str, ExactTensor]:
    values: dict[str, Value] = {**model.constants, **entering}
    for node in model.nodes:
        shapes = tuple(_shape(model, name, count, dependent) for name in node.outputs)
        if node.op in (*QUANTISERS, *LINEAR_QUANTISERS) and dependent.intersection(node.inputs[1:]):
            raise IsobitError("E206", "a quantiser parameter depends on the input", where=_place(node))
        if node.op in LINEAR_QUANTISERS and node.inputs[0] in logits:
            values[node.outputs[0]] = values[node.inputs[0]]
        else:
            values.update(_run(node, values, shapes))
    results = {info.label: _exact(values[info.name]) for info in model.outputs}
    if taps:
        results |= {k: v for k, v in values.items() if k in dependent and isinstance(v, ExactTensor)}
    return MappingProxyType(results)


def _shape(model: SourceModel, name: str, count: int, dependent: frozenset[str]) -> tuple[int, ...]:
    shape = model.shapes.get(name, ())
    return (count, *shape[1:]) if name in dependent and shape[:1] == (1,) else shape


def _entering(info: TensorInfo, array: Raw, model: SourceModel, scales: Mapping[str, Fraction]) -> Value:
    """An input: exact if its type, annotation or declared scale says integer, else raw float32."""
    datatype = model.annotations.get(info.name, "")
    declared = info.name in scales or datatype.startswith(_INTEGER_DATATYPES)
    if not (np.dtype(info.dtype).kind in "iub" or declared):
        return array.astype(np.float32)
    if array.dtype.kind == "f" and not (array == np.round(array)).all():
        raise IsobitError("E607", f"input '{printable(info.name)}' must hold integers")
    integers = from_integers(array)
    return multiply(integers, scalar(scales[info.name])) if info.name in scales else integers


def _sample(value: Value, index: int) -> Value:
    if isinstance(value, ExactTensor):
        return value.map(lambda numerators: numerators[index : index + 1])
    return value[index : index + 1]


def _run(node: SourceNode, values: Mapping[str, Value], shapes: tuple[tuple[int, ...], ...]) -> dict[str, Value]:
    given = [values[name] if name else None for name in node.inputs]
    try:
        if node.op in QUANTISERS or node.op in LINEAR_QUANTISERS:
            result: object = _quantise(node, given)
        elif node.op in _RAW_OPERATORS and not any(isinstance(value, ExactTensor) for value in given):
            result = _RAW_OPERATORS[node.op](node, given, shapes[0])
        else:
            result = _exact_operator(node, given, shapes)
    except IsobitError as error:
        raise IsobitError(error.code, error.message, where=_place(node), hint=error.hint) from error
    results = result if isinstance(result, tuple) else (result,)
    for value, shape in zip(results, shapes, strict=False):
        assert value.shape == shape, (node.op, value.shape, shape)
    return {name: value for name, value in zip(node.outputs, results, strict=False) if name}


def _place(node: SourceNode) -> str:
    return f"node '{printable(node.name)}'"


def _exact(value: Value) -> ExactTensor:
    return value if isinstance(value, ExactTensor) else from_floats(value)


def _exact_operator(node: SourceNode, given: list[Value | None], shapes: tuple[tuple[int, ...], ...]) -> object:
    if node.op not in OPERATORS:
        raise IsobitError("E201", f"the exact evaluator has no '{printable(node.op)}'")
    inputs = tuple(None if value is None else _exact(value) for value in given)
    return OPERATORS[node.op](Call(node, inputs, shapes, whole=_is_whole(given)))


def _is_whole(given: list[Value | None]) -> bool:
    """Are the operands of an integer type? ONNX wants one type for both, so a constant's tells."""
    return any(isinstance(value, np.ndarray) and value.dtype.kind in "iu" for value in given)


def _quantise(node: SourceNode, given: list[Value | None]) -> ExactTensor:
    data, *params = given
    if node.op in LINEAR_QUANTISERS and params[-1] is None:  # the zero point may be absent
        params.pop()
    arrays = [value for value in params if isinstance(value, np.ndarray)]
    if data is None or len(arrays) != len(params):
        raise IsobitError("E206", "a quantiser parameter is quantised itself")
    if node.op == "QuantizeLinear":
        return quantisers.quantize_linear(data, arrays, node.attrs)
    if node.op == "DequantizeLinear":
        return quantisers.dequantize_linear(_exact(data), arrays, node.attrs)
    if node.op == "FloatQuant":
        return float_quant(_constant_of(data), arrays, node.attrs)
    if node.op == "Quant":
        return quantisers.quant(data, arrays, node.attrs)
    if node.op == "BipolarQuant":
        return quantisers.bipolar_quant(data, arrays)
    if node.op == "Trunc":
        return quantisers.trunc(_exact(data), arrays, node.attrs)
    return quantisers.multi_threshold(_exact(data), arrays[0], node.attrs)


def _constant_of(data: Value) -> Raw:
    if isinstance(data, ExactTensor):
        raise IsobitError("E202", "FloatQuant of an activation")
    return data


def _stacked(parts: list[ExactTensor]) -> ExactTensor:
    """Single-sample results joined along the first axis (a new one for results without a batch axis)."""
    den = int(np.lcm.reduce(np.array([part.den for part in parts], dtype=object)))
    nums = [part.num * (den // part.den) for part in parts]
    joined = np.concatenate(nums) if nums[0].shape[:1] == (1,) else np.stack(nums)
    return ExactTensor(joined, den)


def _raw_clip(node: SourceNode, given: list[Any], shape: tuple[int, ...]) -> Raw:
    limits = [given[i] if len(given) > i else node.attrs.get(key) for i, key in ((1, "min"), (2, "max"))]
    low, high = (None if limit is None else np.asarray(limit, dtype=given[0].dtype) for limit in limits)
    data = given[0] if low is None else np.maximum(given[0], low)
    return np.asarray(data if high is None else np.minimum(data, high))


def _elementwise(function: Callable[..., Any]) -> Callable[[SourceNode, list[Any], tuple[int, ...]], Raw]:
    return lambda node, given, shape: np.asarray(function(*given))


def _raw_transpose(node: SourceNode, given: list[Any], shape: tuple[int, ...]) -> Raw:
    perm = node.attrs.get("perm")
    return np.asarray(np.transpose(given[0], perm if isinstance(perm, tuple) else None))


def _raw_reshape(node: SourceNode, given: list[Any], shape: tuple[int, ...]) -> Raw:
    return np.asarray(given[0].reshape(shape))


_RAW_OPERATORS: Mapping[str, Callable[[SourceNode, list[Any], tuple[int, ...]], Raw]] = MappingProxyType(
    {
        "Add": _elementwise(np.add),
        "Clip": _raw_clip,
        "Div": _elementwise(np.divide),
        "Mul": _elementwise(np.multiply),
        "Neg": _elementwise(np.negative),
        "Relu": _elementwise(lambda x: np.maximum(x, x.dtype.type(0))),
        "Sub": _elementwise(np.subtract),
        "Transpose": _raw_transpose,
        **dict.fromkeys(_RESHAPING, _raw_reshape),
    }
)
