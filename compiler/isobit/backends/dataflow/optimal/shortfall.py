"""Why nothing that was asked for can be built: by how much, in which layer, and the smallest changes that help."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import ceil

from isobit.backends.dataflow.optimal.search import Search
from isobit.backends.dataflow.optimal.solver import Choice, Undecided, least_excess
from isobit.backends.dataflow.whole import whole_design
from isobit.errors import DoesNotFit, IsobitError
from isobit.hardware import board_names, load_board
from isobit.hardware.board import MOST_MHZ
from isobit.ir import Graph
from isobit.ir.ops import Const, Linear

RESOURCES = ("LUT", "DSP", "BRAM36", "URAM")
_BOARDS_TRIED = 4


def refusal(search: Search) -> IsobitError:
    """What to say where :meth:`Search.best` finds nothing."""
    asked = search.request.interval
    if asked is None:
        return _too_large(search, max(search.intervals()))
    name, least = search.fastest_unit()
    ports = search.port_clocks(max(asked, 1))
    if max(least, ports) <= asked:
        return _too_large(search, asked)
    where, clocks = (name, least) if least >= ports else ("a port", ports)
    text = (f"{where} takes at least {clocks:,} clocks per frame, {clocks / asked:.2f} times the {asked:,} that were "
            f"asked for")  # fmt: skip
    return IsobitError("E503", text, where=where, hint="; or ".join(_faster(search, clocks, asked)))


def latency_refusal(search: Search, shortest: int, most: int) -> IsobitError:
    """What to say where the fastest plan that fits, of a latency of ``shortest`` clocks, is not within ``most``."""
    if not shortest:
        return refusal(search)
    mhz = search.board.clock_mhz
    text = (f"the fastest plan that fits takes {shortest:,} clocks from a frame's first word to its last, "
            f"{shortest / max(most, 1):.2f} times the {most:,} that were asked for")  # fmt: skip
    changes = [f"--latency {shortest / mhz:.3f}us"]
    if (needed := mhz * shortest / max(most, 1)) <= MOST_MHZ:
        changes.append(f"--clock {needed:.0f}, if the design reaches it")
    changes.append("fewer layers one after the other")
    return IsobitError("E503", text, where=search.fastest_unit()[0], hint="; or ".join(changes))


def _faster(search: Search, clocks: int, asked: int) -> Iterator[str]:
    """The clock, or the rate, at which so many clocks are enough."""
    rate = search.board.clock_mhz * 1e6 / clocks
    yield f"at most {rate:,.0f} frames/s at {search.board.clock_mhz:g} MHz (--target-ii {clocks})"
    mhz = search.board.clock_mhz * clocks / asked
    if mhz <= MOST_MHZ:
        yield f"--clock {mhz:.0f}, if the design reaches it"


def _too_large(search: Search, clocks: int) -> IsobitError:
    """The resources that are missing at so many clocks per frame, and the layer that takes most of the scarcest."""
    try:
        found = least_excess(search.ways, clocks, search.limits)
    except Undecided:
        found = None
    if found is None:
        return DoesNotFit(
            "E502", "nothing that is fast enough was found in time", hint="a lower rate or a larger board"
        )
    choice, fill = found
    share = f"{search.request.share:.0%} of {search.board.title}"
    if fill <= 1:
        whole = whole_design(search.graph, search.plan(choice, search.most_words(clocks)), search.request)
        if whole.interval > clocks:
            text = f"the width converter {whole.slowest} takes {whole.interval:,} clocks per frame, not {clocks:,}"
            changes = "; or ".join(_faster(search, whole.interval, clocks))
            return IsobitError("E503", text, where=whole.slowest, hint=changes)
        text = f"the layers of a plan of {clocks:,} clocks per frame keep to {share}, with their FIFOs they do not"
        return DoesNotFit("E502", text, hint="--fifos least, " + "; or ".join(_changes(search, clocks)))
    used = [sum(w.amounts[k] for w in choice.ways.values()) for k in range(len(RESOURCES))]
    over = [
        f"{RESOURCES[k]} by a factor of {used[k] / limit:.2f} ({used[k]:,} of {limit:,})"
        if limit
        else f"{RESOURCES[k]}, of which there are none ({used[k]:,})"
        for k, limit in enumerate(search.limits)
        if used[k] > limit
    ]
    worst = max(range(len(RESOURCES)), key=lambda k: used[k] / limit if (limit := search.limits[k]) else 1 + used[k])
    name, amount = _heaviest(choice, worst)
    text = (f"a plan of {clocks:,} clocks per frame exceeds {share} in {', '.join(over)}; "
            f"{name} takes {amount:,} {RESOURCES[worst]} of them")  # fmt: skip
    return DoesNotFit("E502", text, where=name, hint="; or ".join(_changes(search, clocks, fill)))


def _heaviest(choice: Choice, resource: int) -> tuple[str, int]:
    amounts = {name: way.amounts[resource] for name, way in choice.ways.items()}
    name = max(amounts, key=lambda n: amounts[n])
    return name, amounts[name]


def _changes(search: Search, clocks: int, fill: float = 1.0) -> Iterator[str]:
    """The smallest single changes after which the design fits, whose layers exceed the share by the factor ``fill``."""
    if search.request.interval is not None and (fastest := search.fastest_interval()) is not None:
        found = search.first_from(max(fastest, clocks + 1))
        yield from _faster(search, found.whole.interval, clocks) if found else ()
    least = ceil(100 * search.request.share * fill)
    for percent in range(least, min(least + least // 4, 100) + 1, max(least // 16, 1)):  # FIFOs are a part of it
        share = percent / 100
        if share > search.request.share and _fits(_at_share(search, share), clocks):
            yield f"--max-util {share:.2f}"
            break
    if (bits := _fewer_bits(search, clocks)) is not None:
        yield f"weights of {bits} bit{'s' * (bits > 1)} fewer"
    if (board := _larger_board(search, clocks)) is not None:
        yield f"--board {board}"
    if search.request.interval is None:
        yield "fewer neurons"


def _fits(search: Search, clocks: int) -> bool:
    return search.at(clocks) is not None


def _at_share(search: Search, share: float) -> Search:
    return replace(search, request=replace(search.request, share=share))


def _fewer_bits(search: Search, clocks: int) -> int | None:
    """How many bits less of every weight would do; None where one bit each would not."""
    widest = max((search.graph.types[c.name].bits for c in _weights(search.graph)), default=1)
    for fewer in range(1, widest):
        if _fits(replace(search, graph=_narrowed(search.graph, fewer)), clocks):
            return fewer
    return None


def _weights(graph: Graph) -> list[Const]:
    named = {node.inputs[1] for node in graph.nodes if isinstance(node, Linear)}
    return [n for n in graph.nodes if isinstance(n, Const) and n.name in named]


def _narrowed(graph: Graph, fewer: int) -> Graph:
    """The graph with every weight halved so often, rounded down: another network, of the same shapes."""
    shorter = {c.name: replace(c, value=c.value >> fewer) for c in _weights(graph)}
    return Graph(tuple(shorter.get(n.name, n) for n in graph.nodes))


def _larger_board(search: Search, clocks: int) -> str | None:
    """The smallest board with more of everything that keeps the same rate inside the same share."""
    here = search.board
    larger = [
        b
        for b in map(load_board, board_names())
        if (b.lut, b.dsps) > (here.lut, here.dsps) and b.dsps >= here.dsps and b.bram36 >= here.bram36
    ]
    larger.sort(key=lambda b: (b.lut, b.dsps, b.name))
    for board in larger[:_BOARDS_TRIED]:
        most = int(clocks * board.clock_mhz / here.clock_mhz)
        if _fits(replace(search, board=board), most):
            return board.name
    return None
