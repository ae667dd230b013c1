"""Views of a build and of a verdict for the terminal. Everything fits 80 columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from isobit.backends.dataflow.planner.ways import ways
from isobit.backends.dataflow.record import CandidateRecord, DataflowLayer
from isobit.build.folder import Build
from isobit.check.csim.result import CsimResult
from isobit.check.source.oracles import OracleRun
from isobit.check.source.verdict import SourceForm, SourceVerdict, Tie, labels_of
from isobit.errors import IsobitError, did_you_mean, middle_cut, printable
from isobit.hardware import board_names, load_board
from isobit.hardware.counted import sentence
from isobit.ir import Graph
from isobit.ir.ops import Linear
from isobit.passes.rules import unfolded
from isobit.report.counts import counts, total
from isobit.report.notes import notes
from isobit.report.result import Layer, Pace, Report, Summary, slowest, summarise
from isobit.report.tables import lined_table, named_table

_TIES_SHOWN = 5
_SHOWN = ("LUT", "DSP", "BRAM36")


def build_table(build: Build, *, wide: bool = False) -> RenderableType:
    """What limits the design and what it takes, then one row per layer and the sums per kind.

    Names are cut in the middle so that the table fits 80 columns, unless it is to be ``wide``.
    """
    summary = summarise(build)
    pace = slowest(build)
    marked = {pace.name} if pace else set()
    rows = [_row(layer, layer.name in marked) for layer in summary.layers]
    kinds = _kinds(summary.layers)
    head = ("layer", "built as", "shape", "bits", "PE x SIMD", "clocks", *_SHOWN)
    table = named_table(head, rows, kinds, wide=wide)
    lines = [f"{summary.name} on {summary.board}", *_verdict(summary, pace), *notes(build)]
    return Group(*map(_line, lines), table, *map(_line, summary.lines))


def _row(layer: Layer, slow: bool = False) -> list[str]:
    numbers = ["x".join(map(str, layer.shape)), str(layer.bits)]
    if not layer.built_as:
        return [layer.name, layer.op, *numbers, *[""] * (2 + len(_SHOWN))]
    cost = dict(layer.cost)
    folding = [layer.folding("x"), f"{'*' if slow else ''}{layer.cycles}"]
    return [layer.name, layer.built_as, *numbers, *folding, *(str(cost[k]) for k in _SHOWN)]


def _kinds(layers: Sequence[Layer]) -> list[list[str]]:
    """What all layers of a kind take together, where there are several."""
    rows = []
    for kind in sorted({layer.built_as for layer in layers if layer.built_as}):
        costs = [dict(layer.cost) for layer in layers if layer.built_as == kind]
        if len(costs) > 1:
            sums = (str(sum(cost[k] for cost in costs)) for k in _SHOWN)
            rows.append([f"all {len(costs)}", kind, "", "", "", "", *sums])
    return rows


def _verdict(summary: Summary, pace: Pace | None) -> list[str]:
    """How fast, limited by what, and how large."""
    by = {r.name: r for r in summary.resources if r.name != "URAM" or r.available}
    flipflops = by.pop("FF", None)
    used = ", ".join(f"{r.used} {r.name} ({r.share:.0%})" for r in by.values())
    rate = f"{summary.frames_per_second:,.0f} frames/s at {summary.clock_mhz:g} MHz"
    lines = [f"one frame every {summary.interval} clocks (latency {summary.latency}): {rate}"]
    lines += [f"limited by {middle_cut(pace.name, 40)}, busy for {pace.clocks} of them"] if pace else []
    lines.append(f"estimate (no vendor tool was run): {used}")
    lines += [f"flip-flops: {flipflops.used} ({flipflops.share:.0%})"] if flipflops else []
    errors = {r.name: r.error for r in summary.resources if r.error}
    return [*lines, sentence(errors)] if errors else lines


def report_lines(report: Report) -> RenderableType:
    """The verdicts that a build's folder holds, one line each."""
    kept = ((report.claim, report.csim), ("planned FIFO depths", report.bounded))
    return Group(*(_line(f"{label}: {record.verdict if record else 'not run yet'}") for label, record in kept))


