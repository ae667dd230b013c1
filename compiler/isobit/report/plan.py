"""A plan for the terminal and as JSON: the verdict, the layers, the front, and what another plan costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from isobit.backends.base import CostRecord
from isobit.backends.dataflow.optimal.frontier import FrontPoint
from isobit.backends.dataflow.optimal.search import Optimum
from isobit.backends.dataflow.planner import LayerPlan, Plan
from isobit.backends.dataflow.planner.search import Whole
from isobit.errors import middle_cut
from isobit.hardware import Cost
from isobit.hardware.counted import Bar, bars, sentence
from isobit.report.plot import draw
from isobit.report.tables import lined_table

_LINE, _LEAST_NAME, _GAP = 80, 9, 2
"""Columns of a terminal, those that a name gets at least, and those that the box puts behind a column."""
_GOALS = {"area": "area", "lut": "LUTs", "dsp": "DSPs", "bram": "block RAMs", "energy": "energy of memory words"}
_HEAD = ("clocks", "LUT", "DSP", "BRAM36", "URAM")


def _counted(found: Optimum) -> Mapping[str, Bar]:
    """The error bars; those of designs in which two products share a DSP are others (docs/cost.md)."""
    return bars(any(layer.packing for layer in found.plan.layers.values()))


def plan_lines(found: Optimum) -> list[str]:
    """The verdict first: how fast, what it takes, and what is proven."""
    board, whole = found.plan.board, found.whole
    used = ", ".join(
        f"{n:,} {name} ({n / limit:.0%})"
        for name, n, limit in whole.cost.used(board)
        if limit and (n or name != "URAM")
    )
    lines = [
        f"{found.frames_per_second:,.0f} frames/s at {board.clock_mhz:g} MHz on {board.title}",
        f"one frame every {whole.interval:,} clocks (latency {whole.latency:,}), "
        f"limited by {middle_cut(whole.slowest, 24)}",
        f"estimate (no vendor tool was run): {used}",
        f"flip-flops: {whole.cost.ff:,} ({whole.cost.ff / board.ff:.0%})",
        sentence(_counted(found)),
        *_proof(found),
    ]
    if found.usual is not None:
        lines.append(f"isobit compile's own plan: {found.usual.interval:,} clocks, {_words(found.usual.cost)}")
    return lines


def _proof(found: Optimum) -> list[str]:
    what = _GOALS[found.goal]
    lines = []
    if found.fastest is not None:
        lines.append(f"proven: no layers inside the share are faster than {found.fastest:,} clocks")
    if found.taken:
        lines.append(f"isobit compile's own plan is taken: no layers have less {what}, but its FIFOs are smaller")
    elif found.gap:
        lines.append(f"not proven: layers of this interval with up to {found.gap:.1%} less {what} may exist")
    else:
        lines.append(f"proven: no layers of this interval have less {what}")
    return lines


def _words(cost: Cost) -> str:
    return f"{cost.lut:,} LUT, {cost.dsp:,} DSP, {cost.bram36:,} BRAM36" + (f", {cost.uram} URAM" if cost.uram else "")


def plan_table(found: Optimum, front: Sequence[FrontPoint], *, wide: bool = False) -> RenderableType:
    """The verdict, a row for each layer, and the front where there is one."""
    parts: list[RenderableType] = [*map(_line, plan_lines(found)), _layers(found, wide)]
    if front:
        parts.append(_front_table(front))
    return Group(*parts)


def _layers(found: Optimum, wide: bool) -> Table:
    slow = found.whole.slowest
    rows = [
        (name, layer.implementation, _factors(layer), f"{'*' * (name == slow)}{layer.clocks}", *_numbers(layer.cost))
        for name, layer in found.plan.layers.items()
    ]
    sums = [
        ("FIFOs", "", "", "", *_numbers(found.whole.cost - found.plan.cost)),
        ("all", "", "", str(found.whole.interval), *_numbers(found.whole.cost)),
    ]
    return _table(("layer", "built as"), ("PE x SIMD", *_HEAD), rows, sums, wide)


def _table(
    left: Sequence[str], right: Sequence[str], rows: Sequence[Sequence[str]], sums: Sequence[Sequence[str]], wide: bool
) -> Table:
    """Rows and, under a line, sums, in 80 columns: names are cut in the middle where that must be, unless ``wide``."""
    head = (*left, *right)
    others = sum(max(len(row[i]) for row in (head, *rows, *sums)) + _GAP for i in range(1, len(head)))
    longest = max((len(row[0]) for row in (*rows, *sums)), default=0)
    room = longest if wide else max(_LINE - others - _GAP, _LEAST_NAME)
    table = lined_table("", left, right)
    table.width = max(_LINE, others + room + _GAP) if wide else None
    for row in rows:
        table.add_row(middle_cut(row[0], room), *row[1:])
    table.add_section()
    for row in sums:
        table.add_row(*row)
    return table


def _front_table(front: Sequence[FrontPoint]) -> Table:
    table = lined_table(
        "front (FIFOs by the width of their words)", (), ("frames/s", "clocks", "LUT", "DSP", "BRAM36", "URAM", "gap")
    )
    for p in front:
        gap = f"{p.gap:.1%}" if p.gap else "0"
        table.add_row(f"{p.frames_per_second:,.0f}", str(p.interval), *map(str, (p.lut, p.dsp, p.bram36, p.uram)), gap)
    return table


def draw_front(path: Path, found: Optimum, front: Sequence[FrontPoint]) -> None:
    """The front as a picture: frames per second against what there was to be least of."""
    measure = {"area": "area, in LUTs at the prices of the estimate", "energy": "energy of memory words, fJ a frame"}
    label = measure.get(found.goal, _GOALS[found.goal])
    title = f"{found.plan.board.title} at {found.plan.board.clock_mhz:g} MHz"
    draw(path, [(p.frames_per_second, p.total) for p in reversed(front)], ("frames per second", label), title)


def plan_json(found: Optimum, front: Sequence[FrontPoint]) -> dict[str, Any]:
    """Everything that the tables show, as plain values."""
    return {
        "board": found.plan.board.name, "clock_mhz": found.plan.board.clock_mhz, "minimise": found.goal,
        "interval": found.whole.interval, "latency": found.whole.latency,
        "frames_per_second": found.frames_per_second, "slowest": found.whole.slowest,
        "cost": _amounts(found.whole.cost),
        "error": {name.lower(): asdict(bar) for name, bar in _counted(found).items()},
        "total": found.total, "bound": found.bound, "gap": found.gap,
        "fastest": found.fastest, "own_plan_taken": found.taken,
        "own_plan": None if found.usual is None else asdict(found.usual) | {"cost": _amounts(found.usual.cost)},
        "layers": {name: _layer_json(layer) for name, layer in found.plan.layers.items()},
        "front": [asdict(p) for p in front],
    }  # fmt: skip


def _amounts(cost: Cost) -> dict[str, float]:
    """Every resource by name, flip-flops too."""
    return CostRecord.of(cost).model_dump()


def _layer_json(layer: LayerPlan) -> dict[str, Any]:
    return {
        "built_as": layer.implementation, "pe": layer.pe, "simd": layer.simd, "samples": layer.samples,
        "memory": layer.memory, "line_buffer": layer.line_buffer, "clocks": layer.clocks, "cost": _amounts(layer.cost),
    }  # fmt: skip


def difference_table(old: tuple[Plan, Whole], new: tuple[Plan, Whole], *, wide: bool = False) -> RenderableType:
    """What the second plan costs beyond the first, layer by layer; layers built alike are counted only."""
    rows, alike = [], 0
    for name in dict.fromkeys([*old[0].layers, *new[0].layers]):
        before, after = old[0].layers.get(name), new[0].layers.get(name)
        if before == after:
            alike += 1
            continue
        change = " -> ".join(dict.fromkeys(_built(layer) for layer in (before, after)))
        clocks = (after.clocks if after else 0) - (before.clocks if before else 0)
        rows.append((name, change, *_signed(clocks, _cost(after) - _cost(before))))
    fifos = [whole.cost - plan.cost for plan, whole in (old, new)]
    sums = [
        ("FIFOs", "", *_signed(0, fifos[1] - fifos[0])),
        ("all", "", *_signed(new[1].interval - old[1].interval, new[1].cost - old[1].cost)),
    ]
    rates = [plan.board.clock_mhz * 1e6 / whole.interval for plan, whole in (old, new)]
    boards = dict.fromkeys(f"{plan.board.title} at {plan.board.clock_mhz:g} MHz" for plan, _ in (old, new))
    head = f"{rates[0]:,.0f} -> {rates[1]:,.0f} frames/s on {', then '.join(boards)}; {alike} layers are built alike"
    return Group(_line(head), _table(("layer", "PE x SIMD"), _HEAD, rows, sums, wide))


def difference_json(old: tuple[Plan, Whole], new: tuple[Plan, Whole]) -> dict[str, Any]:
    """Both plans' layers, costs and intervals."""
    return {key: _side(*pair) for key, pair in (("old", old), ("new", new))}


def _side(plan: Plan, whole: Whole) -> dict[str, Any]:
    layers: Mapping[str, Any] = {name: _layer_json(layer) for name, layer in plan.layers.items()}
    return {"board": plan.board.name, "interval": whole.interval, "cost": _amounts(whole.cost), "layers": layers}


def _cost(layer: LayerPlan | None) -> Cost:
    return Cost() if layer is None else layer.cost


def _built(layer: LayerPlan | None) -> str:
    return "none" if layer is None else _factors(layer)


def _factors(layer: LayerPlan) -> str:
    return "x".join(map(str, (layer.pe, layer.simd, *([layer.samples] if layer.samples > 1 else []))))


def _numbers(cost: Cost) -> tuple[str, ...]:
    return tuple(map(str, (cost.lut, cost.dsp, cost.bram36, cost.uram)))


def _signed(clocks: int, cost: Cost) -> tuple[str, ...]:
    return tuple(f"{n:+}" if n else "0" for n in (clocks, cost.lut, cost.dsp, cost.bram36, cost.uram))


def _line(text: str) -> Text:
    """A line that a terminal may wrap but we do not, so that logs can be searched."""
    return Text(text, no_wrap=True, overflow="ignore")
