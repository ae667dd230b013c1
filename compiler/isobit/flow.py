"""From a model to a build: the whole flow in one function."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from isobit.backends.dataflow import lower, size_fifos
from isobit.check.stimuli import vectors_for
from isobit.emit.build import Build, write_build
from isobit.errors import IsobitError, printable
from isobit.frontend.onnx_file import load_onnx
from isobit.frontend.qonnx import InputType, import_model
from isobit.hardware import load_board
from isobit.interp import run
from isobit.ir import Graph
from isobit.ir.types import IntArray
from isobit.passes import optimise
from isobit.plan import DEFAULT_REQUEST, PlanRequest, plan_for
from isobit.plan.geometry import multiply_accumulates

if TYPE_CHECKING:
    import torch

Exporter = Literal["torchscript", "dynamo"]
Progress = Callable[[str], None]
TESTBENCH_FRAMES, TESTBENCH_MACS = 16, 100_000_000


def compile_model(
    source: str | Path | torch.nn.Module,
    output: str | Path,
    *,
    board: str = "pynq-z1",
    input_shape: tuple[int, ...] | None = None,
    input_type: str | None = None,
    input_scale: str = "1",
    exporter: Exporter = "torchscript",
    plan_request: PlanRequest = DEFAULT_REQUEST,
    progress: Progress = lambda _: None,
) -> Build:
    """Compile a model into a Vitis HLS project.

    Args:
        source: a QONNX file, a Brevitas module, or ``file.py:factory`` (``package.module:factory``) that returns one.
        output: the build folder; replaced if it is an isobit build, refused if it holds anything else.
        board: a board's name or a ``.toml`` file.
        input_shape: shape of one sample, for Brevitas sources.
        input_type: QONNX datatype (``UINT8`` ...) of an input that has no quantiser.
        input_scale: the real value of one step of ``input_type``, a rational such as ``1/255``.
        plan_request: how much of the board may be used, how fast it must be, and what is fixed layer by layer.
        progress: called with a few words at every stage.

    Raises:
        IsobitError: any coded refusal; nothing is left behind.
        DoesNotFit: E502 when the design exceeds the board.
    """
    declared = InputType.parse(input_type, input_scale) if input_type else None
    target = load_board(board)
    with tempfile.TemporaryDirectory(prefix="isobit-") as scratch:
        progress("reading the model")
        path, name = _as_file(source, Path(scratch) / "model.onnx", input_shape, exporter)
        model = load_onnx(path)
        imported = import_model(model, declared)
        data = path.read_bytes()
    progress("folding and shrinking requantizers")
    graph = optimise(imported)
    progress("choosing the folding")
    plan = plan_for(graph, target, plan_request)
    design = size_fifos(lower(graph, plan))
    progress("writing the project")
    origin = {
        "name": printable(name), "sha256": hashlib.sha256(data).hexdigest(),
        "input_type": input_type, "input_scale": input_scale,
    }  # fmt: skip
    return write_build(Path(output), graph, plan, design, data, origin, _testbench_vectors(graph))


def import_source(
    source: str | Path, *, input_shape: tuple[int, ...] | None = None, input_type: str | None = None,
    input_scale: str = "1", exporter: Exporter = "torchscript",
) -> Graph:  # fmt: skip
    """The integer graph of a model before any pass (see :func:`compile_model` for the arguments)."""
    declared = InputType.parse(input_type, input_scale) if input_type else None
    with tempfile.TemporaryDirectory(prefix="isobit-") as scratch:
        path, _ = _as_file(source, Path(scratch) / "model.onnx", input_shape, exporter)
        return import_model(load_onnx(path), declared)


def _as_file(source: Any, scratch: Path, shape: tuple[int, ...] | None, exporter: Exporter) -> tuple[Path, str]:
    if isinstance(source, str | Path):
        text = str(source)
        if text.endswith(".onnx") or ":" not in text:
            return Path(text), Path(text).name
        from isobit.frontend.brevitas import export_brevitas

        location, _, factory = text.rpartition(":")
        return export_brevitas(text, shape, scratch, exporter), f"{Path(location).name}:{factory}"
    from isobit.frontend.brevitas import export_module

    if not hasattr(source, "forward"):
        raise IsobitError("E301", f"{type(source).__name__} is neither a path nor a torch module")
    return export_module(source, shape, scratch, exporter), type(source).__name__


def _testbench_vectors(graph: Graph) -> dict[str, IntArray]:
    frames = min(max(TESTBENCH_MACS // max(multiply_accumulates(graph), 1), 2), TESTBENCH_FRAMES)
    integers = vectors_for(graph, frames, seed=1)
    return integers | run(graph, integers)
