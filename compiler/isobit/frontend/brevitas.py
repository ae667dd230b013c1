"""Brevitas modules, exported to QONNX files.

:func:`export_brevitas` takes the name of a factory (``file.py:factory`` or ``package.module:factory``),
:func:`export_module` a module that already exists. Both guarantee:

* the user's module is not touched (a deep copy of it is put into eval mode and exported), the exporter prints
  nothing, and torch's random generator is left as it was;
* the file depends on the module only: documentation strings and metadata, where the exporters write stack traces
  and paths, are removed, and two exports are byte-identical;
* the weights in the file quantise to the integers of the module's own forward pass: Brevitas calls every weight's
  rounding half-even, so weights rounded otherwise (floor, accumulator-aware, ternary) are written already quantised.

torch and Brevitas are imported when a function is called, so that the rest of the package works without them.
"""

from __future__ import annotations

import contextlib
import copy
import importlib
import importlib.util
import io
import logging
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any, Literal
from unittest import mock

import numpy as np
from onnx import numpy_helper

from isobit.errors import IsobitError, printable

if TYPE_CHECKING:
    import onnx
    import torch

Exporter = Literal["torchscript", "dynamo"]

_PACKAGES = ("torch", "brevitas.export", "onnxoptimizer", "onnxscript")
_INSTALL = 'pip install "isobit[train]"'
_SHAPE_HINT = "state the shape of one sample, without the batch, for example --input-shape 64 or --input-shape 3,32,32"


def export_brevitas(
    source: str, input_shape: tuple[int, ...] | None, destination: Path, exporter: Exporter = "torchscript",
    arguments: Mapping[str, Any] = MappingProxyType({}),
) -> Path:  # fmt: skip
    """Builds the module that ``source`` names and exports it to the QONNX file ``destination``, which it returns.

    Args:
        source: ``file.py:factory`` or ``package.module:factory``; the factory takes ``arguments`` by name and returns a
            ``torch.nn.Module``. A name bound to a module instance is taken as it is.
        input_shape: shape of one sample without the batch dimension; ``None`` infers it.
        exporter: which of torch's two ONNX exporters to use.

    Raises:
        IsobitError: E301 (source), E302 (export), E303 (package not installed), E601 (file cannot be written).
    """
    return export_module(load_module(source, arguments), input_shape, destination, exporter)


def export_module(
    module: torch.nn.Module, input_shape: tuple[int, ...] | None, destination: Path, exporter: Exporter = "torchscript"
) -> Path:
    """Exports ``module`` in eval mode, with a batch of one, to the QONNX file ``destination``.

    Arguments, result and errors are those of :func:`export_brevitas`, less E301.
    """
    fork_rng = _require()
    where = type(module).__name__
    shape = infer_input_shape(module) if input_shape is None else _checked_shape(input_shape, where)
    with fork_rng(devices=[]), _silence():
        with _refused("E302", "it cannot be copied", where):
            private = copy.deepcopy(module).cpu().eval()
        _refuse_ternary_thresholds(private)
        meant = _misread_weights(private, shape, where)
        model = _export(private, shape, exporter, where)
    _write_weights(model, meant, where)
    _strip(model)
    _write(destination, model)
    return destination


def load_module(source: str, arguments: Mapping[str, Any] = MappingProxyType({})) -> torch.nn.Module:
    """The module that ``source`` names (see :func:`export_brevitas`).

    Raises:
        IsobitError: E301, with the exception's own first line if the user's code raised; E303.
    """
    location, _, name = source.rpartition(":")
    if not (location and name):
        raise IsobitError("E301", "the source has no factory", where=source, hint="write file.py:factory")
    if location.endswith(".py") and not Path(location).is_file():
        raise IsobitError("E301", "there is no such file", where=location)
    fork_rng = _require()
    # as if Python had been started on the source
    folder = str(Path(location).absolute().parent) if location.endswith(".py") else str(Path.cwd())
    with fork_rng(devices=[]), mock.patch.object(sys, "path", [folder, *sys.path]):
        factory = getattr(_user_code(lambda: _import(location), "importing the source", source), name, None)
        if factory is None:
            raise IsobitError("E301", f"there is no factory named {printable(name)!r}", where=location)
        return _made_by(factory, source, arguments)


