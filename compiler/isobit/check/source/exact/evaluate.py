"""Verdict 2 of the exactness contract: the source file evaluated in exact rational arithmetic.

A naive evaluator that shares nothing with the compiler, not even what reads the file: it knows nothing of integer
graphs, scales or staircases. What stands before the first quantiser of a raw float input, and constants, are computed
in the source's own float32, elementwise, as QONNX runs it; from there on every number is a rational and nothing is
rounded except by quantisers. Two values are not rational: square roots in BatchNormalization are taken to 128 bits,
sigmoid and tanh to 60 digits. Softmax is left out, with the linear quantisers behind it: the outputs are its logits.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isobit.check.source.exact import quant as quantisers
from isobit.check.source.exact.batch import behind_softmax, dependent_tensors, integer_tensors, keeps_batch
from isobit.check.source.exact.call import Call
from isobit.check.source.exact.constants import RAW_OPERATORS
from isobit.check.source.exact.file import CHANNELS_LAST, FileInput, FileNode, OnnxFile, read_file
from isobit.check.source.exact.float32 import Float32
from isobit.check.source.exact.formats import float_quant
from isobit.check.source.exact.move import cut_off
from isobit.check.source.exact.ops import OPERATORS
from isobit.check.source.exact.qoperators import is_qoperator, run_qoperator
from isobit.check.source.exact.quant import LINEAR_QUANTISERS, QUANTISERS
from isobit.check.source.exact.shapes import output_shapes
from isobit.check.source.exact.tapered import tapered_decode, tapered_quant
from isobit.check.source.exact.tensor import ExactTensor, from_floats, from_integers, multiply, objects, scalar
from isobit.errors import IsobitError, printable

__all__ = ["ExactTensor", "evaluate_exact"]

Raw = NDArray[Any]
Value = ExactTensor | Raw
Shape = tuple[int, ...]
_INTEGER_DATATYPES = ("INT", "UINT", "BIPOLAR", "BINARY", "TERNARY")
_RESIZING = ("Resize", "Upsample")
_OUTLINED = 64
"""Float arrays of more elements never decide a shape."""


def evaluate_exact(
    source: Path | OnnxFile,
    inputs: Mapping[str, Raw],
    *,
    scales: Mapping[str, Fraction] | None = None,
    taps: bool = False,
    float32: bool = False,
    exact: Collection[str] = (),
    told: Callable[[str], None] = lambda _: None,
) -> Mapping[str, ExactTensor]:
    """Exact values of the outputs for a batch of inputs.

    Args:
        source: the file, or the graph read from it.
        inputs: per graph input an array [N, ...]; integers where the input has an integer type or annotation.
        scales: inputs that are declared to be integers times this exact scale; their arrays hold the integers.
        float32: behind exact accumulators every element-wise operation rounds to float32
            (:mod:`isobit.check.source.exact.float32`), but for the quantisers whose outputs are named in ``exact``.
        taps: whether to return every data-dependent tensor that is exact, by name, beside the outputs.
        told: hears of how many operators or samples are done.

    Returns:
        Exact tensors [N, ...] by output name (and by tensor name for taps).

    Raises:
        IsobitError: E607 (inputs do not fit), E102, E106 (the file), E201/E202/E204/E205/E206/E207 (what the evaluator
            cannot take).
    """
    file = source if isinstance(source, OnnxFile) else read_file(source)
    count = _check_inputs(file, inputs)
    entering = {info.name: _entering(info, inputs[info.name], file, scales or {}) for info in file.inputs}
    run = _Evaluation(file, float32, frozenset(exact), told)
    first = run.sample({name: _sample(value, 0) for name, value in entering.items()})
    if count == 1:
        return run.results(first, taps)
    if keeps_batch(file, run.dependent, run.shapes, first):
        return run.results(run.batch(entering, first, count), taps)
    rest = []
    for i in range(1, count):
        rest.append(run.sample({name: _sample(value, i) for name, value in entering.items()}))
        told(f"{i + 1} of {count} samples")
    runs = [run.results(values, taps) for values in (first, *rest)]
    return MappingProxyType({name: _stacked([results[name] for results in runs]) for name in runs[0]})


def _check_inputs(file: OnnxFile, inputs: Mapping[str, Raw]) -> int:
    names = {info.name for info in file.inputs}
    if set(inputs) != names or not names:
        raise IsobitError(
            "E607", f"inputs {sorted(map(printable, inputs))} given, {sorted(map(printable, names))} needed"
        )
    counts = {array.shape[0] if array.ndim else 0 for array in inputs.values()}
    for info in file.inputs:
        if inputs[info.name].shape[1:] != info.shape[1:] or len(counts) != 1 or 0 in counts:
            shape = list(inputs[info.name].shape)
            raise IsobitError("E607", f"input '{printable(info.name)}' has shape {shape}, not [N, *{info.shape[1:]}]")
    return counts.pop()


def _entering(info: FileInput, array: Raw, file: OnnxFile, scales: Mapping[str, Fraction]) -> Value:
    """An input: exact if its type, annotation or declared scale says integer, else raw float32."""
    datatype = file.annotations.get(info.name, "")
    declared = info.name in scales or datatype.startswith(_INTEGER_DATATYPES)
    if not (info.dtype.kind in "iub" or declared):
        return array.astype(np.float32)
    if array.dtype.kind == "f" and not (array == np.round(array)).all():
        raise IsobitError("E607", f"input '{printable(info.name)}' must hold integers")
    integers = from_integers(array)
    return multiply(integers, scalar(scales[info.name])) if info.name in scales else integers


def _sample(value: Value, index: int) -> Value:
    if isinstance(value, ExactTensor):
        return value.map(lambda numerators: numerators[index : index + 1])
    return value[index : index + 1]


class _Evaluation:
    """A file being evaluated: constants are computed once, shapes are learnt from the first sample."""

    def __init__(
        self, file: OnnxFile, float32: bool = False, exact: frozenset[str] = frozenset(),
        told: Callable[[str], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self.file, self.told = file, told
        self.dependent, self.integers = dependent_tensors(file), integer_tensors(file)
        self.logits = behind_softmax(file)
        self.shapes: dict[str, Shape] = {}
        self.constants: dict[str, Value] | None = None
        self.float32 = Float32(self.dependent, exact, lambda n, v: _operator(n, v, ())) if float32 else None

    def sample(self, entering: Mapping[str, Value]) -> dict[str, Value]:
        """Every tensor for one sample."""
        values = self._run(self.constants or dict(self.file.constants), entering, {})
        if self.constants is None:
            self.shapes = {name: value.shape for name, value in values.items()}
            self.constants = {name: value for name, value in values.items() if name not in self.dependent}
        return values

    def batch(self, entering: Mapping[str, Value], first: Mapping[str, Value], count: int) -> dict[str, Value]:
        """Every tensor for ``count`` samples at once; ``first`` is what one sample gave."""
        known = {
            name: (count, *shape[1:]) for name, shape in self.shapes.items() if name in self.dependent and shape[:1]
        }
        return self._run({k: v for k, v in first.items() if k not in self.dependent}, entering, known)

    def _run(
        self, constants: Mapping[str, Value], entering: Mapping[str, Value], shapes: Mapping[str, Shape]
    ) -> dict[str, Value]:
        values: dict[str, Value] = {**constants, **entering}
        for done, node in enumerate(self.file.nodes):
            if shapes or not self.shapes:
                self.told(f"{done} of {len(self.file.nodes)} operators")
            if all(name in constants for name in node.outputs if name):
                continue
            if node.op in (*QUANTISERS, *LINEAR_QUANTISERS) and self.dependent.intersection(node.inputs[1:]):
                raise IsobitError("E206", "a quantiser parameter depends on the input", where=node.place)
            if node.op in LINEAR_QUANTISERS and node.inputs[0] in self.logits:
                values[node.outputs[0]] = values[node.inputs[0]]
                continue
            known = tuple(shapes[name] for name in node.outputs if name in shapes)
            seen = values if self.float32 is None else self.float32.seen(node, values)
            results = _executed(node, seen, known)
            if node.op in _RESIZING and node.inputs[0] in self.integers:  # interpolated as floats, then cast
                results = {name: cut_off(_exact(value)) for name, value in results.items()}
            values.update(results)
            if self.float32 is not None:
                _guarded(node, self.float32.remember, node, seen, results)
        return values

    def results(self, values: Mapping[str, Value], taps: bool) -> Mapping[str, ExactTensor]:
        """The outputs, and with ``taps`` whatever is exact and depends on the input."""
        results = {name: _exact(values[name]) for name in self.file.outputs}
        if taps:
            results |= {k: v for k, v in values.items() if k in self.dependent and isinstance(v, ExactTensor)}
        return MappingProxyType(results)


def _executed(node: FileNode, values: Mapping[str, Value], shapes: tuple[Shape, ...]) -> dict[str, Value]:
    given = [values[name] if name else None for name in node.inputs]
    if node.domain == CHANNELS_LAST:
        result: object = _guarded(node, _channels_last, node, given)
    else:
        result = _guarded(node, _operator, node, given, shapes)
    results = result if isinstance(result, tuple) else (result,)
    return {name: _value(value) for name, value in zip(node.outputs, results, strict=False) if name}


def _guarded(node: FileNode, function: Callable[..., object], *given: Any) -> object:
    """``function(*given)``; whatever goes wrong is said of ``node``."""
    try:
        return function(*given)
    except IsobitError as error:
        raise IsobitError(error.code, error.message, where=node.place, hint=error.hint) from error
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        message = f"the exact evaluator cannot run {printable(node.op)}: {printable(error)}"
        raise IsobitError("E202", message, where=node.place) from error


def _value(value: Any) -> Value:
    return value if isinstance(value, ExactTensor) else np.asarray(value)


def _operator(node: FileNode, given: list[Value | None], shapes: tuple[Shape, ...]) -> object:
    if is_qoperator(node):
        return run_qoperator(node, given, shapes)
    if node.op in QUANTISERS or node.op in LINEAR_QUANTISERS:
        return _quantise(node, given)
    raw = node.op in RAW_OPERATORS and not any(isinstance(value, ExactTensor) for value in given)
    if node.domain or not (raw or node.op in OPERATORS or node.op in ("Shape", "Size")):
        raise IsobitError("E201", f"the exact evaluator has no '{printable(node.op)}'")
    if node.op in ("Shape", "Size"):
        return RAW_OPERATORS[node.op](node, [np.empty(v.shape, np.bool_) for v in given if v is not None], ())
    shapes = shapes or output_shapes(Call(node, tuple(map(_outline, given)), ()))
    if raw:
        return RAW_OPERATORS[node.op](node, given, shapes)
    inputs = tuple(None if value is None else _exact(value) for value in given)
    return OPERATORS[node.op](Call(node, inputs, shapes, whole=_is_whole(given)))


def _outline(value: Value | None) -> ExactTensor | None:
    """An operand for finding shapes: its numbers where they may decide one, else zeros."""
    if value is None or isinstance(value, ExactTensor):
        return value
    if value.dtype.kind in "iub" or value.size <= _OUTLINED:
        return _exact(value)
    return ExactTensor(np.broadcast_to(objects(np.zeros((), np.int64)), value.shape), 1)


def _channels_last(node: FileNode, given: list[Value | None]) -> ExactTensor:
    """QONNX's channels-last Conv, MaxPool and BatchNormalization: the standard operator between two turns."""
    turned = [_turned(value) if index < (2 if node.op == "Conv" else 1) else value for index, value in enumerate(given)]
    result = _operator(replace(node, domain=""), turned, ())
    assert isinstance(result, ExactTensor)
    return result.map(lambda num: np.moveaxis(num, 1, -1))


