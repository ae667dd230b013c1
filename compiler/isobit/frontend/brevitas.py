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
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal
from unittest import mock

import numpy as np
from onnx import numpy_helper

from isobit.errors import IsobitError
from isobit.frontend.factories import load_module
from isobit.frontend.modules import (
    SHAPE_HINT,
    Shape,
    Shapes,
    input_shapes,
    named_outputs,
    refuse_unreadable,
    returning_tensors,
)
from isobit.frontend.torch_packages import one_line, require_torch, silenced

if TYPE_CHECKING:
    import onnx
    import torch

Exporter = Literal["torchscript", "dynamo"]


def export_brevitas(
    source: str, input_shape: Shapes | None, destination: Path, exporter: Exporter = "torchscript",
    arguments: Mapping[str, Any] = MappingProxyType({}),
) -> Path:  # fmt: skip
    """Builds the module that ``source`` names and exports it to the QONNX file ``destination``, which it returns.

    Args:
        source: ``file.py:factory`` or ``package.module:factory``; the factory takes ``arguments`` by name and returns a
            ``torch.nn.Module``. A name bound to a module instance is taken as it is.
        input_shape: shape of one sample without the batch dimension, by name for several inputs; ``None`` infers it.
        exporter: which of torch's two ONNX exporters to use.

    Raises:
        IsobitError: E301 (source), E302 (export), E303 (package not installed), E601 (file cannot be written).
    """
    return export_module(load_module(source, arguments), input_shape, destination, exporter)


def export_module(
    module: torch.nn.Module, input_shape: Shapes | None, destination: Path, exporter: Exporter = "torchscript"
) -> Path:
    """Exports ``module`` in eval mode, with a batch of one, to the QONNX file ``destination``.

    The names of its inputs and outputs are those of :mod:`isobit.frontend.modules`. Arguments, result and errors are
    those of :func:`export_brevitas`, less E301, and E108 and E201 for what cannot be read whatever its shape.
    """
    fork_rng = require_torch()
    where = type(module).__name__
    refuse_unreadable(module)
    shapes = input_shapes(module, input_shape)
    with fork_rng(devices=[]), silenced():
        with _refused("E302", "it cannot be copied", where):
            private = copy.deepcopy(module).cpu().eval()
        _refuse_ternary_thresholds(private)
        meant = _misread_weights(private, shapes, where)
        model = _export(private, shapes, exporter, where)
    _write_weights(model, meant, where)
    _strip(model)
    _write(destination, model)
    return destination


def _misread_weights(module: torch.nn.Module, shapes: Mapping[str, Shape], where: str) -> dict[bytes, np.ndarray]:
    """Runs the module once; float weights, as bytes, to quantised ones, where a reader of the file would differ."""
    torch = importlib.import_module("torch")
    proxy_type = importlib.import_module("brevitas.proxy").WeightQuantProxyFromInjector
    calls: list[tuple[Any, Any, Any]] = []
    hooks = [
        part.register_forward_hook(lambda proxy, args, made: calls.append((proxy, args[0].detach(), made)))
        for part in module.modules()
        if isinstance(part, proxy_type)
    ]
    shown = " and ".join(f"{(1, *shape)}" for shape in shapes.values())
    with _refused("E302", f"it does not run on an input of shape {shown}", where, SHAPE_HINT), torch.no_grad():
        module(*_zeros(shapes))
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


def _zeros(shapes: Mapping[str, Shape]) -> tuple[torch.Tensor, ...]:
    torch = importlib.import_module("torch")
    return tuple(torch.zeros(1, *shape) for shape in shapes.values())


def _export(module: torch.nn.Module, shapes: Mapping[str, Shape], exporter: Exporter, where: str) -> onnx.ModelProto:
    export_qonnx = importlib.import_module("brevitas.export").export_qonnx
    hint = f"try the other exporter: --exporter {'torchscript' if exporter == 'dynamo' else 'dynamo'}"
    samples = _zeros(shapes)
    # a failing TorchScript export prints its graph from C++, out of reach of Python's own stdout
    quiet = mock.patch("torch._C._jit_onnx_log", lambda *_: None, create=True)
    with _refused("E302", f"the {exporter} exporter failed", where, hint), quiet:
        names = list(named_outputs(module(*samples)))
        module.forward = returning_tensors(module.forward)
        model: onnx.ModelProto = export_qonnx(
            module, args=samples if len(samples) > 1 else samples[0], dynamo=exporter == "dynamo",
            input_names=list(shapes), output_names=names,
        )  # fmt: skip
        return model


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


@contextlib.contextmanager
def _refused(code: str, doing: str, where: str, hint: str = "") -> Iterator[None]:
    """What the block raises becomes a coded refusal with the root cause's own first line."""
    try:
        yield
    except Exception as error:
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        raise IsobitError(code, f"{doing}: {one_line(cause)}", where=where, hint=hint) from error
