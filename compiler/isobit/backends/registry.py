"""The back ends by name."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

from isobit.backends.base import Backend
from isobit.errors import IsobitError, printable

AnyBackend = Backend[Any, Any, Any]
DEFAULT = "dataflow"


def _dataflow() -> AnyBackend:
    from isobit.backends.dataflow.backend import DATAFLOW

    return DATAFLOW


def _hls4ml() -> AnyBackend:
    from isobit.backends.hls4ml.backend import HLS4ML

    return HLS4ML


def _finn() -> AnyBackend:
    from isobit.backends.finn.backend import FINN

    return FINN


_BACKENDS: dict[str, Callable[[], AnyBackend]] = {DEFAULT: _dataflow, "finn": _finn, "hls4ml": _hls4ml}


def backend_names() -> list[str]:
    """The names that :func:`find_backend` knows, in alphabetical order."""
    return sorted(_BACKENDS)


def find_backend(name: str) -> AnyBackend:
    """The back end called ``name``.

    Raises:
        IsobitError: E508 when there is none.
    """
    if name not in _BACKENDS:
        near = get_close_matches(name, backend_names(), 1)
        hint = f"did you mean {near[0]}?" if near else "one of " + ", ".join(backend_names())
        raise IsobitError("E508", f"no back end {printable(name)!r}", hint=hint)
    return _BACKENDS[name]()


def register(name: str, make: Callable[[], AnyBackend]) -> None:
    """Make a back end known; an earlier one of that name is replaced."""
    _BACKENDS[name] = make
