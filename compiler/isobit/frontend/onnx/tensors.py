"""Tensors and attributes of an ONNX file as numpy arrays and plain Python values.

External data is read only from regular files inside the model's folder, and only the bytes the tensor names.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import MappingProxyType

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from isobit.errors import IsobitError, printable
from isobit.frontend.onnx.model import MAX_ELEMENTS, Array

ELEMENT_TYPES: Mapping[int, np.dtype[np.generic]] = MappingProxyType(
    {
        TensorProto.FLOAT: np.dtype(np.float32),
        TensorProto.DOUBLE: np.dtype(np.float64),
        TensorProto.BOOL: np.dtype(np.bool_),
        TensorProto.INT8: np.dtype(np.int8),
        TensorProto.INT16: np.dtype(np.int16),
        TensorProto.INT32: np.dtype(np.int32),
        TensorProto.INT64: np.dtype(np.int64),
        TensorProto.UINT8: np.dtype(np.uint8),
        TensorProto.UINT16: np.dtype(np.uint16),
        TensorProto.UINT32: np.dtype(np.uint32),
        TensorProto.UINT64: np.dtype(np.uint64),
    }
)
SMALL_TYPES: Mapping[int, np.dtype[np.generic]] = MappingProxyType(
    {
        getattr(TensorProto, name): helper.tensor_dtype_to_np_dtype(getattr(TensorProto, name))
        for name in ("INT4", "UINT4", "INT2", "UINT2", "FLOAT4E2M1", "FLOAT8E4M3FN", "FLOAT8E5M2")
        if hasattr(TensorProto, name)  # an older ONNX knows fewer of them
    }
)
"""Types that only quantisers make and take; numpy has them from ``ml_dtypes``."""
_BITS = MappingProxyType({"int4": 4, "uint4": 4, "int2": 2, "uint2": 2, "float4_e2m1fn": 4})


def is_small_float(dtype: np.dtype[np.generic]) -> bool:
    """One of the 4-bit and 8-bit floats."""
    return dtype.name.startswith(("float4", "float8"))


def frozen(array: Array) -> Array:
    """The same array, read-only."""
    array.flags.writeable = False
    return array


def element_type(number: int, where: str) -> np.dtype[np.generic]:
    """The numpy type of an ONNX element type.

    Raises:
        IsobitError: E108 when the type (float16, string, complex ...) is not supported.
    """
    if number in SMALL_TYPES:
        return SMALL_TYPES[number]
    if number not in ELEMENT_TYPES:
        known = number in TensorProto.DataType.values()
        name = TensorProto.DataType.Name(number) if known else str(number)
        raise IsobitError("E108", f"element type {name}", where=where, hint="export the model in float32")
    return ELEMENT_TYPES[number]


def check_shape(dims: tuple[int, ...], where: str) -> tuple[int, ...]:
    """The dims, all at least 0 and at most ``MAX_ELEMENTS`` elements together (E106 otherwise)."""
    if any(d < 0 for d in dims):
        raise IsobitError("E106", f"shape {list(dims)} has a negative dimension", where=where)
    if math.prod(d for d in dims if d) > MAX_ELEMENTS:
        raise IsobitError("E106", f"shape {list(dims)} has more than {MAX_ELEMENTS} elements", where=where)
    return dims


def decode_tensor(tensor: TensorProto, folder: Path, where: str) -> Array:
    """The tensor's values, read-only.

    Raises:
        IsobitError: E102 (data does not match the shape), E105 (external data), E106 (shape), E108 (element type).
    """
    dtype = element_type(tensor.data_type, where)
    dims = check_shape(tuple(tensor.dims), where)
    if tensor.data_location == TensorProto.EXTERNAL:
        return _external(tensor, dtype, dims, folder, where)
    try:
        return frozen(numpy_helper.to_array(tensor).astype(dtype, copy=True).reshape(dims))
    except (ValueError, TypeError, OverflowError) as error:
        message = f"the data of a tensor of shape {list(dims)} has the wrong length"
        raise IsobitError("E102", message, where=where) from error


def _external(
    tensor: TensorProto, dtype: np.dtype[np.generic], dims: tuple[int, ...], folder: Path, where: str
) -> Array:
    data = external_bytes(tensor, folder, where)
    if dtype.name in _BITS:  # two or four elements in a byte
        packed = TensorProto(dims=dims, data_type=tensor.data_type, raw_data=data)
        return frozen(numpy_helper.to_array(packed).astype(dtype, copy=True).reshape(dims))
    return frozen(np.frombuffer(data, dtype=dtype.newbyteorder("<")).astype(dtype).reshape(dims))


def external_bytes(tensor: TensorProto, folder: Path, where: str) -> bytes:
    """The raw data of a tensor whose data lies in a file of its own, which must lie below the model's ``folder``.

    Raises:
        IsobitError: E105 for a file, offset or length that is none, E106 (shape), E108 (element type).
    """
    dtype, dims = element_type(tensor.data_type, where), check_shape(tuple(tensor.dims), where)
    entries = {entry.key: entry.value for entry in tensor.external_data}
    path = _inside(entries.get("location", ""), folder, where)
    offset = _byte_count(entries.get("offset", "0"), where)
    size = -(-math.prod(dims) * _BITS.get(dtype.name, 8 * dtype.itemsize) // 8)
    if _byte_count(entries.get("length", str(size)), where) != size:
        raise IsobitError("E105", f"the stated length is not the {size} bytes of shape {list(dims)}", where=where)
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read(size)
    except (OSError, OverflowError) as error:
        raise IsobitError("E105", "the data file cannot be read", where=where) from error
    if len(data) != size:
        raise IsobitError("E105", f"the data file ends {size - len(data)} bytes early", where=where)
    return data


def _byte_count(text: str, where: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise IsobitError("E105", f"'{printable(text)}' is not a byte count", where=where)
    return int(text)


def _inside(location: str, folder: Path, where: str) -> Path:
    """The data file, proven to be a regular file under ``folder`` after following every symbolic link."""
    shown = printable(location)
    pure, windows = PurePosixPath(location), PureWindowsPath(location)
    if not location or pure.is_absolute() or windows.drive or windows.root or ".." in windows.parts:
        message = f"location '{shown}' is not a path inside the model's folder"
        raise IsobitError("E105", message, where=where, hint="put the data file beside the model")
    try:
        base = folder.resolve(strict=True)
        path = (base / pure).resolve(strict=True)
        usable = path.is_relative_to(base) and path.is_file()
    except (OSError, ValueError, RuntimeError) as error:
        raise IsobitError("E105", f"data file '{shown}' cannot be opened", where=where) from error
    if not usable:
        message = f"data file '{shown}' is not a regular file inside the model's folder"
        raise IsobitError("E105", message, where=where, hint="put the data file beside the model")
    return path


def decode_attributes(node: onnx.NodeProto, folder: Path, where: str) -> dict[str, object]:
    """A node's attributes as plain values.

    Raises:
        IsobitError: E201 for a subgraph, E202 for other unsupported kinds or a repeated name, E204 for NaN.
    """
    values: dict[str, object] = {}
    for attribute in node.attribute:
        name = printable(attribute.name)
        if attribute.name in values:
            raise IsobitError("E202", f"attribute '{name}' is given twice", where=where)
        values[attribute.name] = _attribute(attribute, folder, f"{where}, attribute '{name}'")
    return values


def standard_constant(attrs: Mapping[str, object], where: str) -> Array:
    """The value of a Constant node, whichever of its attributes holds it."""
    kinds = {"value_float": np.float32, "value_floats": np.float32, "value_int": np.int64, "value_ints": np.int64}
    (name, value) = next(iter(attrs.items()), ("", None))
    if len(attrs) == 1 and isinstance(value, np.ndarray):
        return value
    if len(attrs) == 1 and name in kinds:
        return frozen(np.array(value, dtype=kinds[name]))
    raise IsobitError("E202", "a Constant needs one dense numeric value", where=where)


def _attribute(attribute: AttributeProto, folder: Path, where: str) -> object:
    if attribute.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS):
        raise IsobitError("E201", "operators with a subgraph", where=where, hint="export without control flow")
    if attribute.type == AttributeProto.TENSOR:
        return decode_tensor(attribute.t, folder, where)
    value = _plain(attribute, where)
    numbers = value if isinstance(value, tuple) else (value,)
    if any(isinstance(number, float) and math.isnan(number) for number in numbers):
        raise IsobitError("E204", "the attribute is not a number (NaN)", where=where)
    return value


def _plain(attribute: AttributeProto, where: str) -> object:
    kind = attribute.type
    if attribute.ref_attr_name:
        raise IsobitError("E202", "the attribute refers to a function's parameter", where=where)
    if kind == AttributeProto.FLOAT:
        return float(attribute.f)
    if kind == AttributeProto.INT:
        return int(attribute.i)
    if kind == AttributeProto.STRING:
        return attribute.s.decode("utf-8", "backslashreplace")
    if kind == AttributeProto.FLOATS:
        return tuple(float(f) for f in attribute.floats)
    if kind == AttributeProto.INTS:
        return tuple(int(i) for i in attribute.ints)
    if kind == AttributeProto.STRINGS:
        return tuple(s.decode("utf-8", "backslashreplace") for s in attribute.strings)
    raise IsobitError("E202", f"attribute kind {int(kind)}", where=where)
