"""Small .tflite files for tests, built line by line.

``x = net.input((1, 8, 8, 3), 0.1, -3)``, ``y = net.op("CONV_2D", [x, w, b], (1, 8, 8, 4), 0.2, 5, stride_w=1)``,
``net.save(path, outputs=[y])``. Every method that makes a tensor returns its index in the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import tflite
from numpy.typing import NDArray

_TYPES = {
    "float32": 0, "float16": 1, "int32": 2, "uint8": 3, "int64": 4, "bool": 6, "int16": 7, "int8": 9,
    "float64": 10, "int4": 17,
}  # fmt: skip
_OPTIONS = {  # the union's member where it is not the operator's name in camel case
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "MEAN": "ReducerOptions",
    "SUM": "ReducerOptions",
    "BATCH_MATMUL": "BatchMatMulOptions",
    "REDUCE_MAX": "ReducerOptions",
    "REDUCE_MIN": "ReducerOptions",
    "PADV2": "PadV2Options",
}


@dataclass(frozen=True)
class Tensor:
    """One tensor of the file; ``scale`` and ``zero_point`` are one number, or one per element of ``axis``."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int
    data: bytes


@dataclass(frozen=True)
class Operator:
    """One operator of the file, with the schema's options in snake case."""

    op: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: dict[str, Any]


class TfliteNet:
    """Collects tensors and operators; ``dtype`` is the default type of activations and weights."""

    def __init__(self, dtype: str = "int8") -> None:
        self.dtype = dtype
        self.tensors: list[Tensor] = []
        self.operators: list[Operator] = []
        self.inputs: list[int] = []

    def tensor(
        self,
        shape: Sequence[int],
        scale: float | Sequence[float] | NDArray[Any] = (),
        zero_point: int | Sequence[int] | NDArray[Any] = 0,
        *,
        dtype: str = "",
        axis: int = 0,
        data: NDArray[Any] | None = None,
        name: str = "",
    ) -> int:
        """Any tensor; without a scale it is not quantised, without data it is no constant."""
        scales = tuple(float(s) for s in np.atleast_1d(scale))
        zeros = np.broadcast_to(np.asarray(zero_point, np.int64), (len(scales),))
        kind = dtype or self.dtype
        index = len(self.tensors)
        raw = b"" if data is None else _bytes(data, kind)
        points = tuple(int(z) for z in zeros)
        self.tensors.append(Tensor(name or f"t{index}", tuple(shape), kind, scales, points, axis, raw))
        return index

    def input(self, shape: Sequence[int], scale: Any = (), zero_point: int = 0, **more: Any) -> int:
        """A tensor that the network reads."""
        self.inputs.append(self.tensor(shape, scale, zero_point, **more))
        return self.inputs[-1]

    def const(self, data: Any, scale: Any = (), zero_point: Any = 0, *, dtype: str = "", axis: int = 0) -> int:
        """A constant tensor of the array's shape: weights, or a quantised operand."""
        data = np.asarray(data)
        return self.tensor(data.shape, scale, zero_point, dtype=dtype, axis=axis, data=data)

    def integers(self, data: Any, scale: Any = (), dtype: str = "int32") -> int:
        """An unquantised int32 constant (axes, paddings, a shape), or with scales a bias."""
        return self.const(data, scale, dtype=dtype)

    def op(
        self,
        op: str,
        inputs: Sequence[int],
        shape: Sequence[int],
        scale: Any = (),
        zero_point: int = 0,
        *,
        dtype: str = "",
        **options: Any,
    ) -> int:
        """An operator with one output; its index is returned. -1 among the inputs is an absent one."""
        return self.ops(op, inputs, [shape], scale, zero_point, dtype=dtype, **options)[0]

    def ops(
        self,
        op: str,
        inputs: Sequence[int],
        shapes: Sequence[Sequence[int]],
        scale: Any = (),
        zero_point: int = 0,
        *,
        dtype: str = "",
        **options: Any,
    ) -> list[int]:
        """An operator with several outputs of one quantisation (SPLIT, UNPACK)."""
        outputs = [self.tensor(shape, scale, zero_point, dtype=dtype) for shape in shapes]
        self.operators.append(Operator(op, tuple(inputs), tuple(outputs), options))
        return outputs

    def save(self, path: Path, outputs: Sequence[int] = (), *, deprecated_codes: bool = True) -> Path:
        """Write the file; without outputs, the last operator's are the network's.

        ``deprecated_codes``: whether an operator's code stands in the older field too, as TensorFlow writes it.
        """
        path.write_bytes(_File(self, tuple(outputs) or self.operators[-1].outputs, deprecated_codes).data)
        return path


