"""Load a TFLite file: the schema's generated readers see every byte, and nothing else of the file is trusted.

Guarantees: every index lies inside its list, every constant has the bytes that its shape and type need, operators come
after what they read, the batch size is 1. A file that cannot give this raises a coded
:class:`~isobit.errors.IsobitError`. Source: ``tensorflow/lite/schema/schema.fbs``, version 3.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Mapping
from math import prod
from pathlib import Path
from types import MappingProxyType
from typing import Any

import flatbuffers
import numpy as np
import tflite

from isobit.errors import IsobitError, printable
from isobit.frontend.onnx.model import MAX_ELEMENTS, MAX_FILE_BYTES
from isobit.frontend.tflite.model import IDENTIFIER, SHAPE_ONLY, Array, TfliteModel, TfliteOperator, TfliteTensor

_VERSION = 3
_MOST = 1 << 20  # entries of a list; a hostile length must not keep us busy
_MOST_AXES = 8
_TYPES = {
    0: "float32", 1: "float16", 2: "int32", 3: "uint8", 4: "int64", 6: "bool", 7: "int16", 9: "int8", 10: "float64",
    17: "int4",
}  # fmt: skip
_POOL = ("Padding", "StrideW", "StrideH", "FilterWidth", "FilterHeight", "FusedActivationFunction")
_OPTIONS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "ADD": ("AddOptions", ("FusedActivationFunction", "PotScaleInt16")),
    "ARG_MAX": ("ArgMaxOptions", ("OutputType",)),
    "AVERAGE_POOL_2D": ("Pool2DOptions", _POOL),
    "BATCH_MATMUL": ("BatchMatMulOptions", ("AdjX", "AdjY")),
    "CONCATENATION": ("ConcatenationOptions", ("Axis", "FusedActivationFunction")),
    "CONV_2D": (
        "Conv2DOptions",
        (
            "Padding", "StrideW", "StrideH", "FusedActivationFunction", "DilationWFactor", "DilationHFactor",
            "QuantizedBiasType",
        ),
    ),
    "DEPTH_TO_SPACE": ("DepthToSpaceOptions", ("BlockSize",)),
    "DEPTHWISE_CONV_2D": (
        "DepthwiseConv2DOptions",
        (
            "Padding", "StrideW", "StrideH", "DepthMultiplier", "FusedActivationFunction", "DilationWFactor",
            "DilationHFactor",
        ),
    ),
    "FULLY_CONNECTED": (
        "FullyConnectedOptions",
        ("FusedActivationFunction", "WeightsFormat", "KeepNumDims", "QuantizedBiasType"),
    ),
    "GATHER": ("GatherOptions", ("Axis", "BatchDims")),
    "GELU": ("GeluOptions", ("Approximate",)),
    "LEAKY_RELU": ("LeakyReluOptions", ("Alpha",)),
    "MAX_POOL_2D": ("Pool2DOptions", _POOL),
    "MEAN": ("ReducerOptions", ("KeepDims",)),
    "MIRROR_PAD": ("MirrorPadOptions", ("Mode",)),
    "MUL": ("MulOptions", ("FusedActivationFunction",)),
    "PACK": ("PackOptions", ("ValuesCount", "Axis")),
    "RESIZE_BILINEAR": ("ResizeBilinearOptions", ("AlignCorners", "HalfPixelCenters")),
    "RESIZE_NEAREST_NEIGHBOR": ("ResizeNearestNeighborOptions", ("AlignCorners", "HalfPixelCenters")),
    "SOFTMAX": ("SoftmaxOptions", ("Beta",)),
    "SPACE_TO_DEPTH": ("SpaceToDepthOptions", ("BlockSize",)),
    "SPLIT": ("SplitOptions", ("NumSplits",)),
    "STRIDED_SLICE": (
        "StridedSliceOptions",
        ("BeginMask", "EndMask", "EllipsisMask", "NewAxisMask", "ShrinkAxisMask", "Offset"),
    ),
    "SUB": ("SubOptions", ("FusedActivationFunction", "PotScaleInt16")),
    "SUM": ("ReducerOptions", ("KeepDims",)),
    "TRANSPOSE_CONV": (
        "TransposeConvOptions",
        ("Padding", "StrideW", "StrideH", "FusedActivationFunction", "QuantizedBiasType"),
    ),
    "UNPACK": ("UnpackOptions", ("Num", "Axis")),
}  # fmt: skip


def load_tflite(path: Path) -> TfliteModel:
    """The network in a TFLite file.

    Raises:
        IsobitError: E101 (cannot be read), E102 (no valid file), E103 (another schema version), E104 (operators out of
            order), E106 (shapes), E108 (element types), E201 (a custom operator), E204 (scales).
    """
    path = Path(path)
    data = _read(path)
    try:
        return _Loader(data, path).model()
    except (struct.error, IndexError, TypeError, ValueError, OverflowError, AttributeError, MemoryError) as error:
        # the generated readers follow offsets wherever they lead
        raise _invalid(path, f"an offset leads outside the file ({type(error).__name__})") from error


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise IsobitError("E101", f"larger than {MAX_FILE_BYTES} bytes", where=printable(path))
        data = path.read_bytes()
    except OSError as error:
        raise IsobitError("E101", printable(error.strerror or error), where=printable(path)) from error
    if data[4:8] != IDENTIFIER:
        raise _invalid(path, "the identifier TFL3 is missing")
    return data


def _invalid(path: Path, why: str) -> IsobitError:
    return IsobitError("E102", why, where=printable(path), hint="convert the model again")


class _Loader:
    def __init__(self, data: bytes, path: Path) -> None:
        self.data, self.path = data, path
        self.root: Any = tflite.Model.GetRootAs(data, 0)
        if self.root.Version() != _VERSION:
            raise IsobitError("E103", f"schema version {self.root.Version()}", where=printable(path))
        if self.root.SubgraphsLength() != 1:
            count = self.root.SubgraphsLength()
            raise IsobitError("E202", f"{count} subgraphs; one is supported", where=printable(path))
        self.graph = self.root.Subgraphs(0)

    def model(self) -> TfliteModel:
        graph = self.graph
        tensors = tuple(self._tensor(i) for i in range(self._count(graph.TensorsLength())))
        operators = [self._operator(i, len(tensors)) for i in range(self._count(graph.OperatorsLength()))]
        inputs, outputs = (self._indices(read(), len(tensors)) for read in (graph.InputsAsNumpy, graph.OutputsAsNumpy))
        if not outputs or not inputs:
            raise _invalid(self.path, "the network has no input or no output")
        self._refuse_names(tensors, inputs, outputs)
        self._refuse_disorder(operators, tensors, inputs)
        for index in inputs:
            self._refuse_batch(index, tensors[index])
        needed = _needed(operators, outputs)
        return TfliteModel(tensors, needed, inputs, outputs, self.path, hashlib.sha256(self.data).hexdigest())

    def _count(self, length: int) -> int:
        if not 0 <= length <= min(_MOST, len(self.data)):
            raise _invalid(self.path, f"a list of {length} entries")
        return length

    def _indices(self, given: Any, count: int) -> tuple[int, ...]:
        """Indices of tensors from a vector of the file (0 where it has none)."""
        indices = tuple(int(i) for i in given) if isinstance(given, np.ndarray) else ()
        if any(not -1 <= i < count for i in indices):
            raise _invalid(self.path, f"{count} tensors, and an index beyond them")
        return indices

    def _tensor(self, index: int) -> TfliteTensor:
        tensor = self.graph.Tensors(index)
        name = (tensor.Name() or b"").decode("utf-8", "replace") or f"tensor_{index}"
        where = f"tensor {index} '{printable(name)}'"
        dtype = _TYPES.get(tensor.Type())
        if dtype is None:
            raise IsobitError("E108", f"element type {tensor.Type()}", where=where, hint="quantise to int8")
        shape = tuple(int(n) for n in tensor.ShapeAsNumpy()) if tensor.ShapeLength() else ()
        if len(shape) > _MOST_AXES or any(n < 0 for n in shape) or prod(shape) > MAX_ELEMENTS:
            raise IsobitError("E106", f"shape {list(shape)}", where=where, hint="convert with fixed shapes")
        if tensor.Sparsity() is not None:
            raise IsobitError("E202", "a sparse tensor", where=where, hint="convert without sparsity")
        scale, zero_point, axis = self._quantisation(tensor, where)
        data = self._constant(tensor.Buffer(), dtype, shape, where)
        return TfliteTensor(name, shape, "int8" if dtype == "int4" else dtype, scale, zero_point, axis, data)

    def _quantisation(self, tensor: Any, where: str) -> tuple[tuple[float, ...], tuple[int, ...], int]:
        quantisation = tensor.Quantization()
        if quantisation is None or quantisation.ScaleLength() == 0:
            return (), (), 0
        scales = np.asarray(quantisation.ScaleAsNumpy(), np.float32)
        zeros = np.asarray(quantisation.ZeroPointAsNumpy(), np.int64).reshape(-1)
        axis = int(quantisation.QuantizedDimension())
        if not (np.isfinite(scales).all() and (scales > 0).all()):
            raise IsobitError(
                "E204", f"a scale of {float(scales.min())}", where=where, hint="scales must be greater than zero"
            )
        if quantisation.ZeroPointLength() == 0:
            zeros = np.zeros(scales.size, np.int64)
        if zeros.size not in (1, scales.size):
            raise IsobitError("E204", f"{zeros.size} zero points for {scales.size} scales", where=where)
        if np.abs(zeros).max() > 1 << 31:
            raise IsobitError("E204", f"a zero point of {int(zeros[np.abs(zeros).argmax()])}", where=where)
        zeros = np.broadcast_to(zeros, scales.shape)
        return tuple(float(s) for s in scales), tuple(int(z) for z in zeros), axis

    def _constant(self, buffer: int, dtype: str, shape: tuple[int, ...], where: str) -> Array | None:
        if not 0 <= buffer < self.root.BuffersLength():
            raise IsobitError("E102", f"buffer {buffer} does not exist", where=where)
        held = self.root.Buffers(buffer)
        if held.Offset() > 1 or held.Size() > 1:
            raise IsobitError("E105", "its data lies behind the model", where=where, hint="convert to one flat file")
        if held.DataLength() == 0:
            return None
        raw = np.asarray(held.DataAsNumpy(), np.uint8)
        count = prod(shape)
        expected = (count + 1) // 2 if dtype == "int4" else count * np.dtype(dtype).itemsize
        if raw.size != expected:
            raise IsobitError("E102", f"{raw.size} bytes, {expected} needed by its shape", where=where)
        values = _nibbles(raw, count) if dtype == "int4" else raw.view(np.dtype(dtype).newbyteorder("<"))
        array = np.array(values.astype("int8" if dtype == "int4" else dtype).reshape(shape))
        array.flags.writeable = False
        return array

    def _operator(self, index: int, tensors: int) -> TfliteOperator:
        operator = self.graph.Operators(index)
        if not 0 <= operator.OpcodeIndex() < self.root.OperatorCodesLength():
            raise _invalid(self.path, f"operator {index} has no code")
        code = self.root.OperatorCodes(operator.OpcodeIndex())
        number = max(_builtin_code(code), code.DeprecatedBuiltinCode())
        try:
            op = tflite.opcode2name(number)
        except ValueError:
            op = f"operator code {number}"
        where = f"{op} (operator {index})"
        if op == "CUSTOM":
            name = printable((code.CustomCode() or b"").decode("utf-8", "replace"))
            raise IsobitError("E201", f"the custom operator {name!r}", where=where, hint="use built-in operators")
        inputs, outputs = (self._indices(read(), tensors) for read in (operator.InputsAsNumpy, operator.OutputsAsNumpy))
        if not outputs or -1 in outputs:
            raise IsobitError("E102", "no output", where=where)
        return TfliteOperator(op, index, inputs, outputs, MappingProxyType(_options(operator, op, where)))

    def _refuse_names(
        self, tensors: tuple[TfliteTensor, ...], inputs: tuple[int, ...], outputs: tuple[int, ...]
    ) -> None:
        for indices in (inputs, outputs):
            names = [tensors[i].name for i in indices]
            if len(set(names)) < len(names) or -1 in indices:
                raise IsobitError("E107", "two inputs or outputs with one name", where=printable(self.path))

    def _refuse_disorder(
        self, operators: list[TfliteOperator], tensors: tuple[TfliteTensor, ...], inputs: tuple[int, ...]
    ) -> None:
        known = {-1, *inputs} | {i for i, tensor in enumerate(tensors) if tensor.data is not None}
        known |= {i for i in range(len(tensors)) if self.graph.Tensors(i).IsVariable()}
        for operator in operators:
            if not known.issuperset(operator.inputs):
                missing = next(i for i in operator.inputs if i not in known)
                place = f"tensor {missing} '{printable(tensors[missing].name)}'"
                raise IsobitError("E104", f"{place} is read before it is made", where=operator.where)
            if known.intersection(operator.outputs):
                raise IsobitError("E107", "an output is made twice", where=operator.where)
            known.update(operator.outputs)

    def _refuse_batch(self, index: int, tensor: TfliteTensor) -> None:
        if not tensor.shape or tensor.shape[0] != 1:
            raise IsobitError(
                "E106", f"shape {list(tensor.shape)}; the first axis must be a batch of 1",
                where=f"tensor {index} '{printable(tensor.name)}'", hint="convert with batch size 1",
            )  # fmt: skip


def _builtin_code(code: Any) -> int:
    """The field ``builtin_code`` itself, slot 3; the reader package answers with the other field below 127."""
    at = code._tab.Offset(4 + 2 * 3)
    return int(code._tab.Get(flatbuffers.number_types.Int32Flags, at + code._tab.Pos)) if at else 0


def _options(operator: Any, op: str, where: str) -> dict[str, int | float]:
    """The options of an operator, by the schema's names in snake case."""
    if op not in _OPTIONS:
        return {}
    kind, fields = _OPTIONS[op]
    options, table = getattr(tflite, kind)(), operator.BuiltinOptions()
    given = operator.BuiltinOptionsType()
    if table is None:  # the schema's defaults: a table of no fields
        return dict.fromkeys(map(_snake, fields), 0)
    if given != getattr(tflite.BuiltinOptions, kind):
        raise IsobitError("E102", f"options of type {given}", where=where)
    options.Init(table.Bytes, table.Pos)
    return {_snake(field): getattr(options, field)() for field in fields}


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _nibbles(raw: Array, count: int) -> Array:
    """Two 4-bit integers per byte, the lower half first."""
    pairs = np.stack([raw & 15, raw >> 4], axis=-1).reshape(-1)[:count].astype(np.int16)  # type: ignore[operator]
    return np.asarray(np.where(pairs > 7, pairs - 16, pairs))


def _needed(operators: list[TfliteOperator], outputs: tuple[int, ...]) -> tuple[TfliteOperator, ...]:
    """The operators that the outputs depend on, in order."""
    wanted, kept = set(outputs), []
    for operator in reversed(operators):
        if wanted.intersection(operator.outputs):
            used = SHAPE_ONLY.get(operator.op, range(len(operator.inputs)))
            wanted.update(operator.inputs[i] for i in used if i < len(operator.inputs))
            kept.append(operator)
    return tuple(reversed(kept))
