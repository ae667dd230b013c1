"""Arguments of a user's: refused with a code and the nearest name, before any work."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

from isobit.check.csim.vectors import load_vectors
from isobit.errors import IsobitError, did_you_mean, printable
from isobit.frontend.modules import Shapes
from isobit.kinds import READ, Limits, of_kind

Shaped = Annotated[Shapes | int | str | None, READ]
"""A sample's shape as :func:`shape_of` reads it."""


def number(name: str, value: Any, least: float, most: float = math.inf, *, whole: bool = False) -> None:
    """Refuse what is no number from ``least`` to ``most``."""
    of_kind(name, value, Annotated[int if whole else float, Limits(least, most)])


def one_of(name: str, value: Any, known: Iterable[str], code: str = "E613") -> None:
    """Refuse what is none of the known words."""
    if value not in (words := list(known)):
        raise IsobitError(code, f"{name} = {printable(repr(value))}", hint=did_you_mean(value, words))


def shape_of(value: Any) -> Shapes | None:
    """A sample's shape from a tuple or list of integers, one integer, or text such as ``1,28,28``; of several inputs
    one by name, from a mapping or from text such as ``a=3,8 b=4``.

    Raises:
        IsobitError: E106 for anything else.
    """
    if value is None:
        return None
    if isinstance(value, str) and "=" in value:
        words = [word.partition("=") for word in value.split()]
        if len({name for name, _, _ in words}) < len(words) or not all(n and sign for n, sign, _ in words):
            raise _no_shape(value)
        value = {name: text for name, _, text in words}
    if isinstance(value, Mapping):
        if not value or not all(isinstance(name, str) for name in value):
            raise _no_shape(value)
        return {name: _shape(part) for name, part in value.items()}
    return _shape(value)


def _shape(value: Any) -> tuple[int, ...]:
    parts = value.replace("x", ",").split(",") if isinstance(value, str) else value
    parts = [parts] if isinstance(parts, int) else parts
    try:
        sizes = tuple(int(p) for p in parts if not isinstance(p, bool | float))
    except (TypeError, ValueError):
        sizes = ()
    if not sizes or len(sizes) != len(parts) or min(sizes) < 1:
        raise _no_shape(value)
    return sizes


def _no_shape(value: Any) -> IsobitError:
    what = f"input_shape {printable(value)!r} is not a list of positive integers"
    return IsobitError("E106", what, hint="1,28,28, or by name for several inputs: a=3,8 b=4")


def assignments(words: Iterable[str]) -> dict[str, Any]:
    """``bits=4`` as Python reads it: numbers, True, None, tuples and quoted text; anything else is text.

    Raises:
        IsobitError: E613 for a word without a name.
    """
    found: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not (equals and name.isidentifier()):
            raise IsobitError("E613", f"--arg {printable(word)!r}", hint="--arg bits=4")
        try:
            found[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            found[name] = value
    return found


def vectors_of(inputs: Any) -> Any:
    """Arrays as they are; those of a file where a path names one."""
    return load_vectors(Path(inputs)) if isinstance(inputs, str | Path) else inputs
