"""Integers as C++: literals and constant arrays of a layer's configuration struct."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from isobit.backends.ports import IntType
from isobit.errors import promised
from isobit.ir.types import IntArray

STRUCT = "CONFIG"
"""Stands for the struct's name until hls4ml has numbered the layer."""


def literal(value: int, kind: IntType) -> str:
    """``value`` as an expression of type ``kind``, which holds it; C++ has no literal of more than 64 bits."""
    if -(1 << 31) < value < 1 << 31:
        return str(value)
    if -(1 << 63) < value < 1 << 63:
        return f"{value}LL"
    if value == -(1 << 63):
        return f"({value + 1}LL - 1)"
    if 0 <= value < 1 << 64:
        return f"{kind}({value:#x}ULL)"
    return f"({kind}({literal(value >> 64, kind)}) << 64 | {kind}({value & (1 << 64) - 1:#x}ULL))"


def integer(name: str, value: int) -> str:
    """A member that is one integer, known to the compiler: C++ has such members of built-in types alone."""
    promised(-(1 << 63) <= value < 1 << 63, f"{name} = {value} is no member of 64 bits")
    kind = "int" if -(1 << 31) < value < 1 << 31 else "long long"
    return f"static const {kind} {name} = {literal(value, IntType.of(value, value))};"


def function(name: str, value: int, kind: IntType) -> str:
    """A member that returns one integer of any size."""
    return f"static {kind} {name}() {{ return {literal(value, kind)}; }}"


def alias(name: str, kind: IntType) -> str:
    """A member that names a type."""
    return f"typedef {kind} {name};"


def array(name: str, kind: str, values: IntArray, elem: IntType) -> tuple[str, str]:
    """A constant array: the member that declares it, and its definition behind the struct.

    Args:
        kind: the elements' type as the struct calls it, or a built-in one.
        elem: the type that the literals are of.
    """
    size = "".join(f"[{n}]" for n in values.shape)
    outside = kind if kind == "int" else f"{STRUCT}::{kind}"
    text = _braced(values.tolist(), elem)
    return f"static const {kind} {name}{size};", f"const {outside} {STRUCT}::{name}{size} = {text};"


def as_array(values: Sequence[Any]) -> IntArray:
    """Integers of any size in one array."""
    return np.array([int(v) for v in values], dtype=object)


def _braced(values: Any, elem: IntType) -> str:
    if not isinstance(values, list):
        return literal(int(values), elem)
    return "{" + ", ".join(_braced(v, elem) for v in values) + "}"
