"""From a model to a build: the whole flow in one function."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import onnx

from isobit.backends.registry import DEFAULT, find_backend
from isobit.build.folder import Build, Origin, load_build, write_folder
from isobit.build.manifest import EXACT_ARITHMETIC, ArithmeticRecord, Target, TiesRecord
from isobit.check.csim.run import given_integers
from isobit.check.csim.samples import SampleForm
from isobit.check.csim.stimuli import vectors_for
from isobit.errors import IsobitError, did_you_mean, printable
from isobit.fewshot import with_argmax, with_head
from isobit.frontend.factories import no_module, refuse_other_files
from isobit.frontend.modules import Shapes
from isobit.frontend.onnx.file import load_onnx
from isobit.frontend.onnx.whole import whole_file
from isobit.frontend.qonnx.float_arithmetic import Asked, FloatArithmetic, arithmetic_of
from isobit.frontend.qonnx.importer import import_traced
from isobit.frontend.qonnx.input_type import InputType
from isobit.frontend.tflite.model import is_tflite
from isobit.hardware import Board, load_board
from isobit.hardware.prices import PRICES
from isobit.interchange.onnx_file import is_exported, read_exported
from isobit.interp import Evaluator, run
from isobit.ir import Graph
from isobit.ir.types import IntArray
from isobit.passes import folding, optimise
from isobit.passes.budget import parse_share
from isobit.rescale import RescaleRequest, rescaled

if TYPE_CHECKING:
    import torch

Exporter = Literal["torchscript", "dynamo"]
Progress = Callable[[str], None]
TESTBENCH_FRAMES, TESTBENCH_CLOCKS = 16, 100_000
"""Frames of a project's own testbench, at most, and the clocks that they may take: co-simulation makes some thousand of
those a second."""


def compile_model(
    source: Any,
    output: str | Path,
    *,
    board: str | Board = "pynq-z1",
    input_shape: Shapes | None = None,
    input_type: str | None = None,
    input_scale: str = "1",
    exporter: Exporter = "torchscript",
    arithmetic: Asked = "auto",
    arguments: Mapping[str, Any] = MappingProxyType({}),
    backend: str = DEFAULT,
    plan_request: Any = None,
    rescale_bits: int | None = None,
    refit: bool = False,
    budget: str | Fraction | None = None,
    inputs: Any = None,
    samples: SampleForm | None = None,
    project: Target = "hls",
    head: int = 0,
    head_bits: int = 0,
    argmax: bool = False,
    progress: Progress = lambda _: None,
) -> Build:
    """Compile a model into a Vitis HLS project.

    Args:
        source: a QONNX, ONNX or TFLite file, its bytes, an ``onnx.ModelProto`` or qonnx ``ModelWrapper``, a Brevitas
            module, or ``file.py:factory`` (or ``package.module:factory``) that returns one.
        output: the build folder; replaced if it is an isobit build, refused if it holds anything else.
        board: a board's name or a ``.toml`` file.
        input_shape: shape of one sample, for Brevitas sources; one by name for each of several inputs.
        input_type: QONNX datatype (``UINT8`` ...) of an input that has no quantiser.
        input_scale: the real value of one step of ``input_type``, a rational such as ``1/255``.
        arithmetic: what a layer computes behind its exact accumulators: ``exact`` rational arithmetic, the source's own
            ``float32``, or ``auto``, which is float32 where ties between the two are systematic and exact elsewhere.
        arguments: of the factory, by name.
        backend: what makes the project (:mod:`isobit.backends.registry`).
        plan_request: how much of the board may be used, how fast it must be, and what is fixed layer by layer: the back
            end's own request (:class:`isobit.backends.dataflow.planner.PlanRequest`), None to leave it all to the plan.
        rescale_bits: the widest multiplicand that a requantizer may have; any width without it.
        refit: requantise the float weights so that short multiplicands are exact (:mod:`isobit.refitting.model`); the
            build's source is the refitted model.
        budget: the share of a channel's reachable accumulators that may give another output, by one step, for the sake
            of short multiplicands: ``50ppm``, ``0.1%``, ``1/20000``.
        inputs: samples as for :func:`isobit.csim`; of the accumulators that they produce the budget must hold too.
        samples: what ``inputs`` holds, as for :func:`isobit.csim`.
        project: ``hls``: the C++ for Vitis HLS, ``rtl``: the same design in SystemVerilog, or ``both``.
        head, head_bits: classes of a nearest-prototype head on the model's features (:func:`isobit.fewshot.with_head`),
            0 for none, and bits of its prototypes, 0 for as few as will do.
        argmax: one more output, the index of the greatest real value (:func:`isobit.fewshot.with_argmax`).
        progress: called with a few words at every stage.

    Raises:
        IsobitError: any coded refusal; nothing is left behind.
        DoesNotFit: E502 when the design exceeds the board.
    """
    declared = InputType.declared(input_type, input_scale)
    arithmetic_of(arithmetic)
    target = load_board(board) if isinstance(board, str) else board
    maker = find_backend(backend)
    request = maker.request() if plan_request is None else plan_request
    rescale = RescaleRequest(rescale_bits, parse_share(budget) if isinstance(budget, str) else budget, refit)
    if inputs is not None and budget is None:
        raise IsobitError("E803", "inputs without a budget", hint="add --budget 50ppm, or leave --inputs out")
    with tempfile.TemporaryDirectory(prefix="isobit-") as scratch:
        progress("reading the model: 0 of 2 steps")
        path, name = _as_file(source, Path(scratch) / "model.onnx", input_shape, exporter, arguments)
        report = None
        if rescale_bits is not None and refit:
            from isobit.refitting.model import refit_file

            progress("refitting the weights")
            _refuse_refit(path)
            path, report = refit_file(path, Path(scratch) / "refit.onnx", rescale_bits, declared)
        progress("reading the model: 1 of 2 steps")
        imported, followed = _imported(path, declared, arithmetic)
        _refuse_other_shape(source, imported, input_shape)
        imported = with_head(imported, head, head_bits) if head else imported
        imported, label = with_argmax(imported) if argmax else (imported, "")
        data = path.read_bytes() if is_tflite(path) else whole_file(path)
    seen = None if inputs is None else lambda graph: _seen(graph, inputs, samples)
    folded = optimise(imported, folding(PRICES, maker.zero_borders), progress)
    made = rescaled(folded, maker, target, request, rescale, seen, progress)
    design = maker.lower(made.graph, made.plan, request)
    moved = None if report is None else asdict(report)
    origin = Origin(printable(name), input_type, input_scale, moved, followed, label)
    vectors = _testbench_vectors(made.graph, maker.estimate(made.plan, design).interval)
    parts = made.graph, target, made.plan, design, data, origin, vectors, made, maker, project
    write_folder(Path(output), *parts, progress)
    del imported, folded, made, design, data, parts  # a large network's weights, which are now read back
    return load_build(Path(output))


def _seen(graph: Graph, inputs: Any, samples: SampleForm | None) -> Mapping[str, IntArray]:
    """Every value of the graph for the user's inputs, by name."""
    return Evaluator(graph).run(given_integers(graph, inputs, samples), taps=True)


