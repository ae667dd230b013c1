"""Views of a build and of a verdict for the terminal, and the verdict as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from isobit.check.csim import CsimResult
from isobit.emit.build import Build
from isobit.errors import IsobitError, printable
from isobit.hardware import board_names, load_board

_TIES_SHOWN = 5


def build_table(build: Build) -> RenderableType:
    """One row per layer, and the estimate against the board."""
    table = Table(
        title=f"{escape(build.manifest['source']['name'])} on {build.manifest['board']['title']}", title_justify="left"
    )
    for column in (
        "layer",
        "op",
        "shape",
        "bits",
        "interval",
        "built as",
        "PE x SIMD",
        "cycles",
        "LUT",
        "DSP",
        "BRAM36",
    ):
        table.add_column(column, justify="left" if column in ("layer", "op", "built as") else "right")
    for layer in build.manifest["layers"]:
        table.add_row(*_row(layer))
    return Group(table, Text(_estimate(build.manifest)))


def _row(layer: Mapping[str, Any]) -> list[str]:
    lo, hi = layer["interval"]
    left = [layer["name"], layer["op"], "x".join(map(str, layer["shape"])), str(layer["bits"]), f"{lo} .. {hi}"]
    if "cost" not in layer:
        return [*left, *[""] * 6]
    cost = layer["cost"]
    return [
        *left,
        layer["implementation"],
        f"{layer['pe']} x {layer['simd']}",
        str(layer["cycles"]),
        *(str(cost[k]) for k in cost),
    ]


def _estimate(manifest: Mapping[str, Any]) -> str:
    estimate, board = manifest["estimate"], manifest["board"]
    used = ", ".join(
        f"{estimate[k]} {name} ({estimate[k] / max(board[limit], 1):.0%})"
        for k, name, limit in (("lut", "LUT", "lut"), ("dsp", "DSP", "dsps"), ("bram36", "BRAM36", "bram36"))
    )
    rate = f"one frame every {estimate['interval']} clocks, {estimate['frames_per_second']:,.0f} frames/s at {board['clock_mhz']:g} MHz"
    return f"estimate (no vendor tool was run): {used}; {rate}"


def csim_table(build: Build, result: CsimResult) -> RenderableType:
    """Both verdicts, with counts; the first wrong element when there is one."""
    table = Table(title="C++ = graph", title_justify="left")
    for column in ("build", "vectors", "outputs compared", "mismatches", "compile s", "run s", "inferences/s"):
        table.add_column(column, justify="left" if column == "build" else "right")
    for run in result.runs:
        rate = f"{run.vectors / max(run.seconds, 1e-9):,.0f}"
        counts = (f"{run.vectors:,}", f"{run.outputs:,}", f"{run.mismatches:,}")
        table.add_row(run.flavour, *counts, f"{run.compile_seconds:.1f}", f"{run.seconds:.2f}", rate)
    lines = [f"first mismatch: {result.mismatch}"] if result.mismatch else []
    lines += _source_lines(result)
    lines.append("EQUAL" if result.equal else "NOT EQUAL")
    return Group(table, *(Text(line) for line in lines))


def _source_lines(result: CsimResult) -> list[str]:
    v = result.source
    if v is None:
        return []
    exact = (
        f"{v.exact_outputs:,} outputs, {v.exact_mismatches:,} mismatches"
        if v.exact_mismatches >= 0
        else f"not run: {v.note}"
    )
    lines = [
        f"source = graph, exact arithmetic: {exact}",
        f"source = graph, qonnx float32: {v.float_integers:,} integers of {v.float_samples:,} samples, {len(v.ties):,} ties, "
        f"{len(v.unexplained):,} unexplained",
    ]
    for label, ties in (("tie", v.ties), ("unexplained", v.unexplained)):
        for t in ties[:_TIES_SHOWN]:
            lines.append(
                f"  {label}: layer {t.layer} sample {t.sample} element {list(t.element)}: graph {t.graph}, float32 {t.source}; "
                f"{t.distance:.3g} accumulator steps from the edge, float error up to {t.bound:.3g}"
            )
        if len(ties) > _TIES_SHOWN:
            lines.append(f"  ... {len(ties) - _TIES_SHOWN:,} more (--json lists all)")
    return lines


def csim_json(result: CsimResult) -> dict[str, Any]:
    """The verdict as plain data."""
    return {
        "equal": result.equal,
        "runs": [asdict(r) for r in result.runs],
        "mismatch": asdict(result.mismatch) if result.mismatch else None,
        "source": asdict(result.source) | {"equal": result.source.equal} if result.source else None,
    }


def explain_layer(build: Build, name: str) -> RenderableType:
    """Everything the manifest knows of one layer.

    Raises:
        IsobitError: E609 when there is no such layer.
    """
    layers = {layer["name"]: layer for layer in build.manifest["layers"]}
    if name not in layers:
        raise IsobitError("E609", f"no layer {printable(name)!r}", hint="one of " + ", ".join(layers))
    layer = layers[name]
    kind = build.graph.types[name]
    lines = [
        f"{name}: {layer['op']} of {', '.join(layer['inputs']) or 'nothing'}",
        f"came from: {', '.join(layer['source']) or 'the compiler'}",
        f"rules: {', '.join(layer['rules']) or 'none'}",
        f"type: {kind}",
        f"interval per channel: {_channels(kind.lo)} .. {_channels(kind.hi)}",
    ]
    if "cost" in layer:
        lines.append(
            f"built as: {layer['implementation']}, PE {layer['pe']}, SIMD {layer['simd']}, {layer['cycles']} clocks per frame"
        )
    return Group(*(Text(line) for line in lines), *([_candidates(layer)] if layer.get("candidates") else []))


def _channels(values: Any) -> str:
    shown = ", ".join(str(int(v)) for v in values[:8])
    return f"[{shown}{', ...' if len(values) > 8 else ''}]"


def _candidates(layer: Mapping[str, Any]) -> Table:
    table = Table(title="implementations, the chosen first", title_justify="left")
    for column in ("body", "LUT", "DSP", "BRAM36", "why"):
        table.add_column(column, justify="left" if column in ("body", "why") else "right")
    for row in layer["candidates"]:
        costs = [str(row[k]) if row["possible"] else "-" for k in ("lut", "dsp", "bram36")]
        table.add_row(row["implementation"], *costs, escape(row["reason"]))
    return table


def boards_table() -> Table:
    """The boards that come with isobit."""
    table = Table()
    for column in ("board", "title", "part", "LUT", "DSP", "BRAM36", "URAM", "MHz"):
        table.add_column(column, justify="left" if column in ("board", "title", "part") else "right")
    for name in board_names():
        b = load_board(name)
        table.add_row(b.name, b.title, b.part, *(str(v) for v in (b.lut, b.dsps, b.bram36, b.uram)), f"{b.clock_mhz:g}")
    return table