def _bytes(data: NDArray[Any], dtype: str) -> bytes:
    if dtype != "int4":
        return np.ascontiguousarray(data, np.dtype(dtype).newbyteorder("<")).tobytes()
    nibbles = np.append(data.reshape(-1).astype(np.int16) & 15, [0] * (data.size % 2))
    return bytes((nibbles[::2] | nibbles[1::2] << 4).astype(np.uint8))


class _File:
    """The flatbuffer of one network; tables are written before what refers to them."""

    def __init__(self, net: TfliteNet, outputs: tuple[int, ...], deprecated_codes: bool) -> None:
        self.deprecated_codes = deprecated_codes
        self.builder = flatbuffers.Builder(1024)
        names = sorted({operator.op for operator in net.operators})
        codes = self._tables([self._code(name) for name in names])
        held = self._tables([self._buffer(data) for data in (b"", *(t.data for t in net.tensors))])
        fields = {
            "Tensors": self._tables([self._tensor(t, i + 1) for i, t in enumerate(net.tensors)]),
            "Inputs": self._array(net.inputs, np.int32),
            "Outputs": self._array(outputs, np.int32),
            "Operators": self._tables([self._operator(o, names.index(o.op)) for o in net.operators]),
        }
        graphs = self._tables([self._table("SubGraph", fields)])
        root = {"Version": 3, "OperatorCodes": codes, "Subgraphs": graphs, "Buffers": held}
        self.builder.Finish(self._table("Model", root), b"TFL3")
        self.data = bytes(self.builder.Output())

    def _table(self, kind: str, fields: dict[str, Any]) -> int:
        getattr(tflite, f"{kind}Start")(self.builder)
        for field, value in fields.items():
            getattr(tflite, f"{kind}Add{field}")(self.builder, value)
        return int(getattr(tflite, f"{kind}End")(self.builder))

    def _array(self, values: Any, dtype: Any) -> int:
        return int(self.builder.CreateNumpyVector(np.asarray(values, dtype)))

    def _tables(self, offsets: list[int]) -> int:
        self.builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self.builder.PrependUOffsetTRelative(offset)
        return int(self.builder.EndVector())

    def _code(self, op: str) -> int:
        number = getattr(tflite.BuiltinOperator, op)
        older = min(number, 127) if self.deprecated_codes else 0
        fields = {"BuiltinCode": number, "DeprecatedBuiltinCode": older, "Version": 1}
        return self._table("OperatorCode", fields)

    def _buffer(self, data: bytes) -> int:
        return self._table("Buffer", {"Data": self._array(np.frombuffer(data, np.uint8), np.uint8)} if data else {})

    def _tensor(self, tensor: Tensor, buffer: int) -> int:
        name, shape = self.builder.CreateString(tensor.name), self._array(tensor.shape, np.int32)
        fields = {"Name": name, "Shape": shape, "Type": _TYPES[tensor.dtype], "Buffer": buffer}
        if tensor.scale:
            fields["Quantization"] = self._table(
                "QuantizationParameters",
                {
                    "Scale": self._array(tensor.scale, np.float32),
                    "ZeroPoint": self._array(tensor.zero_point, np.int64),
                    "QuantizedDimension": tensor.axis,
                },
            )
        return self._table("Tensor", fields)

    def _operator(self, operator: Operator, code: int) -> int:
        kind = _OPTIONS.get(operator.op, operator.op.title().replace("_", "") + "Options")
        inputs, outputs = (self._array(indices, np.int32) for indices in (operator.inputs, operator.outputs))
        fields = {"OpcodeIndex": code, "Inputs": inputs, "Outputs": outputs}
        if hasattr(tflite.BuiltinOptions, kind):  # a few operators have no options (LOGISTIC, PRELU)
            fields["BuiltinOptionsType"] = getattr(tflite.BuiltinOptions, kind)
            fields["BuiltinOptions"] = self._options(kind, operator.options)
        return self._table("Operator", fields)

    def _options(self, kind: str, options: dict[str, Any]) -> int:
        """The schema's table; vectors of integers (new shapes, axes to squeeze) are written before it."""
        values = {
            name.title().replace("_", ""): self._array(value, np.int32) if isinstance(value, (list, tuple)) else value
            for name, value in options.items()
        }
        return self._table(kind, values)