def infer_input_shape(module: torch.nn.Module) -> tuple[int, ...]:
    """The shape of one sample: the module's attribute ``input_shape``, else what its first layer says.

    Raises:
        IsobitError: E302 if there is neither the attribute nor a ``Linear`` as the first layer with weights.
    """
    where = type(module).__name__
    if (declared := getattr(module, "input_shape", None)) is not None:
        return _checked_shape(declared, where)
    first = next((layer for layer in module.modules() if getattr(layer, "weight", None) is not None), None)
    if not isinstance(first, importlib.import_module("torch.nn").Linear):
        raise IsobitError("E302", "the input shape cannot be inferred", where=where, hint=_SHAPE_HINT)
    return (int(first.in_features),)


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
    make = partial(factory, **arguments) if callable(factory) else factory
    made = factory if isinstance(factory, base) else _user_code(make, "calling the factory", source)
    if not isinstance(made, base):
        raise IsobitError("E301", f"the factory returned {type(made).__name__}, not a torch.nn.Module", where=source)
    return made  # type: ignore[no-any-return]


def _user_code(action: Callable[[], Any], doing: str, source: str) -> Any:
    """Runs the user's code; what it raises becomes one line that names the exception and the user's own line."""
    try:
        return action()
    except (Exception, SystemExit) as error:
        raise IsobitError("E301", f"{doing}: {_one_line(error)}", where=_user_line(error, source)) from error


def _user_line(error: BaseException, source: str) -> str:
    """``file:line`` of the innermost frame that lies in the user's file, or the source as it was written."""
    location = source.rpartition(":")[0]
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(Path(location).absolute())]
    return f"{location}:{lines[-1]}" if lines else source


def _checked_shape(shape: Any, where: str) -> tuple[int, ...]:
    checked = tuple(shape) if isinstance(shape, (tuple, list)) else ()
    if not checked or not all(isinstance(size, int) and size > 0 for size in checked):
        raise IsobitError("E302", f"the input shape is {printable(shape)}", where=where, hint=_SHAPE_HINT)
    return checked


def _misread_weights(module: torch.nn.Module, shape: tuple[int, ...], where: str) -> dict[bytes, np.ndarray]:
    """Runs the module once; float weights, as bytes, to quantised ones, where a reader of the file would differ."""
    torch = importlib.import_module("torch")
    proxy_type = importlib.import_module("brevitas.proxy").WeightQuantProxyFromInjector
    calls: list[tuple[Any, Any, Any]] = []
    hooks = [
        part.register_forward_hook(lambda proxy, args, made: calls.append((proxy, args[0].detach(), made)))
        for part in module.modules()
        if isinstance(part, proxy_type)
    ]
    with _refused("E302", f"it does not run on an input of shape {(1, *shape)}", where, _SHAPE_HINT), torch.no_grad():
        module(torch.zeros(1, *shape))
    for hook in hooks:
        hook.remove()
    return {raw.numpy().tobytes(): made.value.numpy() for proxy, raw, made in calls if _misread(proxy, raw, made)}


def _misread(proxy: Any, weight: torch.Tensor, made: Any) -> bool:
    """Whether round-half-even, as the file will say, makes other integers of ``weight`` than Brevitas has made."""
    bits = int(made.bit_width) if hasattr(made, "bit_width") else 1
    if bits == 1:  # the sign, or no integers at all
        return False
    narrow, signed = bool(proxy.is_narrow_range), bool(made.signed)
    low = narrow - 2 ** (bits - 1) if signed else 0
    high = 2 ** (bits - 1) - 1 if signed else 2**bits - 1 - narrow
    read = (weight / made.scale + made.zero_point).round().clamp(low, high)
    return not bool((read == made.int()).all())


