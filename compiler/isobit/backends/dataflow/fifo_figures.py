"""The FIFOs of a design in numbers: what they take of a board for either goal, and how the plan file lists them."""

from __future__ import annotations

from isobit.backends.dataflow.catalogue import numbers
from isobit.backends.dataflow.catalogue.cost import fifo, width_converter
from isobit.backends.dataflow.catalogue.plumbing import fork, read_frame, write_frame
from isobit.backends.dataflow.design import Design, FifoGoal, Process, Stream
from isobit.backends.dataflow.planner import Plan, PlannedFifo
from isobit.backends.dataflow.planner.refusals import table
from isobit.errors import DoesNotFit
from isobit.hardware import Board, Cost, fifo_storage

GOALS: tuple[FifoGoal, ...] = ("throughput", "least")


def fifo_cost(design: Design, board: Board, depths: str = "depth") -> Cost:
    """What the FIFOs take; ``depths`` is the attribute of a stream to go by: ``depth`` or one of :data:`GOALS`."""
    values = sum((fifo(getattr(s, depths), s.bits, board) for s in design.streams), Cost())
    return values + fifo(design.flag_depth, 1, board).times(len(design.flags))


def between(process: Process) -> Cost | None:
    """What a process takes that is no layer's: a width converter, a fork, a port; None of a layer's."""
    c, bits = numbers(process), next((kind.bits for _, kind in process.types), 0)
    if process.template == "width_converter":
        return width_converter(c, bits)
    if process.template in ("fork", "fork_flag"):
        return fork()
    if process.template == "read_frame":
        return read_frame(c["FRAME"], c["LANES"])
    if process.template == "write_frame":
        return write_frame(c["FRAME"], c["LANES"], bits)
    return Cost() if process.template == "read_further_frame" else None


def between_cost(design: Design) -> Cost:
    """What lies between the layers besides FIFOs, and at the ports."""
    return sum((between(p) or Cost() for p in design.processes), Cost())


def total_cost(plan: Plan, design: Design) -> Cost:
    """Layers, FIFOs, and what lies between.

    Raises:
        DoesNotFit: E502 when they exceed the whole board.
    """
    total = plan.cost + fifo_cost(design, plan.board) + between_cost(design)
    if not total.fits(plan.board):
        excess = total.excess(plan.board)
        raise DoesNotFit(
            "E502", "\n".join([f"with its FIFOs the design is estimated at {excess} on {plan.board.title}",
                              *table(plan, total)]),
            hint="--fifos least, a smaller --max-util or a larger board",
        )  # fmt: skip
    return total


def planned_fifos(design: Design, board: Board) -> list[PlannedFifo]:
    """The FIFOs as the plan file lists them, in the order of the design."""
    writer = {s: p.name for p in design.processes for s in p.outputs}
    reader = {s: p.name for p in design.processes for s in p.inputs}
    return [_planned(s, board, f"{writer[s.name]} to {reader[s.name]}") for s in design.streams]


def _planned(s: Stream, board: Board, way: str) -> PlannedFifo:
    goals = f"throughput {s.throughput}, least {s.least}" if s.throughput != s.least else "either goal"
    place = fifo_storage(s.depth, s.bits, board)
    return PlannedFifo(s.name, s.depth, s.bits, f"{way}, {s.words} a frame, in {place} ({goals})")
