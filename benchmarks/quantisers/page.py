"""The page docs/files.md: rows of judged files, what the tools wrote, and the behaviour tables kept by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facts import Facts
from judged import Row

HERE = Path(__file__).resolve().parent
HEAD = """# Files of quantisers

Written by `python benchmarks/quantisers/table.py`, which has each tool quantise the same two small networks (an MLP
16-32-32-10 and a residual CNN on 3x12x12, seeded weights) in an environment of its own and puts every file through
isobit. *Exact* means that {what} equals the source
model in exact arithmetic (TFLite: its reference kernels), on 8 samples. The last column counts, on 40 samples, outputs
that are isobit's integer, the largest difference in steps of the output, and samples with the same greatest output.
"""
SIMULATED = "both C simulations equal the graph and the graph"
WRITTEN = "the graph (whose C++ was written, but not run for this page)"


@dataclass(frozen=True)
class Entry:
    """One file: what its tool said, what isobit found (None: the tool failed), what the file holds."""

    tool: str
    said: dict[str, Any]
    row: Row | None
    facts: Facts | None


def page(entries: Sequence[Entry], simulated: bool) -> str:
    """The whole page."""
    exact = sum(e.row is not None and e.row.equal for e in entries)
    refused = sum(e.row is not None and bool(e.row.refusal) for e in entries)
    made = sum(e.row is not None for e in entries)
    count = f"{made} files of {len({e.tool for e in entries})} tools: {exact} exact, {refused} refused."
    behaviour = (HERE / "behaviour.md").read_text(encoding="utf-8")
    return "\n".join(
        [
            HEAD.format(what=SIMULATED if simulated else WRITTEN),
            count,
            "",
            *_results(entries),
            "",
            *_contents(entries),
            "",
            behaviour,
        ]
    )


def _results(entries: Sequence[Entry]) -> list[str]:
    lines = [
        "## What isobit makes of them", "",
        "| tool | mode | network | imported, compiled | exact | against the tool's own runtime |",
        "| --- | --- | --- | --- | --- | --- |",
    ]  # fmt: skip
    return lines + [f"| {_tool(e)} | {e.said['mode']} | {e.said['network']} | {_outcome(e)} |" for e in entries]


def _tool(entry: Entry) -> str:
    return str(entry.said.get("tool", entry.tool))


def _outcome(entry: Entry) -> str:
    row = entry.row
    if row is None:
        return f"not made by the tool: {_cell(entry.said.get('failed', ''))} | - | -"
    if row.refusal:
        return f"{_cell(row.refusal)} | - | -"
    said = "yes" if row.equal else f"NO: {row.wrong} of C++, {row.exact_wrong} of source, {row.unexplained} unexplained"
    ties = f", {row.ties} ties" if row.ties else ""
    runtimes = "; ".join(
        f"{a.runtime}: {a.same} of {a.outputs} equal"
        + (f" (by at most {a.most})" if a.most else "")
        + f", {a.argmax} of {a.samples} same class"
        for a in row.agreements
    )
    return f"yes | {said} ({row.exact} outputs{ties}) | {runtimes}"


def _contents(entries: Sequence[Entry]) -> list[str]:
    lines = [
        "## What the tools write", "",
        "Read from the files of the MLP above (`facts.py`), as these versions wrote them in the mode named.", "",
        "| tool | mode | operators | operator sets | activations | weights, range | zero points | scales |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]  # fmt: skip
    for e in entries:
        if e.facts is not None and e.said["network"] == "mlp":
            f = e.facts
            cells = (f.operators, f.opset, f.activations, f.weights, f.zero_points, f.scales)
            lines.append(f"| {_tool(e)} | {e.said['mode']} | " + " | ".join(map(_cell, cells)) + " |")
    return lines


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "/").split())
