"""What a caller may give: the annotations of the function that is called, enforced before any work.

A value that fits none of them is an :class:`IsobitError` (E613) that names the argument, what it was and what it
may be. Numpy's numbers are taken as Python's.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, wraps
from numbers import Integral, Rational, Real
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from isobit.errors import IsobitError, did_you_mean, printable

P = ParamSpec("P")
R = TypeVar("R")

_NUMBERS: dict[Any, Any] = {int: Integral, float: Real, Fraction: Rational}
READ = object()
"""In an ``Annotated``: the function reads the value itself, whatever it is."""


@dataclass(frozen=True)
class Limits:
    """In an ``Annotated``: what a number may be, both ends included."""

    least: float
    most: float = math.inf


Count = Annotated[int, Limits(0)]
Positive = Annotated[int, Limits(1)]
Vectors = Annotated[int, Limits(1, 10**15)]
Seconds = Annotated[float, Limits(0.1, 1_000_000)]
"""A time limit: the operating system has no number for longer ones."""


def coded(function: Callable[P, R]) -> Callable[P, R]:
    """The function, whose wrong call is an :class:`IsobitError` (E613): an unknown or missing name, another kind."""
    signature = inspect.signature(function)
    names = [name for name in signature.parameters if name != "self"]
    hints = cache(lambda: get_type_hints(function, include_extras=True))

    @wraps(function)
    def checked(*args: P.args, **options: P.kwargs) -> R:
        for name in options:
            if name not in names:
                raise _wrong(function, f"no argument {printable(name)!r}", did_you_mean(name, names))
        try:
            bound = signature.bind(*args, **options)
        except TypeError as error:
            raise _wrong(function, printable(error), "its arguments: " + ", ".join(names)) from error
        for name in [name for name in names if name in bound.arguments]:
            bound.arguments[name] = of_kind(name, bound.arguments[name], hints()[name])
        return function(*bound.args, **bound.kwargs)

    return checked


def _wrong(function: Callable[..., Any], what: str, hint: str) -> IsobitError:
    return IsobitError("E613", what, where=f"isobit.{function.__name__}", hint=hint)


def of_kind(name: str, value: Any, kind: Any) -> Any:
    """The value of the argument ``name``, which fits the annotation ``kind``.

    Raises:
        IsobitError: E613 where it does not.
    """
    options = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    if isinstance(value, str | Path) and "\0" in str(value):
        raise IsobitError("E613", f"{name} = {printable(repr(value))}", hint="a text without control characters")
    if not any(_fits(value, option) for option in options):
        words = dict.fromkeys(_words(option) for option in options if option is not NoneType)
        raise IsobitError("E613", f"{name} = {printable(repr(value))}", hint=", or ".join(words))
    return value.item() if isinstance(value, np.generic) else value


def _plain(kind: Any) -> Any:
    """An annotation without its remarks and without what a container holds."""
    kind = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    return get_origin(kind) or kind


def _limits(kind: Any) -> Limits | None:
    return next((part for part in getattr(kind, "__metadata__", ()) if isinstance(part, Limits)), None)


def _fits(value: Any, kind: Any) -> bool:
    plain, limits = _plain(kind), _limits(kind)
    if plain is Any or READ in getattr(kind, "__metadata__", ()):
        return True
    if plain is bool:
        return isinstance(value, bool | np.bool_)
    if plain in _NUMBERS:
        number = isinstance(value, _NUMBERS[plain]) and not isinstance(value, bool | np.bool_)
        return number and abs(value) < math.inf and (limits is None or limits.least <= value <= limits.most)
    if plain is Callable:
        return _takes(value, len(get_args(kind)[0]))
    return isinstance(value, plain)


def _takes(value: Any, count: int) -> bool:
    """Whether a function can be called with so many arguments; one without a readable signature is believed."""
    try:
        inspect.signature(value).bind(*range(count))
    except ValueError:
        return callable(value)
    except TypeError:
        return False
    return True


_WORDS = {
    bool: "True or False", int: "a whole number", float: "a number", str: "a text", Path: "a path",
    Fraction: "a fraction",
}  # fmt: skip
_MADE_BY = {"Build": "a build of isobit.compile or isobit.load", "Board": "a board of isobit.boards()"}


def _words(kind: Any) -> str:
    """What an annotation asks for."""
    plain, limits = _plain(kind), _limits(kind)
    name = getattr(plain, "__name__", str(plain))
    if plain is Callable:
        return f"a function of {len(get_args(kind)[0])} arguments"
    text = _WORDS.get(plain) or _MADE_BY.get(name) or f"a {name.lower()}"
    if limits is None:
        return text
    most = f"from {limits.least:g} to {limits.most:g}" if limits.most < math.inf else f"of at least {limits.least:g}"
    return f"{text} {most}"
