"""A design as hls4ml's model, and the project that hls4ml writes for it, with isobit's testbench beside it."""

from __future__ import annotations

import contextlib
import io
import re
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from hls4ml.model.graph import ModelGraph

from isobit import templates
from isobit.backends.hls4ml.design import ACCELERATOR, Design, Layer
from isobit.backends.hls4ml.extension import flows, register
from isobit.backends.hls4ml.names import PROJECT, TESTBENCH, TOP
from isobit.backends.ports import IntType, Port
from isobit.errors import promised
from isobit.hardware import Board
from isobit.ir.types import IntArray

_CONTAINERS = {8: "int8_t", 16: "int16_t", 32: "int32_t", 64: "int64_t"}


def project_files(design: Design, board: Board, title: str, vectors: Mapping[str, IntArray]) -> dict[str, bytes]:
    """Every file of the project, by path in the build's folder.

    Args:
        vectors: integers ``(batch, ...)`` of every input and output, by name, for hls4ml's own testbench.
    """
    with tempfile.TemporaryDirectory(prefix="isobit-hls4ml-") as place:
        folder = Path(place) / PROJECT
        model = model_graph(design, board, folder)
        with _quiet():
            model.apply_flow(flows(design.tool)[1])
        files = {path.relative_to(place).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*"))
                 if path.is_file()}  # fmt: skip
        files[f"{PROJECT}/hls4ml_config.yml"] = _without_place(files[f"{PROJECT}/hls4ml_config.yml"], folder)
    if design.tool == ACCELERATOR:
        wrapper = f"{PROJECT}/firmware/{TOP}_axi.h"
        files[wrapper] = _with_prefix(files[wrapper])
    files[f"{PROJECT}/{TESTBENCH}"] = _testbench(design, model, title).encode()
    return files | {f"{PROJECT}/tb_data/{name}": text for name, text in _samples(design, vectors).items()}


def model_graph(design: Design, board: Board, folder: Path) -> Any:
    """hls4ml's ``ModelGraph`` of a design, through isobit's flow, checked layer by layer; nothing is written.

    Args:
        folder: where it would write its project.
    """
    register()
    inputs = [layer.name for layer in design.inputs]
    with _quiet():
        model = ModelGraph.from_layer_list(
            _config(design, board, folder), [_entry(layer) for layer in design.layers], inputs, list(design.outputs)
        )
    _check(design, model)
    return model


def _config(design: Design, board: Board, folder: Path) -> dict[str, Any]:
    """hls4ml's configuration: a precision for every type, a strategy for every layer that multiplies."""
    named: dict[str, dict[str, Any]] = {}
    for layer in design.layers:
        kinds = {"result": layer.out, **layer.types}
        named[layer.name] = {
            "Precision": {what: _precision(kind) for what, kind in kinds.items()},
            "Trace": layer.traced,
        }
        if layer.name in design.settings:
            strategy, reuse = design.settings[layer.name]
            named[layer.name] |= {"Strategy": strategy, "ReuseFactor": reuse}
    model = {"Precision": "ap_int<2>", "ReuseFactor": 1, "Strategy": "Latency"}
    return {
        "OutputDir": str(folder), "ProjectName": TOP, "Backend": design.tool, "Part": board.part,
        "ClockPeriod": round(1000 / board.clock_mhz, 3), "ClockUncertainty": "27%", "IOType": design.io_type,
        "HLSConfig": {"Model": model, "LayerName": named, "Flows": [flows(design.tool)[0]]}, "TraceOutput": True,
        "Stamp": "isobit",
        "WriterConfig": {
            "Namespace": None, "WriteWeightsTxt": True, "WriteTar": False, "TBOutputStream": "both",
            "WriteEmulationConstants": False,
        },
    } | (_accelerator(design, board) if design.tool == ACCELERATOR else {})  # fmt: skip


def _accelerator(design: Design, board: Board) -> dict[str, Any]:
    """What VivadoAccelerator wants beyond that: its board, and integers in the words of both streams."""
    words = [_precision(IntType(design.word_bits, port.elem.signed)) for port in design.ports]
    return {
        "ClockUncertainty": "12.5%",
        "AcceleratorConfig": {
            "Board": board.name, "Interface": "axi_stream", "Driver": "python",
            "Precision": dict(zip(("Input", "Output"), words, strict=True)),
        },
    }  # fmt: skip