def arithmetic_lines(build: Build) -> list[Text]:
    """Which arithmetic the graph follows, and the layer in which the choice matters most."""
    made = build.manifest.source.arithmetic
    if build.source.suffix == ".tflite":
        return []
    most = max(made.ties, key=lambda t: t.moved / t.span if t.span else 1, default=None)
    why = "no accumulator near an edge gives another integer in float32"
    if most is not None:
        why = f"in {most.layer} {most.moved:,} of {most.span:,} accumulators between its edges\n"
        why += "  give another integer in exact arithmetic than in float32"
    kept = ", ".join(map(printable, made.exact))
    if kept and made.followed == "exact":
        why += f"\n  (not looked at, their float32 form is not known: {kept})"
    why = "" if made.asked == "exact" else f":\n  {why}"
    name = "exact sums with float32 behind them" if made.followed == "float32" else "exact"
    lines = [f"arithmetic: {name}{why}"]
    if kept and made.followed == "float32":
        lines.append(f"exact all the same, their float32 form is not known: {kept}")
    return list(map(_line, lines))


def csim_table(result: CsimResult) -> RenderableType:
    """Both verdicts, with counts; the first wrong element when there is one."""
    table = lined_table(
        "C++ = graph", ("build",), ("vectors", "outputs", "mismatches", "compile s", "run s", "vectors/s")
    )
    for run in result.runs:
        rate = f"{run.vectors / max(run.seconds, 1e-9):,.0f}"
        counts = (f"{run.vectors:,}", f"{run.outputs:,}", f"{run.mismatches:,}")
        table.add_row(run.flavour, *counts, f"{run.compile_seconds:.1f}", f"{run.seconds:.2f}", rate)
    lines = [f"first mismatch: {result.mismatch}"] if result.mismatch else []
    lines += _source_lines(result.source) if result.source else []
    lines.append(_sentence(result))
    return Group(table, *map(_line, lines))


def _sentence(result: CsimResult) -> str:
    """The last line: a bare EQUAL only where the source's own run shows the same numbers."""
    ends = result.source.ends if result.source else None
    if result.verdict in ("equal", "not equal") or ends is None:
        return result.verdict.upper()
    counts = f"{ends.differing:,} of {ends.outputs:,} outputs differ"
    if not ends.differing:
        counts = f"{ends.predictions - ends.predictions_equal:,} of {ends.predictions:,} predictions differ"
    said = result.verdict.replace("equal", "EQUAL", 1)
    return f"{said}, but {counts} from\n  the source's own run by {ends.oracle} ({ends.cause})"


def _line(text: str) -> Text:
    """A line that a terminal may wrap but we do not, so that logs can be searched."""
    return Text(text, no_wrap=True, overflow="ignore")


def _source_lines(v: SourceVerdict) -> list[str]:
    exact = f"{v.exact_outputs:,} outputs, {v.exact_mismatches:,} mismatches"
    if v.exact_mismatches < 0:
        exact = f"not run: {v.note}"
    whole, each = labels_of(v)
    lines = [
        f"source = graph, {whole}: {exact}",
        f"source = graph, {each}: {v.float_integers:,} integers of {v.float_samples:,} samples,\n"
        f"  {len(v.ties):,} ties, {len(v.unexplained):,} unexplained differences",
    ]
    lines += [_oracle_line(oracle) for oracle in v.oracles if v.form == "tflite" or v.ends is None or not oracle.ran]
    for label, ties in (("tie", v.ties), ("unexplained", v.unexplained)):
        lines += [_tie_line(v.form, label, t) for t in ties[:_TIES_SHOWN]]
        if len(ties) > _TIES_SHOWN:
            lines.append(f"  ... {len(ties) - _TIES_SHOWN:,} more (--json lists all)")
    if v.ends and v.form != "tflite":
        lines.append(f"end to end, the source's own run by {v.ends.oracle}:\n  {v.ends}")
    return lines


def _oracle_line(o: OracleRun) -> str:
    """What another tool's run of the source says, or why there is none."""
    name = f"oracle: {o.name}{o.version and ' ' + o.version}"
    if not o.ran:
        return f"{name}: not run: {o.note}"
    counts = [f"{o.mismatches:,} of {o.outputs:,} outputs differ"] if o.outputs else []
    if o.integers:
        counts.append(f"{o.unexplained:,} unexplained among {o.integers:,} integers of the layers")
    more = "".join(f"\n  {text}" for text in (o.first, o.note) if text)
    return f"{name}: {o.samples:,} samples,\n  {', '.join(counts)}{more}"


