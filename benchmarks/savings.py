"""What each way to save hardware is worth: the same networks at the same rate, planned without it and with it.

    python benchmarks/savings.py [MODEL[@BOARD[@CLOCKS]] ...] [--board pynq-z1] [--docs]

Every MODEL is a file, ``demo``, or a network of Brevitas' by its name, with drawn weights (``cnv_1w1a``, ``cnv_2w2a``).
CLOCKS are those of a frame in both states; without them, what the board's default plan takes. Boards are taken to have
no end, so that a state that would not fit has figures, too. FIFOs and converters are counted; nothing is timed, no
vendor tool is run. What is switched off, in every table:

frames         loops drain between frames: clocks are the longest of iterations + pipeline + 2
products       every product of two that share an operand has a DSP of its own (``multiplier = "single"``)
bits           -1 and 1 are two bits, in streams (no pass two-values-to-bits) and memories (``weights = "integers"``)
constants      layers that are additions multiply (``multiplier = "packed"``, or ``"single"`` where that cannot be)
steps          steps that follow each other are processes of their own (no pass compose-steps)
queues         words wait in front of a unit that makes them narrower, not behind it
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from common import ROOT, publish, table
from frames import RESTART
from hardware import model_file

from isobit.backends.dataflow import lower, size_fifos
from isobit.backends.dataflow.design import Design
from isobit.backends.dataflow.fifo_figures import between_cost, fifo_cost
from isobit.backends.dataflow.layer import LayerChoice
from isobit.backends.dataflow.network import Network
from isobit.backends.dataflow.planner import Plan, PlanRequest, plan_for
from isobit.backends.dataflow.whole import whole_design
from isobit.flow import import_source
from isobit.hardware import Board, Cost, load_board
from isobit.ir import Graph
from isobit.numerics.bipolar import Bipolar
from isobit.passes import PIPELINE, optimise
from isobit.passes.binary import TwoValuesToBits
from isobit.passes.rewrite import Pass
from isobit.passes.rules import ComposeSteps

PAGE = ROOT / "docs" / "savings.md"
HEAD = ("network", "", "clocks", "LUT", "DSP", "BRAM36", "FIFO bits", "processes", "converters")
Choices = Mapping[str, LayerChoice]


class Waiting(Network):
    """Words wait where they are made: nobody hands them on early because what it makes of them is narrower."""

    def passes_on(self, name: str) -> bool:
        """None does."""
        return False


@dataclass(frozen=True)
class State:
    """A network with its rate: the graph as imported, and the plan of it as it is now."""

    name: str
    imported: Graph
    board: Board
    interval: int
    plan: Plan

    @property
    def endless(self) -> Board:
        """The board, as large as it takes."""
        much = dict.fromkeys(("lut", "dsps", "bram36", "uram"), 10**7)
        return Board.model_validate(self.board.model_dump() | (much if self.board.uram else much | {"uram": 0}))

    def planned(self, without: type[Pass] | None = None, choices: Choices | None = None) -> tuple[Plan, Design]:
        """The plan of the rate without a pass, with these choices, and its design."""
        graph = optimise(self.imported, tuple(p for p in PIPELINE if without is None or not isinstance(p, without)))
        known = {name: choice for name, choice in (choices or {}).items() if name in graph.by_name}
        request = PlanRequest(share=1.0, interval=self.interval, layers=known)
        plan = plan_for(graph, self.endless, request, whole_design)
        return plan, size_fifos(lower(graph, plan))

    def chosen(self, choice: Callable[[str], LayerChoice | None]) -> Choices:
        """``choice`` of every layer of the plan that has one."""
        return {name: made for name in self.plan.layers if (made := choice(name)) is not None}


def figures(made: tuple[Plan, Design], clocks: int = 0) -> list[str]:
    """The columns of a plan and its design."""
    plan, design = made
    cost: Cost = plan.cost + between_cost(design) + fifo_cost(design, plan.board)
    converters = sum(p.template == "width_converter" for p in design.processes)
    return [
        f"{clocks or design.interval:,}", f"{cost.lut:,}", str(cost.dsp), str(cost.bram36),
        f"{sum(s.depth * s.bits for s in design.streams):,}", str(len(design.processes)), str(converters),
    ]  # fmt: skip


def frames(state: State) -> list[str]:
    """Loops that drain: the same design, slower."""
    made = state.planned()
    return figures(made, max(s.trip + s.latency + RESTART for s in Network(made[1]).schedules.values()))


def products(state: State) -> list[str]:
    """A DSP for every product."""
    layers = state.plan.layers
    packed = state.chosen(lambda name: LayerChoice(multiplier="single") if layers[name].packing else None)
    return figures(state.planned(choices=packed)) if packed else []


def bits(state: State) -> list[str]:
    """Two bits for -1 and 1, everywhere."""
    stored = [name for name, layer in state.plan.layers.items() if isinstance(layer.code, Bipolar)]
    if not stored:
        return []
    return figures(state.planned(TwoValuesToBits, {name: LayerChoice(weights="integers") for name in stored}))


def constants(state: State) -> list[str]:
    """Multipliers where additions are now."""
    layers = state.plan.layers

    def multiplied(name: str) -> LayerChoice | None:
        ways = [way.implementation for way in layers[name].multipliers]
        if ways[:1] != ["adders"]:
            return None
        return LayerChoice(multiplier="packed" if "packed" in ways else "single")

    added = state.chosen(multiplied)
    return figures(state.planned(choices=added)) if added else []


def steps(state: State) -> list[str]:
    """A process for every step."""
    return figures(state.planned(ComposeSteps))


def queues(state: State) -> list[str]:
    """The same plan with words that wait in front of requantizers."""
    plan, design = state.planned()
    return figures((plan, size_fifos(design, network=Waiting(design))))


TABLES: dict[str, Callable[[State], list[str]]] = {
    made.__name__: made for made in (frames, products, bits, constants, steps, queues)
}


def measured(model: str, scratch: Path, usual: str) -> State:
    """The network with the plan that all tables compare with."""
    name, board_name, clocks = [*model.split("@"), "", ""][:3]
    path, board = model_file(name, scratch), load_board(board_name or usual)
    imported = import_source(path)
    graph = optimise(imported)
    default = plan_for(graph, board, PlanRequest(interval=int(clocks or 0) or None), whole_design)
    title = f"{'demo' if name == 'demo' else path.parent.name if path.stem == 'model' else path.stem}, {board.name}"
    state = State(title, imported, board, whole_design(graph, default, PlanRequest()).interval, default)
    return replace(state, plan=state.planned()[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=["demo", "cnv_1w1a", "cnv_2w2a"])
    parser.add_argument("--board", default="pynq-z1")
    parser.add_argument("--docs", action="store_true", help="put the tables into docs/savings.md")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    rows: dict[str, list[list[str]]] = {name: [] for name in TABLES}
    with tempfile.TemporaryDirectory(prefix="isobit-savings-") as scratch:
        for model in options.models:
            state = measured(model, Path(scratch), options.board)
            now = figures(state.planned())
            for name, without in TABLES.items():
                before = without(state)
                same = not before or before == now
                rows[name] += [[state.name, "no change", *now]] if same else [
                    [state.name, "without", *before], [state.name, "with", *now]
                ]  # fmt: skip
    for name, found in rows.items():
        print(f"\n{name}:")
        publish(f"savings-{name}", table(HEAD, found), PAGE)


if __name__ == "__main__":
    main()