def _with_prefix(text: bytes) -> bytes:
    """The wrapper's header with the names of its words' types whole: hls4ml leaves out ``ap_``."""
    whole, found = re.subn(rb"typedef (u?int<\d+> T_(?:in|out);)", rb"typedef ap_\1", text)
    promised(found == 2, "hls4ml's wrapper does not name the types of its words")
    return whole


def _precision(kind: IntType) -> str:
    return str(kind)


def _entry(layer: Layer) -> dict[str, Any]:
    """A layer as hls4ml's layer list has it."""
    entry = {"name": layer.name, "class_name": layer.kind, "inputs": list(layer.inputs), **layer.attributes}
    if layer.body is not None:
        entry |= {"body": layer.body, "shape": layer.shape}
    if layer.multiplies:
        entry["bias_data"] = None
    return entry


def _check(design: Design, model: Any) -> None:
    """E901 unless hls4ml's model has the layers, types and weights that it was given: no pass changed an integer."""
    added = {name for name, node in model.graph.items() if node.class_name == "Clone"}
    promised(model.graph.keys() - added == {layer.name for layer in design.layers}, "hls4ml changed the layers")
    for layer in design.layers:
        node = model.graph[layer.name]
        variable = node.get_output_variable()
        shape = tuple(int(n) for n in variable.shape)
        found = {"result": variable.type.precision, **{w: node.get_attr(f"{w}_t").precision for w in layer.types}}
        wanted = {"result": layer.out, **layer.types}
        for what, kind in wanted.items():
            same = (int(found[what].width), bool(found[what].signed)) == (kind.bits, kind.signed)
            promised(
                same and found[what].fractional == 0, f"hls4ml made {what} {found[what]} of {kind}", where=layer.name
            )
        flattened = layer.kind == "Reshape"  # in place: the array or stream of what it reads
        promised(flattened or shape == layer.shape, f"hls4ml made {shape} of {layer.shape}", where=layer.name)
        for what in ("weight_data", "depthwise_data"):
            if what in layer.attributes:
                given, kept = layer.attributes[what], node.get_weights("weight").data
                laid = np.moveaxis(given, -1, 0) if design.settings[layer.name][0] == "Resource" else given
                promised(np.array_equal(laid, kept), "hls4ml changed the weights", where=layer.name)


def _testbench(design: Design, model: Any, title: str) -> str:
    environment = templates.environment(templates.root() / "hls4ml")
    inputs = [_variable(port, v) for port, v in zip(design.ports, model.get_input_variables(), strict=False)]
    outputs = [_variable(p, v) for p, v in zip(design.ports[len(inputs) :], model.get_output_variables(), strict=True)]
    traced = [(layer.name, int(np.prod(layer.shape))) for layer in design.layers if layer.traced]
    return environment.get_template("tb.cpp.j2").render(
        top=TOP, inputs=inputs, outputs=outputs, traced=traced, title=templates.comment_text(title),
        accelerator=design.tool == ACCELERATOR,
    )  # fmt: skip


def _variable(port: Port, variable: Any) -> dict[str, Any]:
    container = _CONTAINERS[port.elem_bits]
    return {
        "name": port.name, "size": port.frame, "container": container if port.elem.signed else f"u{container}",
        "declaration": variable.definition_cpp(), "variable": variable.name,
    }  # fmt: skip


def _samples(design: Design, vectors: Mapping[str, IntArray]) -> dict[str, bytes]:
    """The vectors as hls4ml's testbench reads them: a line of numbers for a sample."""
    files = {}
    for name, is_input in (("tb_input_features.dat", True), ("tb_output_predictions.dat", False)):
        sides = [vectors[port.node] for port in design.ports if port.is_input == is_input]
        rows = zip(*(side.reshape(len(side), -1).tolist() for side in sides), strict=True)
        lines = [" ".join(str(value) for part in row for value in part) for row in rows]
        files[name] = ("\n".join(lines) + "\n").encode()
    return files


def _without_place(text: bytes, folder: Path) -> bytes:
    """The configuration with the project's own folder in place of where it was written."""
    return text.replace(str(folder).encode(), b".")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """hls4ml prints what it does and warns of what is asked of it."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
