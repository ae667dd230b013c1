"""The values of a constant array as C++ text.

Large arrays are written by numpy, all rows at once: every number stands in a field as wide as the widest, and what is
left of the fields goes at the end.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isobit.backends.dataflow.words import Rom
from isobit.ir.types import IntArray

_BETWEEN = ",\n   "
_MOST_VALUES = 1 << 16
"""Different numbers up to which the text of each is made once."""
Texts = NDArray[np.bytes_]


def initialiser(rom: Rom) -> str:
    """The values in braces, one line per row of the last axis; words of several in hexadecimal."""
    values = rom.values
    if rom.count > 1:
        return "  " + _rows(values, *_hexadecimal(values, rom.bits))
    if values.ndim > 1 and rom.bits < 64 and int(values.max()) - int(values.min()) < _MOST_VALUES:
        return "  " + _rows(values, *_decimal(values))
    listed = values.tolist() if rom.bits < 64 else _wide(values.tolist(), rom)
    text = str(listed).replace("'", "").translate(str.maketrans("[]", "{}"))
    return "  " + text.replace("}, {", "}" + _BETWEEN + "{") if values.ndim > 1 else _wrapped(text)


def _decimal(values: IntArray) -> tuple[Texts, Texts]:
    """Every number with what stands behind it within a row, and those of the last column with nothing."""
    least = int(values.min())
    numbers = range(least, int(values.max()) + 1)
    inner, last = (np.array([f"{n}{end}" for n in numbers], "S") for end in (", ", ""))
    flat = values.reshape(-1, values.shape[-1]) - least
    return inner[flat[:, :-1]], last[flat[:, -1:]]


def _hexadecimal(words: NDArray[np.uint64], bits: int) -> tuple[Texts, Texts]:
    """The same of words of ``bits`` bits, all with as many digits."""
    digits = -(-bits // 4)
    text = np.frombuffer(words.astype(">u8").tobytes().hex().encode(), np.uint8).reshape(*words.shape, 16)
    fields = np.zeros((*words.shape, digits + 4), np.uint8)
    fields[..., :2], fields[..., 2:-2], fields[..., -2:] = list(b"0x"), text[..., 16 - digits :], list(b", ")
    fields[:, -1, -2:] = 0
    made = fields.view(f"S{digits + 4}")[..., 0]
    return made[:, :-1], made[:, -1:]


def _rows(values: IntArray, inner: Texts, last: Texts) -> str:
    """Rows of the last axis in braces, a line for each, within the braces of the other axes."""
    fields = [_braces(values.shape, "{"), inner, last, _braces(values.shape, "}")]
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


def _wide(values: Any, elem: Rom) -> Any:
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
