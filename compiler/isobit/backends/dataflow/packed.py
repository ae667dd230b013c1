"""Integer arrays in JSON: their shape, and their elements as little-endian containers in base64.

A container has 1, 2, 4 or 8 bytes, the fewest in which every element fits with its sign; wider integers take 16 bytes,
or a multiple. The text depends on the values alone.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from isobit.ir.types import IntArray

_NATIVE = (1, 2, 4, 8)


def pack(values: IntArray) -> dict[str, Any]:
    """``values`` as JSON data: ``shape``, ``bytes`` of a container, ``data``."""
    lo, hi = int(values.min()), int(values.max())
    size = next((n for n in _NATIVE if _fits(lo, hi, n)), 0) or _wide(lo, hi)
    raw = values.astype(f"<i{size}").tobytes() if size in _NATIVE else b"".join(
        int(v).to_bytes(size, "little", signed=True) for v in values.reshape(-1)
    )  # fmt: skip
    return {"shape": list(values.shape), "bytes": size, "data": base64.b64encode(raw).decode("ascii")}


def unpack(record: Any) -> IntArray:
    """The array that :func:`pack` made, or the array itself.

    Raises:
        ValueError: it is no such record.
    """
    if isinstance(record, np.ndarray):
        return record
    try:
        shape, size, data = record["shape"], record["bytes"], base64.b64decode(record["data"], validate=True)
        if not all(type(n) is int and n > 0 for n in (*shape, size)):
            raise ValueError("a shape or size that is no positive integer")
        if size in _NATIVE:
            return np.frombuffer(data, f"<i{size}").astype(np.int64).reshape(shape)
        if size % 16 or len(data) % size:
            raise ValueError(f"containers of {size} bytes")
        parts = (data[i : i + size] for i in range(0, len(data), size))
        return np.array([int.from_bytes(p, "little", signed=True) for p in parts], dtype=object).reshape(shape)
    except (KeyError, TypeError, IndexError, OverflowError, MemoryError) as error:
        raise ValueError(f"no packed array: {error!r}") from error


def _fits(lo: int, hi: int, size: int) -> bool:
    half = 1 << 8 * size - 1
    return -half <= lo and hi < half


def _wide(lo: int, hi: int) -> int:
    """Bytes of a container of integers that no native one holds: a multiple of 16."""
    return -(-(max(lo.bit_length(), hi.bit_length()) + 1) // 128) * 16
