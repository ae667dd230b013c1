"""The evaluator's own reading of a TFLite file: flatbuffers by hand, nothing of the importer's loader.

Two readings of one file that share no line can disagree, and then the verdict says so. What stands here knows the
schema's slots by number (``schema.fbs``, version 3): a table's field is found through its vtable, an operator's kind is
the greater of ``builtin_code`` and ``deprecated_builtin_code``. The importer has refused damaged files before; whatever
is left leads to a coded error.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isobit.check.source.tflite.schema import DEFAULTS, ELEMENT_TYPES, OPERATORS, OPTIONS
from isobit.errors import IsobitError, printable

LIMITS: Mapping[str, tuple[int, int]] = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-(1 << 15), (1 << 15) - 1)}
"""The types of an activation, with their least and greatest integer."""
_NEEDED_BY_SHAPE = {"RESHAPE", "SQUEEZE", "EXPAND_DIMS", "BROADCAST_TO"}  # the output's own shape says the rest


@dataclass(frozen=True)
class Tensor:
    """``real = scale * (integer - zero_point)``, both empty where it is not quantised; ``data`` is a constant's."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    data: NDArray[np.generic] | None


@dataclass(frozen=True)
class Operator:
    """One operator; ``op`` is the schema's name, an absent input is -1, ``options`` the schema's in snake case."""

    op: str
    index: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, int | float]

    @property
    def where(self) -> str:
        return f"{self.op} (operator {self.index})"

    def refusal(self, why: str, hint: str = "", code: str = "E202") -> IsobitError:
        """That the evaluator cannot take this operator, and why."""
        return IsobitError(code, why, where=self.where, hint=hint)


@dataclass(frozen=True)
class File:
    """The first subgraph: its tensors, and the operators that its outputs need, in the file's order."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    def place(self, index: int) -> str:
        """A tensor as a message names it."""
        return f"tensor {index} '{printable(self.tensors[index].name)}'"


def read_tflite(path: Path) -> File:
    """The file as the evaluator reads it.

    Raises:
        IsobitError: E101 when it cannot be read, E102 when an offset leads astray.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise IsobitError("E101", printable(error.strerror or error), where=printable(path)) from error
    try:
        return _file(_Table(data, struct.unpack_from("<I", data)[0]))
    except (struct.error, IndexError, ValueError, KeyError) as error:
        raise IsobitError("E102", "an offset leads outside the file", where=printable(path)) from error


@dataclass(frozen=True)
class _Table:
    """A flatbuffer table at ``at``: its fields are numbers, or offsets of vectors, strings and tables."""

    data: bytes
    at: int

    def _field(self, slot: int) -> int:
        """Where the field lies, 0 when the file leaves it out."""
        vtable = self.at - int(struct.unpack_from("<i", self.data, self.at)[0])
        size = struct.unpack_from("<H", self.data, vtable)[0]
        place = 4 + 2 * slot
        offset = struct.unpack_from("<H", self.data, vtable + place)[0] if place < size else 0
        return self.at + int(offset) if offset else 0

    def number(self, slot: int, form: str, default: float = 0) -> int | float:
        """A number in the notation of :mod:`struct`."""
        at = self._field(slot)
        found: int | float = struct.unpack_from("<" + form, self.data, at)[0] if at else default
        return found

    def whole(self, slot: int, form: str) -> int:
        return int(self.number(slot, form))

    def table(self, slot: int) -> _Table | None:
        at = self._field(slot)
        return _Table(self.data, at + struct.unpack_from("<I", self.data, at)[0]) if at else None

    def vector(self, slot: int, dtype: str) -> NDArray[np.generic]:
        """A vector of numbers, empty when the file leaves it out."""
        start, count = self._vector(slot)
        return (
            np.frombuffer(self.data, np.dtype(dtype).newbyteorder("<"), count, start) if count else np.empty(0, dtype)
        )

    def tables(self, slot: int) -> list[_Table]:
        start, count = self._vector(slot)
        places = range(start, start + 4 * count, 4)
        return [_Table(self.data, at + struct.unpack_from("<I", self.data, at)[0]) for at in places]

    def text(self, slot: int) -> str:
        return self.vector(slot, "uint8").tobytes().decode("utf-8", "replace")

    def integers(self, slot: int, dtype: str = "int32") -> tuple[int, ...]:
        return tuple(int(v) for v in self.vector(slot, dtype))

    def _vector(self, slot: int) -> tuple[int, int]:
        at = self._field(slot)
        if not at:
            return 0, 0
        start = at + int(struct.unpack_from("<I", self.data, at)[0])
        return start + 4, int(struct.unpack_from("<I", self.data, start)[0])


def _file(root: _Table) -> File:
    codes, graph, buffers = root.tables(1), root.tables(2)[0], root.tables(4)
    tensors = tuple(_tensor(i, t, buffers) for i, t in enumerate(graph.tables(0)))
    inputs, outputs = graph.integers(1), graph.integers(2)
    operators = [_operator(i, o, codes) for i, o in enumerate(graph.tables(3))]
    wanted, kept = set(outputs), []
    for operator in reversed(operators):
        if wanted.intersection(operator.outputs):
            wanted |= set(operator.inputs[: 1 if operator.op in _NEEDED_BY_SHAPE else None])
            kept.append(operator)
    return File(tensors, tuple(reversed(kept)), inputs, outputs)


def _tensor(index: int, table: _Table, buffers: list[_Table]) -> Tensor:
    kind = ELEMENT_TYPES.get(table.whole(1, "b"), "other")
    shape = table.integers(0)
    scale: tuple[float, ...] = ()
    zero: tuple[int, ...] = ()
    quantisation = table.table(4)
    if quantisation is not None:
        scale = tuple(float(s) for s in quantisation.vector(2, "float32"))
        zero = (quantisation.integers(3, "int64") or (0,)) if scale else ()
    data = _constant(buffers[table.whole(2, "I")].vector(0, "uint8"), kind, shape)
    return Tensor(table.text(3) or f"tensor_{index}", shape, kind.replace("int4", "int8"), scale, zero, data)


def _constant(raw: NDArray[np.generic], kind: str, shape: tuple[int, ...]) -> NDArray[np.generic] | None:
    """A buffer in the tensor's type; two 4-bit integers to a byte, the lower half first."""
    if not raw.size or kind == "other":
        return None
    if kind == "int4":
        signed = [n - 16 if n > 7 else n for byte in raw.tolist() for n in (byte & 15, byte >> 4)]
        return np.array(signed[: int(np.prod(shape))], np.int8).reshape(shape)
    return raw.view(np.dtype(kind).newbyteorder("<")).reshape(shape)


def _operator(index: int, table: _Table, codes: list[_Table]) -> Operator:
    code = codes[table.whole(0, "I")]
    number = max(code.whole(3, "i"), code.whole(0, "b"))
    name = OPERATORS.get(number, f"operator code {number}")
    given, fields = table.table(4), OPTIONS.get(name, {})
    options: dict[str, int | float] = {key: DEFAULTS.get(key, 0) for key in fields}
    if given is not None:
        options = {key: given.number(slot, form, options[key]) for key, (slot, form) in fields.items()}
    return Operator(name, index, table.integers(1), table.integers(2), options)