def refit_source(
    source: str | Path | onnx.ModelProto | torch.nn.Module,
    bits: int,
    *,
    input_shape: Shapes | None = None,
    input_type: str | None = None,
    input_scale: str = "1",
    exporter: Exporter = "torchscript",
) -> onnx.ModelProto:
    """The QONNX model with its weights refitted to ``bits``-bit multiplicands (:mod:`isobit.refitting.model`).

    Args:
        source: a QONNX file or model, a Brevitas module, or ``file.py:factory``; the rest as in :func:`compile_model`.

    Raises:
        IsobitError: E804 when nothing can be refitted, and every refusal of an import.
    """
    from isobit.refitting.model import refit_file

    declared = InputType.declared(input_type, input_scale)
    with tempfile.TemporaryDirectory(prefix="isobit-") as scratch:
        path, _ = _as_file(source, Path(scratch) / "model.onnx", input_shape, exporter)
        _refuse_refit(path)
        if input_shape is not None and not _is_module(source):
            _refuse_other_shape(source, _imported(path, declared, "auto")[0], input_shape)
        return onnx.load_model(str(refit_file(path, Path(scratch) / "refit.onnx", bits, declared)[0]))


def import_source(
    source: Any, *, input_shape: Shapes | None = None, input_type: str | None = None,
    input_scale: str = "1", exporter: Exporter = "torchscript", arithmetic: Asked = "auto",
    arguments: Mapping[str, Any] = MappingProxyType({}),
) -> Graph:  # fmt: skip
    """The integer graph of a model before any pass (see :func:`compile_model` for the arguments)."""
    declared = InputType.declared(input_type, input_scale)
    with tempfile.TemporaryDirectory(prefix="isobit-") as scratch:
        path, _ = _as_file(source, Path(scratch) / "model.onnx", input_shape, exporter, arguments)
        graph = _imported(path, declared, arithmetic)[0]
    _refuse_other_shape(source, graph, input_shape)
    return graph


def _refuse_other_shape(source: Any, graph: Graph, asked: Shapes | None) -> None:
    """E106 where the inputs of a file, which says their shapes itself, are not as the user says."""
    own = {node.outside: node.outside_shape for node in graph.inputs}
    given = asked if isinstance(asked, Mapping) else {} if asked is None else dict.fromkeys(own, asked)
    given = {} if _is_module(source) else given
    for name, shape in given.items():
        if name not in own:
            raise IsobitError("E106", f"there is no input {printable(name)!r}", hint=did_you_mean(name, own))
        if tuple(shape) != own[name]:
            found = f"{printable(name)!r} takes samples of shape {own[name]}, not {tuple(shape)}"
            raise IsobitError("E106", found, hint="leave --input-shape out: the model says its shapes itself")


