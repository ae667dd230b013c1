"""What one bit for -1 and 1 brings: FINN's CNV with 1-bit weights and activations, planned with and without.

    python benchmarks/bipolar.py [MODEL] [--board pynq-z1] [--fps 2417] [--csim DIRECTORY]

Without MODEL it is Brevitas' `cnv_1w1a` with drawn weights. Prints the cheapest plan of the rate, FIFOs included, four
times: -1 and 1 as two bits everywhere, as bits in streams, as bits in weight memories, as bits in both. With ``--csim``
the last is compiled there and 20 frames of it are simulated. It needs the extra ``plan``.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

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
from isobit.passes import PIPELINE, optimise
from isobit.passes.binary import TwoValuesToBits

FINN = ["FINN, Vivado", "whole shell", "", "2,417", "20607", "", "98"]
"""What FINN publishes for its CNV w1a1 on a PYNQ-Z1: after Vivado, with DMA and interconnect."""


def drawn_cnv(name: str = "cnv_1w1a") -> Any:
    """Brevitas' CNV with the weights it begins with and BatchNorms that are no identities."""
    import torch
    from brevitas_examples.bnn_pynq.models import model_with_cfg

    torch.manual_seed(0)
    model, _ = model_with_cfg(name, pretrained=False)
    drawn = torch.Generator().manual_seed(1)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d | torch.nn.BatchNorm1d):
            module.running_mean.normal_(0, 2, generator=drawn)
            module.running_var.uniform_(4, 30, generator=drawn)
            module.weight.data.uniform_(0.5, 1.5, generator=drawn)
            module.bias.data.normal_(0, 0.3, generator=drawn)
    return model.eval()


def integers(graph: Graph) -> dict[str, LayerChoice]:
    """Weights as integers, everywhere."""
    return {n.name: LayerChoice(weights="integers") for n in graph.nodes if isinstance(n, Linear)}


def plans(imported: Graph, board: Board, fps: float) -> tuple[list[list[str]], Optimum | None]:
    """The table's rows, and the plan with bits in both."""
    plain = optimise(imported, tuple(p for p in PIPELINE if not isinstance(p, TwoValuesToBits)))
    bits, rows, found = optimise(imported), [], None
    for streams, graph in (("two bits", plain), ("a bit", bits)):
        for weights, layers in (("two bits", integers(graph)), ("a bit", {})):
            request = PlanRequest(share=1.0, interval=math.floor(board.clock_mhz * 10**6 / fps), layers=layers)
            found = Search(graph, board, request).best()
            rows.append([streams, weights, *figures(found)])
    return rows, found


def figures(found: Optimum | None) -> list[str]:
    """Clocks, rate and resources of a plan's whole design."""
    if found is None:
        return ["does not fit", "", "", "", ""]
    c = found.whole.cost
    return [f"{found.whole.interval:,}", f"{found.frames_per_second:,.0f}", *map(str, (c.lut, c.dsp, c.bram36))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, nargs="?")
    parser.add_argument("--board", default="pynq-z1")
    parser.add_argument("--fps", type=float, default=2417)
    parser.add_argument("--csim", type=Path)
    options = parser.parse_args()
    source, shape = (options.model, None) if options.model else (drawn_cnv(), (3, 32, 32))
    board = target_board(options.board, None)
    rows, last = plans(import_source(source, input_shape=shape), board, options.fps)
    print(table(["streams", "weights", "clocks", "frames/s", "LUT", "DSP", "BRAM36"], [*rows, FINN]))
    if options.csim and last:
        options.csim.mkdir(parents=True, exist_ok=True)
        fixed = options.csim / "plan.toml"
        fixed.write_text(print_plan(last.plan), encoding="utf-8")
        build = isobit.compile(
            source, options.csim / "build", plan=fixed, board=options.board, max_util=1.0, input_shape=shape,
            target_ii=last.whole.interval, target="both",
        )  # fmt: skip
        print(f"compiled: {build.manifest.estimate}")
        print(isobit.csim(build, vectors=20))


if __name__ == "__main__":
    main()
