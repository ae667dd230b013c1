"""The constant arrays of a project as data: what a compiler would read as text, number after number, it takes as bytes.

A network's ``parameters.hpp`` may have tens of megabytes, for which g++ takes minutes and gigabytes. For simulation
the file is read here, array by array, and the large ones become an assembler's ``.incbin`` of the same values; so do
those that have several in a word, with an element for each. The file stays what is simulated: an array that does not
look exactly as isobit writes it is left to the compiler.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

HEADER, GUARD = "parameters.hpp", "ISOBIT_PARAMETERS_HPP"
AS_DATA = "constants as data, 2"
"""What is done here, as a word of the key of a kept program: another number when it changes."""
LEAST = 4096
"""Elements from which an array is taken as data: a compiler may make use of the values of small ones."""
_ARRAY = re.compile(
    r"^static const isobit::(?:packed_)?rom<(?P<bits>[1-9][0-9]?), (?P<signed>true|false)"
    r"(?:, (?P<count>[1-9][0-9]?))?>::type (?P<name>[A-Za-z_]\w*)(?P<shape>(?:\[[1-9][0-9]{0,8}\])+) =\n",
    re.MULTILINE,
)  # fmt: skip
_END = "};\n"
_STRUCTURE = str.maketrans("", "", "0123456789- \n")
_NUMBERS = str.maketrans("{}\n", "   ")
_HEXADECIMAL = str.maketrans("", "", "0123456789abcdefx \n")
_BRACES = str.maketrans("", "", "{}")
_UNLIKE = re.compile(r"[^0-9]0[0-9]|[0-9] +[0-9]|-[^1-9]|[0-9]-")
"""An octal number, two numbers without a comma, a sign without a number: isobit writes none of these."""
Values = NDArray[np.integer[Any]]
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_./+-]+")


def as_data(project: Path, folder: Path, name: str) -> Path | None:
    """A header to be included before ``project/parameters.hpp`` and in its place; its data lies beside it.

    Args:
        folder: where both are written, with names that begin with ``name``.

    Returns:
        None where there is nothing to gain, or the file is not what isobit writes.
    """
    source, blob = project / HEADER, (folder / f"{name}.bin").absolute()
    if sys.platform != "linux" or not _PLAIN_PATH.fullmatch(str(blob)):
        return None
    try:
        text = source.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    if f"#define {GUARD}\n" not in text or len(text) < 2 * LEAST:
        return None
    parts: list[str] = []
    size = done = 0
    with blob.open("wb") as data:
        for end, array, values in _arrays(text):
            place = f'.incbin \\"{blob}\\", {size}, {values.nbytes}'
            parts += [text[done : array.start()], _declared(array, values, place)]
            done = end
            size += data.write(values.tobytes()) + data.write(b"\0" * (-values.nbytes % 64))
    if size == 0:
        return None
    header = folder / f"{name}.hpp"
    header.write_text("".join([*parts, text[done:]]), encoding="utf-8")
    return header


def _arrays(text: str) -> Iterator[tuple[int, re.Match[str], Values]]:
    """The large arrays and those of words: where the text goes on behind them, their declarations, their values."""
    done = 0
    for match in _ARRAY.finditer(text):
        end = text.find(_END, match.end())
        shape = [int(n) for n in match["shape"][1:-1].split("][")]
        bits, signed, count = int(match["bits"]), match["signed"] == "true", int(match["count"] or 1)
        if match.start() < done or end < 0 or (count == 1 and prod(shape) < LEAST):
            continue
        body = text[match.end() : end + 1]
        read = _values(body, shape, bits, signed) if count == 1 else _unpacked(body, shape, bits, signed, count)
        if read is not None:
            done = end + len(_END)
            size = next(n for n in (1, 2, 4, 8) if bits <= 8 * n)
            yield done, match, read.astype(f"{'i' if signed else 'u'}{size}")


def _values(body: str, shape: Sequence[int], bits: int, signed: bool) -> Values | None:
    """The values in an array's braces, None when they are anything but ``shape`` plain decimal numbers that fit."""
    if bits >= 64 or body.translate(_STRUCTURE) != _braces(shape) or _UNLIKE.search(body):
        return None
    values = np.fromstring(body.translate(_NUMBERS), dtype=np.int64, sep=",")
    least, most = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    if values.size != prod(shape) or values.min() < least or values.max() > most:
        return None
    return values.reshape(shape)


def _unpacked(body: str, shape: Sequence[int], bits: int, signed: bool, count: int) -> Values | None:
    """The values ``[rows][words * count]`` of words of ``count``; None when the text is no plain hexadecimal words."""
    digits = -(-bits * count // 4)
    words = [word.strip() for word in body.translate(_BRACES).split(",")]
    like = len(words) == prod(shape) and all(len(w) == digits + 2 and w.startswith("0x") for w in words)
    if not like or len(shape) != 2 or bits * count > 64 or body.translate(_HEXADECIMAL) != _braces(shape):
        return None
    padded = bytes.fromhex("".join(w[2:].rjust(16, "0") for w in words))
    rows = np.frombuffer(padded, ">u8").astype(np.uint64).reshape(*shape, 1)
    if bits * count < 64 and int(rows.max()) >> bits * count:
        return None
    spare = np.uint64(64 - bits)
    top = rows >> np.arange(count, dtype=np.uint64) * np.uint64(bits) << spare
    values = top.view(np.int64) >> spare.astype(np.int64) if signed else top >> spare
    return values.reshape(shape[0], -1)


def _braces(shape: Sequence[int]) -> str:
    """Braces and commas of nested lists of ``shape``."""
    text = ""
    for count in reversed(shape):
        text = "{" + ",".join([text] * count) + "}"
    return text


def _declared(array: re.Match[str], values: Values, place: str) -> str:
    """An array whose bytes are at a place of a file."""
    symbol = f"isobit_data_{array['name']}"
    assembler = f".pushsection .rodata\\n.balign 64\\n{symbol}:\\n{place}\\n.popsection\\n"
    kind = f"isobit::rom<{array['bits']}, {array['signed']}>::type"
    named = f"const {kind} {array['name']}" + "".join(f"[{n}]" for n in values.shape)
    return f'__asm__("{assembler}");\nextern {named} __asm__("{symbol}");\n'