def _tie_line(form: SourceForm, label: str, t: Tie) -> str:
    place = f"layer {t.layer}, sample {t.sample}, element {list(t.element)}"
    if form == "tflite":
        return f"  {label}: {place}: graph {t.graph}, reference kernel {t.source}"
    distance = f"{t.distance:.3g} accumulator steps from the edge, float error up to {t.bound:.3g}"
    return f"  {label}: {place}: graph {t.graph}, float32 {t.source};\n    {distance}"


def explain_layer(build: Build, name: str) -> RenderableType:
    """Everything the manifest knows of one layer.

    Raises:
        IsobitError: E609 when there is no such layer.
    """
    layers = {layer.name: layer for layer in summarise(build).layers}
    if name not in layers:
        raise IsobitError("E609", f"no layer {printable(name)!r}", hint=did_you_mean(name, layers))
    node, kind, built = build.graph.by_name[name], build.graph.types[name], build.manifest.project.layers.get(name)
    lines = [
        f"{name}: {node.op} of {', '.join(node.inputs) or 'nothing'}",
        f"came from: {', '.join(node.source) or 'the compiler'}",
        f"rules: {', '.join(node.rules) or 'none'}",
        f"type: {kind}",
        f"interval per channel: {_channels(kind.lo)} .. {_channels(kind.hi)}",
    ]
    if built is not None:
        folding = f"{built.folding}, " if built.folding else ""
        lines.append(f"built as: {built.implementation}, {folding}{built.cycles} clocks per frame")
    if isinstance(node, Linear) and isinstance(built, DataflowLayer):
        stored = [_candidates(ways, "") for ways in (built.candidates, built.multipliers) if ways]
        return Group(*map(_line, lines), *stored, _foldings(build, node, built))
    if not isinstance(built, DataflowLayer) or not built.candidates:
        return Group(*map(_line, lines))
    return Group(*map(_line, lines), _candidates(built.candidates, unfolded(build.graph, node)))


def _foldings(build: Build, node: Linear, built: DataflowLayer) -> Table:
    """What else a convolution or dense layer may be: the chosen folding, and those that no other beats."""
    table = lined_table("foldings, the chosen marked *", ("PE x SIMD",), ("clocks", "LUT", "DSP", "BRAM36"))
    chosen = (built.pe, built.simd, built.samples)
    for layer in ways(build.graph, node, build.manifest.board, chosen):
        factors = (layer.pe, layer.simd, layer.samples)
        mark = "*" if factors == chosen else ""
        name = " x ".join(map(str, factors if layer.samples > 1 else factors[:2]))
        table.add_row(mark + name, str(layer.cycles), *(str(getattr(layer.cost, k)) for k in ("lut", "dsp", "bram36")))
    return table


def counts_table(graph: Graph) -> RenderableType:
    """Multiply-accumulates, parameters and bits, layer by layer, and their sums."""
    table = lined_table("", ("layer", "op"), ("MACs", "parameters", "bits", "values", "bits"))
    rows = counts(graph)
    for row in (*rows, total(rows)):
        numbers = (row.macs, row.parameters, row.parameter_bits, row.values, row.value_bits)
        table.add_row(middle_cut(row.layer, 24), row.op, *(f"{n:,}" for n in numbers))
    return table


def _channels(values: Any) -> str:
    shown = ", ".join(str(int(v)) for v in values[:8])
    return f"[{shown}{', ...' if len(values) > 8 else ''}]"


def _candidates(candidates: Sequence[CandidateRecord], pair: str) -> Table:
    """The bodies of a step, or ways to store weights or multiply; ``pair`` says what is known of two steps."""
    table = lined_table("implementations, the chosen first", ("body", "why"), ("LUT", "DSP", "BRAM36"))
    for row in candidates:
        costs = [str(n) if row.possible else "-" for n in (row.lut, row.dsp, row.bram36)]
        table.add_row(row.implementation, escape(row.reason), *costs)
    if pair:
        table.add_row("unfolded pair", pair, "-", "-", "-")
    return table


def boards_table() -> Table:
    """The boards that come with isobit."""
    table = lined_table("", ("board", "part"), ("LUT", "DSP", "BRAM36", "URAM", "MHz"))
    for b in map(load_board, board_names()):
        resources = (b.lut, b.dsps, b.bram36, b.uram)
        table.add_row(b.name, b.part, *map(str, resources), f"{b.clock_mhz:g}")
    return table
