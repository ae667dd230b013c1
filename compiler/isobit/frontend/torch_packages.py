"""torch and what Brevitas' export needs: imported when they are needed, kept quiet, named when they are missing."""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import warnings
from collections.abc import Iterator
from typing import Any

from isobit.errors import IsobitError, printable

_PACKAGES = ("torch", "brevitas.export", "onnxoptimizer", "onnxscript")
_INSTALL = 'pip install -e ".[train]"'


def require_torch() -> Any:
    """Imports what is needed, or E303; returns torch's guard of its random generator."""
    try:
        with silenced():
            for package in _PACKAGES:
                importlib.import_module(package)
    except ModuleNotFoundError as error:
        name = str(error.name).partition(".")[0]
        raise IsobitError("E303", f"{name} is not installed", hint=_INSTALL) from error
    return importlib.import_module("torch.random").fork_rng


def one_line(error: BaseException) -> str:
    """An exception's name and its first line."""
    return printable(f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}", 200)


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """No prints, no warnings, no log lines; the logging threshold is put back."""
    threshold, sink = logging.root.manager.disable, io.StringIO()
    with contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(threshold)