def _turned(value: Value | None) -> ExactTensor | None:
    return None if value is None else _exact(value).map(lambda num: np.moveaxis(num, -1, 1))


def _exact(value: Value) -> ExactTensor:
    if isinstance(value, ExactTensor):
        return value
    if value.dtype.kind == "f" and not np.isfinite(value).all():
        raise IsobitError("E204", "a constant is infinite or no number")
    return from_floats(value)


def _is_whole(given: list[Value | None]) -> bool:
    """Are the operands of an integer type? ONNX wants one type for both, so a constant's tells."""
    return any(isinstance(value, np.ndarray) and value.dtype.kind in "iu" for value in given)


def _quantise(node: FileNode, given: list[Value | None]) -> ExactTensor:
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
    if node.op == "TaperedQuant":
        return tapered_quant(data, arrays[0], node.attrs)
    if node.op == "TaperedDecode":
        return tapered_decode(_constant_of(data), arrays[0], node.attrs)
    if node.op == "Quant":
        return quantisers.quant(data, arrays, node.attrs)
    if node.op == "BipolarQuant":
        return quantisers.bipolar_quant(data, arrays)
    if node.op == "Trunc":
        return quantisers.trunc(_exact(data), arrays, node.attrs)
    return quantisers.multi_threshold(_exact(data), arrays[0], node.attrs)


def _constant_of(data: Value) -> Raw:
    if isinstance(data, ExactTensor):
        raise IsobitError("E202", "a code or float format of an activation")
    return data


def _stacked(parts: list[ExactTensor]) -> ExactTensor:
    """Single-sample results joined along the first axis (a new one for results without a batch axis)."""
    den = int(np.lcm.reduce(np.array([part.den for part in parts], dtype=object)))
    nums = [part.num * (den // part.den) for part in parts]
    joined = np.concatenate(nums) if nums[0].shape[:1] == (1,) else np.stack(nums)
    return ExactTensor(joined, den)