def _imported(path: Path, declared: InputType | None, arithmetic: Asked) -> tuple[Graph, ArithmeticRecord]:
    """The integer graph of a file, whichever format it has, and what it follows."""
    if is_exported(path):
        return _exported(path, declared, arithmetic), EXACT_ARITHMETIC
    if not is_tflite(path):
        made = import_traced(load_onnx(path), declared, arithmetic_of(arithmetic))
        return made.graph, _followed(made.arithmetic, arithmetic)
    from isobit.frontend.tflite.importer import import_tflite

    if declared is not None:
        hint = "leave --input-type out"
        raise IsobitError("E209", "a TFLite file says itself what its inputs are", where=printable(path), hint=hint)
    if arithmetic == "float32":
        hint = "leave --arithmetic out"
        raise IsobitError("E210", "a TFLite file says its integers itself", where=printable(path), hint=hint)
    return import_tflite(path), EXACT_ARITHMETIC


def _exported(path: Path, declared: InputType | None, arithmetic: Asked) -> Graph:
    """The graph of a file that isobit exported."""
    if declared is not None:
        hint = "leave --input-type out"
        raise IsobitError("E209", "an exported file says itself what its inputs are", where=printable(path), hint=hint)
    if arithmetic == "float32":
        hint = "leave --arithmetic out"
        raise IsobitError("E210", "an exported file holds integers alone", where=printable(path), hint=hint)
    return read_exported(path)


def _followed(made: FloatArithmetic, asked: Asked) -> ArithmeticRecord:
    ties = tuple(TiesRecord(layer=t.layer, moved=t.moved, span=t.span) for t in made.ties)
    return ArithmeticRecord(followed=made.followed, asked=asked, ties=ties, exact=tuple(made.kept))


def _refuse_refit(path: Path) -> None:
    """A TFLite file and an exported one have no float weights left that could be requantised."""
    kind = "a TFLite file" if is_tflite(path) else "an exported file" if is_exported(path) else ""
    if kind:
        raise IsobitError("E804", f"{kind} holds integer weights only", where=printable(path), hint="leave --refit out")


def _as_file(
    source: Any, scratch: Path, shape: Shapes | None, exporter: Exporter,
    arguments: Mapping[str, Any] = MappingProxyType({}),
) -> tuple[Path, str]:  # fmt: skip
    """The source as a file, ``scratch`` where it is none yet, and its name."""
    if _names_factory(source):
        from isobit.frontend.brevitas import export_brevitas

        location, _, factory = str(source).rpartition(":")
        path = export_brevitas(str(source), shape, scratch, exporter, arguments)
        return path, f"{Path(location).name}:{factory}"
    if arguments:
        raise IsobitError("E301", "arguments are for a factory", hint="file.py:factory, or leave them out")
    if isinstance(source, str | Path):
        refuse_other_files(Path(source))
        return Path(source), Path(source).name
    found = _content(source)
    if found is not None:
        scratch.write_bytes(found[0])
        return scratch, found[1]
    from isobit.frontend.brevitas import export_module

    if isinstance(source, type | Mapping) or not hasattr(source, "forward"):
        what, hint = no_module(source)
        kinds = "a path, bytes, an onnx.ModelProto, a qonnx ModelWrapper or a torch module"
        raise IsobitError("E301", f"{what} is not {kinds}", hint=hint)
    return export_module(source, shape, scratch, exporter), type(source).__name__


def _names_factory(source: Any) -> bool:
    text = str(source) if isinstance(source, str | Path) else ""
    return ":" in text and not text.endswith((".onnx", ".tflite"))


def _is_module(source: Any) -> bool:
    """Whether the source is a torch module, or names what makes one."""
    return _names_factory(source) or hasattr(source, "forward")


def _content(source: Any) -> tuple[bytes, str] | None:
    """A model in memory as a file's bytes, and its name; None for anything else."""
    if isinstance(source, bytes | bytearray):
        return bytes(source), "model"
    proto = source.model if type(source).__name__ == "ModelWrapper" else source
    if isinstance(proto, onnx.ModelProto):
        return proto.SerializeToString(), proto.graph.name or "model"
    return None


def _testbench_vectors(graph: Graph, interval: int) -> dict[str, IntArray]:
    """Two frames at least, so that one follows the other, of ``interval`` clocks each."""
    frames = min(max(TESTBENCH_CLOCKS // max(interval, 1), 2), TESTBENCH_FRAMES)
    integers = vectors_for(graph, frames, seed=1)
    return integers | run(graph, integers)
