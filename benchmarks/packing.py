"""What two products in a DSP48 bring: a network planned with a DSP for every product, and as the planner chooses.

    python benchmarks/packing.py MODEL [--board kv260] [--fps 30153] [--share 0.85 1] [--csim DIRECTORY]

Prints the fastest plan of each share and the cheapest of a target rate, either way: interval, frames/s, resources with
the FIFOs. With ``--csim`` the plan of the target rate (or else the fastest) is compiled there and 100 frames of it are
simulated. It needs the extra ``plan``.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from common import table

import isobit
from isobit.api.compile import target_board
from isobit.backends.dataflow.layer import LayerChoice
from isobit.backends.dataflow.optimal.search import Optimum, Search
from isobit.backends.dataflow.planner import PlanRequest, print_plan
from isobit.flow import import_source
from isobit.hardware import Board
from isobit.ir import Graph
from isobit.ir.ops import Linear
from isobit.passes import optimise

Found = dict[str, Optimum | None]


def single(graph: Graph) -> dict[str, LayerChoice]:
    """A DSP for every product, everywhere."""
    return {n.name: LayerChoice(multiplier="single") for n in graph.nodes if isinstance(n, Linear)}


def plans(graph: Graph, board: Board, shares: list[float], fps: float) -> tuple[list[list[str]], Optimum | None]:
    """The table's rows, and the plan with packed products of the last of them that there is."""
    asked = [(f"fastest in {share:.0%}", PlanRequest(share=share)) for share in shares]
    if fps:
        request = PlanRequest(share=1.0, interval=math.floor(board.clock_mhz * 10**6 / fps))
        asked.append((f"{fps:,.0f} frames/s", request))
    rows, last = [], None
    for what, request in asked:
        for way, layers in (("single", single(graph)), ("packed", {})):
            found = Search(graph, board, PlanRequest(request.share, request.interval, layers)).best()
            rows.append([what, way, *figures(found)])
            last = found if way == "packed" and found else last
    return rows, last


def figures(found: Optimum | None) -> list[str]:
    """Clocks, rate and resources of a plan's whole design."""
    if found is None:
        return ["does not fit", "", "", "", "", ""]
    c = found.whole.cost
    return [f"{found.whole.interval:,}", f"{found.frames_per_second:,.0f}", *map(str, (c.lut, c.dsp, c.bram36, c.uram))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--board", default="kv260")
    parser.add_argument("--fps", type=float, default=0)
    parser.add_argument("--share", type=float, nargs="*", default=[0.85, 1.0])
    parser.add_argument("--csim", type=Path)
    options = parser.parse_args()
    board = target_board(options.board, None)
    graph = optimise(import_source(options.model))
    rows, last = plans(graph, board, options.share, options.fps)
    print(table(["plan", "products", "clocks", "frames/s", "LUT", "DSP", "BRAM36", "URAM"], rows))
    if options.csim and last:
        options.csim.mkdir(parents=True, exist_ok=True)
        fixed = options.csim / "plan.toml"
        fixed.write_text(print_plan(last.plan), encoding="utf-8")
        build = isobit.compile(
            options.model, options.csim / "build", plan=fixed, board=options.board, max_util=1.0,
            target_ii=last.whole.interval,
        )  # fmt: skip
        print(f"compiled: {build.manifest.estimate}")
        print(isobit.csim(build, vectors=100))


if __name__ == "__main__":
    main()
