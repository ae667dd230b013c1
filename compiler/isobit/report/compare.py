"""Two builds side by side: the whole, then layer by layer where names agree."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.text import Text

from isobit.build.folder import Build
from isobit.check.csim.accuracy import read_accuracy
from isobit.check.csim.last import CSIM, read_record
from isobit.errors import middle_cut
from isobit.report.result import Layer, summarise
from isobit.report.tables import lined_table

_COSTS = ("LUT", "DSP", "BRAM36")
_NAME = 22


@dataclass(frozen=True)
class Row:
    """One quantity of both builds; "" where a build does not have it."""

    name: str
    first: str
    second: str

    @property
    def differs(self) -> bool:
        return self.first != self.second


@dataclass(frozen=True)
class Comparison:
    """``whole`` has the builds' own quantities; ``layers`` by name their bits, folding, clocks and cost.

    ``alone`` are the layers of the first build only and of the second only. ``same_graph``: both compute the same.
    """

    same_graph: bool
    whole: tuple[Row, ...]
    layers: dict[str, tuple[Row, ...]]
    alone: tuple[tuple[str, ...], tuple[str, ...]]


def compare(first: Build, second: Build) -> Comparison:
    """What two builds take, how fast they are, and what was found of them."""
    both = tuple(_whole(build) for build in (first, second))
    names = dict.fromkeys([*both[0], *both[1]])
    whole = tuple(Row(name, both[0].get(name, ""), both[1].get(name, "")) for name in names)
    layers = [{layer.name: _layer(layer) for layer in summarise(build).layers} for build in (first, second)]
    shared = {
        name: tuple(Row(key, found[key], layers[1][name][key]) for key in found)
        for name, found in layers[0].items()
        if name in layers[1]
    }
    alone = tuple(tuple(name for name in mine if name not in shared) for mine in layers)
    return Comparison(first.graph.digest == second.graph.digest, whole, shared, (alone[0], alone[1]))


def _whole(build: Build) -> dict[str, str]:
    summary = summarise(build)
    found = {"source": summary.name, "board": summary.board, "clock, MHz": f"{summary.clock_mhz:g}"}
    found |= {r.name: f"{r.used} ({r.share:.0%})" for r in summary.resources if r.name in _COSTS or r.used}
    found |= {"clocks a frame": str(summary.interval), "latency, clocks": str(summary.latency)}
    found["frames/s"] = f"{summary.frames_per_second:,.0f}"
    csim, accuracy = read_record(build, CSIM), read_accuracy(build)
    found["csim"] = csim.verdict if csim else "not run yet"
    if accuracy:
        found |= {f"accuracy, {s.name}": f"{s.top1 / (s.samples or accuracy.samples):.4f}" for s in accuracy.scores}
    return found


def _layer(layer: Layer) -> dict[str, str]:
    cost = dict(layer.cost)
    return {
        "shape": "x".join(map(str, layer.shape)), "bits": str(layer.bits), "built as": layer.built_as,
        "PE x SIMD": layer.folding("x"), "clocks": str(layer.cycles or ""), **{k: str(cost.get(k, "")) for k in _COSTS},
    }  # fmt: skip


def comparison_table(found: Comparison, names: tuple[str, str]) -> RenderableType:
    """Both builds' quantities, then of every layer in both those that differ."""
    heads = [middle_cut(name, _NAME) for name in names]
    whole = lined_table("", ("", *heads), ())
    for row in found.whole:
        whole.add_row(middle_cut(row.name, _NAME), middle_cut(row.first, _NAME), middle_cut(row.second, _NAME))
    layers = lined_table("", ("layer", "", *heads), ())
    for name, rows in found.layers.items():
        different = [row for row in rows if row.differs]
        for i, row in enumerate(different):
            layers.add_row("" if i else middle_cut(name, _NAME), row.name, row.first, row.second)
    same = sum(not any(row.differs for row in rows) for rows in found.layers.values())
    lines = [f"{'the same' if found.same_graph else 'another'} integer graph; {same} layers are built alike"]
    lines += [f"only in {where}: {', '.join(alone)}" for where, alone in zip(names, found.alone, strict=True) if alone]
    parts: list[RenderableType] = [whole, *([layers] if layers.row_count else []), *map(Text, lines)]
    return Group(*parts)
