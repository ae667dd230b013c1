"""What the planner says when it cannot do what was asked: the layer or the resource, and what would help."""

from __future__ import annotations

from collections.abc import Iterable

from isobit.backends.dataflow.geometry import box, upsampling
from isobit.backends.dataflow.layer import LayerPlan
from isobit.backends.dataflow.planner.blocks import MAX_PORT_BITS, MAX_SAMPLES, MAX_WORD_BITS
from isobit.backends.dataflow.planner.foldings import foldings
from isobit.backends.dataflow.planner.plan import Plan
from isobit.backends.dataflow.rows import width_of
from isobit.errors import DoesNotFit, IsobitError, did_you_mean, middle_cut, printable
from isobit.hardware import Cost
from isobit.ir import Graph, Node
from isobit.ir.ops import Reindex

_ROWS, _LINE, _LEAST_NAME = 12, 80, 13


def too_slow(graph: Graph, node: Node, least: int, asked: int, fastest: Plan | None = None) -> IsobitError:
    """A layer whose fastest legal folding is slower than what was asked for; ``fastest`` is listed."""
    text = f"{node.name} takes at least {least} clocks per frame; {asked} were asked for"
    text = "\n".join([text, *(table(fastest, fastest.cost) if fastest else [])])
    return IsobitError("E503", text, where=node.name, hint=_remedy(graph, node))


def _remedy(graph: Graph, node: Node) -> str:
    """What would let a layer be faster than its fastest legal folding."""
    if isinstance(node, Reindex) and not upsampling(graph, node) and not box(graph, node):
        return "ask for a lower rate, or do without: what rearranges a frame (a transpose) takes all of it in first"
    made, most = width_of(graph.types[node.name].shape), max(f.samples for f in foldings(graph, node))
    if most < min(made, MAX_SAMPLES):
        read = width_of(graph.types[node.inputs[0]].shape)
        return (f"ask for a lower rate, or make widths that more samples per clock divide: it makes {made} positions "
                f"in a row from {read}, at most {most} at a time (in words of up to {MAX_WORD_BITS} bits)")  # fmt: skip
    return "ask for a lower rate, or give this layer fewer positions or more channels to unroll over"


def slow_port(graph: Graph, port: Node, words: int, asked: int, fastest: Plan) -> IsobitError:
    """A port whose widest words are not wide enough."""
    text = (f"its {graph.types[port.name].size} elements take {words} clocks in AXI words of at most {MAX_PORT_BITS} "
            f"bits; {asked} were asked for")  # fmt: skip
    hint = "ask for a lower rate, or use fewer or shorter elements"
    return IsobitError("E503", "\n".join([text, *table(fastest, fastest.cost)]), where=port.name, hint=hint)


def does_not_fit(plan: Plan, total: Cost, share: float) -> DoesNotFit:
    """A design that exceeds ``share`` of the board: each resource that does, and the largest layers."""
    over = [(name, used, limit) for name, used, limit in total.used(plan.board) if used > share * limit]
    parts = [f"{used} of {limit} {name}" for name, used, limit in over]
    if share < 1:
        parts = [f"{text}, of which a share of {share:.0%} is {int(share * row[2])}"
                 for text, row in zip(parts, over, strict=True)]  # fmt: skip
    what = f"the smallest design of {plan.clocks} clocks per frame is estimated at"
    text = f"{what} {'; '.join(parts)} on {plan.board.title}"
    hint = "use fewer bits or neurons, or a larger board (--board)"
    if share < 1:
        hint = "a lower rate, a larger --max-util or a larger board"
    if (total - plan.cost).weight > plan.cost.weight:
        hint = "--fifos least, " + hint
    return DoesNotFit("E502", "\n".join([text, *table(plan, total)]), hint=hint)


def no_such_fifo(name: str, streams: Iterable[str], plan: Plan) -> IsobitError:
    """A FIFO that a plan fixes and the design does not have."""
    text = f"{printable(name)!r} is no FIFO of this design"
    hint = f"remove that line, or all of [fifos]: what is left out is computed. {did_you_mean(name, streams)}"
    return IsobitError("E506", "\n".join([text, *table(plan, plan.cost)]), where=name, hint=hint.strip())


def table(plan: Plan, total: Cost) -> list[str]:
    """The layers with what each takes, the heaviest first, and what lies between them, in aligned columns of at most 80
    characters; a star marks the slowest."""
    slowest = max((layer.clocks for layer in plan.layers.values()), default=0)
    heavy = sorted(plan.layers.items(), key=lambda item: (-item[1].cost.weight, item[0]))
    rows: list[tuple[str, ...]] = [("layer", "built as", "PE x SIMD", "clocks", "LUT", "DSP", "BRAM36", "URAM")]
    for name, layer in heavy[:_ROWS]:
        clocks = f"{'*' if layer.clocks == slowest else ''}{layer.clocks}"
        rows.append((name, layer.implementation, _factors(layer), clocks, *_numbers(layer.cost)))
    if len(heavy) > _ROWS:
        rest = sum((layer.cost for _, layer in heavy[_ROWS:]), Cost())
        rows.append((f"{len(heavy) - _ROWS} more layers", "", "", "", *_numbers(rest)))
    rows.append(("FIFOs", "", "", "", *_numbers(total - plan.cost)))
    rows = rows if total.uram else [row[:-1] for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    widths[0] = min(widths[0], max(_LINE - 1 - sum(widths[1:]) - len(widths), _LEAST_NAME))
    return ["  " + " ".join(_aligned(row, widths)).rstrip() for row in rows]


def _aligned(row: tuple[str, ...], widths: list[int]) -> list[str]:
    names = [middle_cut(cell, width).ljust(width) for cell, width in zip(row[:2], widths, strict=False)]
    return names + [cell.rjust(width) for cell, width in zip(row[2:], widths[2:], strict=True)]


def _factors(layer: LayerPlan) -> str:
    return " x ".join(map(str, (layer.pe, layer.simd, *([layer.samples] if layer.samples > 1 else []))))


def _numbers(cost: Cost) -> tuple[str, str, str, str]:
    return str(cost.lut), str(cost.dsp), str(cost.bram36), str(cost.uram)