def _write_weights(model: onnx.ModelProto, meant: dict[bytes, np.ndarray], where: str) -> None:
    missing = set(meant)
    for tensor in model.graph.initializer if meant else ():
        weight = numpy_helper.to_array(tensor).tobytes()
        if weight in meant:
            tensor.CopyFrom(numpy_helper.from_array(meant[weight], tensor.name))
            missing.discard(weight)
    if missing:
        message = "weights that are not rounded half to even cannot be found in the exported file"
        raise IsobitError("E302", message, where=where, hint="use the rounding mode ROUND for the weights")


def _refuse_ternary_thresholds(module: torch.nn.Module) -> None:
    """A ternary activation is written as round-half-even, which is a threshold of half a step."""
    for name, proxy in module.named_modules():
        inner = proxy.modules() if hasattr(proxy, "fused_activation_quant_proxy") else ()
        if any(getattr(part, "threshold", 0.5) != 0.5 for part in inner):
            message = "QONNX has no ternary activation with a threshold other than 0.5"
            raise IsobitError("E302", message, where=name, hint="use threshold=0.5")


def _export(module: torch.nn.Module, shape: tuple[int, ...], exporter: Exporter, where: str) -> onnx.ModelProto:
    torch = importlib.import_module("torch")
    export_qonnx = importlib.import_module("brevitas.export").export_qonnx
    hint = f"try the other exporter: --exporter {'torchscript' if exporter == 'dynamo' else 'dynamo'}"
    names = {"input_names": ["input"], "output_names": ["output"]}
    sample = torch.zeros(1, *shape)
    # a failing TorchScript export prints its graph from C++, out of reach of Python's own stdout
    quiet = mock.patch("torch._C._jit_onnx_log", lambda *_: None, create=True)
    with _refused("E302", f"the {exporter} exporter failed", where, hint), quiet:
        model = export_qonnx(module, args=sample, dynamo=exporter == "dynamo", **names)
        if hasattr(module(sample), "bit_width"):  # a QuantTensor: its scale and zero point are exported as outputs too
            del model.graph.output[1:]
        return model  # type: ignore[no-any-return]


def _strip(message: Any) -> None:
    """Clears every ``doc_string`` and ``metadata_props`` at any depth: they hold stack traces and paths."""
    for field, value in message.ListFields():
        if field.name in ("doc_string", "metadata_props"):
            message.ClearField(field.name)
        elif field.message_type is not None:
            for part in [value] if hasattr(value, "ListFields") else value:
                _strip(part)


def _write(destination: Path, model: onnx.ModelProto) -> None:
    partial = destination.with_name(destination.name + ".partial")
    with _refused("E601", "the model cannot be written", str(destination)):
        destination.parent.mkdir(parents=True, exist_ok=True)
        try:
            partial.write_bytes(model.SerializeToString(deterministic=True))
            partial.replace(destination)
        finally:
            partial.unlink(missing_ok=True)


def _require() -> Any:
    """Imports what is needed, or E303; returns torch's guard of its random generator."""
    try:
        with _silence():
            for package in _PACKAGES:
                importlib.import_module(package)
    except ModuleNotFoundError as error:
        name = str(error.name).partition(".")[0]
        raise IsobitError("E303", f"{name} is not installed", hint=_INSTALL) from error
    return importlib.import_module("torch.random").fork_rng


def _one_line(error: BaseException) -> str:
    return printable(f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}", 200)


@contextlib.contextmanager
def _refused(code: str, doing: str, where: str, hint: str = "") -> Iterator[None]:
    """What the block raises becomes a coded refusal with the root cause's own first line."""
    try:
        yield
    except Exception as error:
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        raise IsobitError(code, f"{doing}: {_one_line(cause)}", where=where, hint=hint) from error


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """No prints, no warnings, no log lines; the logging threshold is put back."""
    threshold, sink = logging.root.manager.disable, io.StringIO()
    with contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(threshold)
