"""The values of a constant array as C++ text.

Large arrays are written by numpy, all rows at once: every number stands in a field as wide as the widest, and what is
left of the fields goes at the end.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isobit.backends.dataflow.design import Array
from isobit.backends.ports import IntType
from isobit.ir.types import IntArray

_BETWEEN = ",\n   "
_MOST_VALUES = 1 << 16
"""Different numbers up to which the text of each is made once."""


def initialiser(array: Array) -> str:
    """The values in braces, one line per row of the last axis but one."""
    values = array.values
    if values.ndim > 2 and array.elem.bits < 64 and int(values.max()) - int(values.min()) < _MOST_VALUES:
        return "  " + _rows(values)
    listed = values.tolist() if array.elem.bits < 64 else _wide(values.tolist(), array.elem)
    text = str(listed).replace("'", "").translate(str.maketrans("[]", "{}"))
    return "  " + text.replace("}, {", "}" + _BETWEEN + "{") if values.ndim > 2 else _wrapped(text)


def _rows(values: IntArray) -> str:
    """Rows of the last axis in braces, a line for each, within the braces of the other axes."""
    least, columns = int(values.min()), values.shape[-1]
    numbers = range(least, int(values.max()) + 1)
    inner, last = (np.array([f"{n}{end}" for n in numbers], "S") for end in (", ", ""))
    flat = values.reshape(-1, columns) - least
    fields = [_braces(values.shape, "{"), inner[flat[:, :-1]], last[flat[:, -1:]], _braces(values.shape, "}")]
    table = np.concatenate([_bytes_of(f) for f in fields if f.size], axis=1)
    text: str = table[table != 0].tobytes().decode("ascii")
    return text.removesuffix(_BETWEEN)


def _bytes_of(fields: NDArray[np.bytes_]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(fields).view(np.uint8).reshape(len(fields), -1)


def _braces(shape: tuple[int, ...], brace: str) -> NDArray[np.bytes_]:
    """What stands before every row, or behind it: a brace of its own, and one for every axis that begins or ends."""
    count = int(np.prod(shape[:-1]))
    row, depth, size = np.arange(count) + (brace == "}"), np.ones(count, np.int64), 1
    for axis in reversed(shape[:-1]):
        size *= axis
        depth += row % size == 0
    kinds = [brace * d + (_BETWEEN if brace == "}" else "") for d in range(len(shape) + 1)]
    return np.array(kinds, "S")[depth][:, np.newaxis]


def _wide(values: Any, elem: IntType) -> Any:
    """Nested lists of integers as calls that make them: no C++ literal has more than 63 bits and a sign."""
    if isinstance(values, list):
        return [_wide(v, elem) for v in values]
    maker = f"isobit::wide_constant<{elem.bits}, {'true' if elem.signed else 'false'}>"
    return f"{maker}({values >> 64}, {values & (1 << 64) - 1:#x}ULL)"


def _wrapped(text: str) -> str:
    words, lines, line = text.split(" "), [], "  "
    for word in words:
        if len(line) + len(word) > 118:
            lines.append(line.rstrip())
            line = "   "
        line += word + " "
    return "\n".join([*lines, line.rstrip()])
