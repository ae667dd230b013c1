"""Modules by name: ``file.py:factory`` and ``package.module:factory``, and what else users name in their place."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import sys
import traceback
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any

from isobit.errors import IsobitError, did_you_mean, printable
from isobit.frontend.torch_packages import one_line, require_torch

if TYPE_CHECKING:
    import torch

_CHECKPOINTS = frozenset({".pt", ".pth", ".ckpt", ".safetensors"})
_KERAS = frozenset({".h5", ".hdf5", ".keras"})
LOAD_WEIGHTS = "in a function that builds the network, net.load_state_dict(torch.load({0!r})); give file.py:function"
_CONVERT = (
    "convert it to TFLite with full integer quantisation (tf.lite.TFLiteConverter, int8) and give the .tflite file"
)


def refuse_other_files(path: Path) -> None:
    """Refuse what users give in a model's place: a Python file without a factory, a checkpoint, a Keras file.

    Raises:
        IsobitError: E301 for the first two, E102 for the last, E101 for a module's name without a factory.
    """
    shown = printable(path)
    if path.suffix == ".py" and path.is_file():
        raise IsobitError("E301", "a Python file without a factory", where=shown, hint=_factories_in(path))
    if path.is_file() and (_is_torch(path) or path.suffix in _CHECKPOINTS):
        hint = LOAD_WEIGHTS.format(printable(path.name))
        raise IsobitError("E301", "a checkpoint holds weights, and not the network", where=shown, hint=hint)
    if (path.is_file() and path.suffix in _KERAS) or (path / "saved_model.pb").is_file():
        raise IsobitError("E102", "a model of TensorFlow or Keras", where=shown, hint=_CONVERT)
    beside = path.with_name(path.name + ".py") if path.name else path
    if not path.exists() and not path.suffix and beside.is_file():
        hint = _factories_in(beside)
        raise IsobitError("E101", "there is no such file, but a Python file beside it", where=shown, hint=hint)


def _is_torch(path: Path) -> bool:
    """Whether ``torch.save`` wrote the file: an archive with a pickle in it."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("data.pkl") for name in archive.namelist())
    except (OSError, ValueError, zipfile.BadZipFile):
        return False


def _factories_in(path: Path) -> str:
    """What to write in the place of a Python file: what it defines is read from its text, which is not executed."""
    try:
        body = ast.parse(path.read_bytes()).body
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        body = []
    found = [n.name for n in body if isinstance(n, ast.FunctionDef | ast.ClassDef) and not n.name.startswith("_")]
    names = [f"{path}:{name}" for name in found[:8]] or [f"{path}:function"]
    return f"name what returns the module: {', '.join(map(printable, names))}"


def load_module(source: str, arguments: Mapping[str, Any] = MappingProxyType({})) -> torch.nn.Module:
    """The module that ``source`` names (see :func:`isobit.frontend.brevitas.export_brevitas`).

    Raises:
        IsobitError: E301, with the exception's own first line if the user's code raised; E303.
    """
    location, _, name = source.rpartition(":")
    if not (location and name):
        raise IsobitError("E301", "the source has no factory", where=source, hint="write file.py:factory")
    if location.endswith(".py") and not Path(location).is_file():
        raise IsobitError("E301", "there is no such file", where=location)
    fork_rng = require_torch()
    # as if Python had been started on the source
    folder = str(Path(location).absolute().parent) if location.endswith(".py") else str(Path.cwd())
    from unittest import mock  # with asyncio: only factories wait for it

    with fork_rng(devices=[]), mock.patch.object(sys, "path", [folder, *sys.path]):
        module = _user_code(lambda: _import(location), "importing the source", source)
        factory = getattr(module, name, None)
        if factory is None:
            hint = did_you_mean(name, _defined(module))
            raise IsobitError("E301", f"there is no factory named {printable(name)!r}", where=location, hint=hint)
        return _made_by(factory, source, arguments)


def _import(location: str) -> ModuleType:
    if not location.endswith(".py"):
        return importlib.import_module(location)
    spec = importlib.util.spec_from_file_location(f"isobit_source_{Path(location).stem}", Path(location).absolute())
    assert spec is not None and spec.loader is not None  # it ends with .py
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their own module up while the file is executed
    spec.loader.exec_module(module)
    return module


def _made_by(factory: Any, source: str, arguments: Mapping[str, Any]) -> torch.nn.Module:
    base = importlib.import_module("torch.nn").Module
    if isinstance(factory, base) and arguments:
        raise IsobitError("E301", "a module takes no arguments", where=source, hint="leave --arg out")
    if isinstance(factory, base):
        return factory  # type: ignore[no-any-return]
    if callable(factory):
        _check_arguments(factory, source, arguments)
    made = _user_code(partial(factory, **arguments) if callable(factory) else factory, "calling the factory", source)
    if not isinstance(made, base):
        what, hint = no_module(made)
        raise IsobitError("E301", f"the factory returned {what}, not a torch.nn.Module", where=source, hint=hint)
    return made  # type: ignore[no-any-return]


def no_module(made: Any) -> tuple[str, str]:
    """What something is that is no module, and what to give in its place."""
    if isinstance(made, type):
        return f"the class {printable(made.__name__)}", f"give an instance: {printable(made.__name__)}()"
    if isinstance(made, Mapping):
        return f"a mapping of weights ({type(made).__name__})", LOAD_WEIGHTS.format("checkpoint.pt")
    return printable(type(made).__name__), ""


def _check_arguments(factory: Callable[..., Any], source: str, arguments: Mapping[str, Any]) -> None:
    """Refuse what the factory cannot be called with; one without a readable signature is simply called."""
    try:
        parameters = inspect.signature(factory).parameters
    except (TypeError, ValueError):
        return
    named = {n: p for n, p in parameters.items() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    for name, parameter in named.items():
        if parameter.default is parameter.empty and name not in arguments:
            hint = f"--arg {name}=..., or give it a default"
            raise IsobitError("E301", f"the factory needs the argument {name!r}", where=source, hint=hint)
    if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        for name in arguments:
            if name not in named:
                hint = did_you_mean(name, named) or "leave it out"
                raise IsobitError("E301", f"the factory has no argument {printable(name)!r}", where=source, hint=hint)


def _defined(module: ModuleType) -> list[str]:
    """The functions and classes that a module's own text defines."""
    own = (n for n, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__)
    return [name for name in own if not name.startswith("_")]


def _user_code(action: Callable[[], Any], doing: str, source: str) -> Any:
    """Runs the user's code; what it raises becomes one line that names the exception and the user's own line."""
    try:
        return action()
    except (Exception, SystemExit) as error:
        raise IsobitError("E301", f"{doing}: {one_line(error)}", where=_user_line(error, source)) from error


def _user_line(error: BaseException, source: str) -> str:
    """``file:line`` of the innermost frame that lies in the user's file, or the source as it was written."""
    location = source.rpartition(":")[0]
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(Path(location).absolute())]
    return f"{location}:{lines[-1]}" if lines else source
