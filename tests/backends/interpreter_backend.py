"""The smallest back end there is: it writes nothing but the graph and simulates by the interpreter.

Whoever adds a back end may begin from it: every member of :class:`isobit.backends.base.Backend` is here, and nothing
else is needed for ``isobit.compile``, ``isobit.load`` and ``isobit.csim`` to work.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from isobit.backends import registry
from isobit.backends.base import (
    TAPPED,
    Backend,
    Estimate,
    Progress,
    ProjectRecord,
    Simulation,
    Simulator,
    refuse_flavour,
    silent,
)
from isobit.backends.ports import IntType, Port
from isobit.hardware import Board, Cost
from isobit.interp import Evaluator
from isobit.ir import Graph, parse_graph
from isobit.ir.ops import Input
from isobit.ir.types import IntArray

NAME = "interpreter"


@dataclass(frozen=True)
class Request:
    """``wrong``: an output, and what is added to its first integer; there to be found."""

    wrong: tuple[str, int] | None = None


class InterpreterRecord(ProjectRecord):
    """``wrong`` as the request has it, ("", 0) without."""

    wrong: tuple[str, int]


@dataclass(frozen=True)
class InterpreterDesign:
    """The graph's border, and what is wrong on purpose."""

    ports: tuple[Port, ...]
    wrong: tuple[str, int]


class InterpreterSimulator:
    """Runs the graph."""

    most_macs = None

    def __init__(self, graph: Graph, design: InterpreterDesign, flavour: str) -> None:
        self.graph, self.design, self.flavour = graph, design, flavour

    def run(self, integers: Mapping[str, IntArray], timeout: float) -> Simulation:
        started = time.monotonic()
        values = Evaluator(self.graph).run(integers, taps=self.flavour == TAPPED)
        outputs = {node.name: values[node.name].copy() for node in self.graph.outputs}
        name, error = self.design.wrong
        if name:
            outputs[name].reshape(-1)[0] += error
        taps = {name: values[name] for name in values} if self.flavour == TAPPED else {}
        return Simulation(outputs, 0.0, time.monotonic() - started, taps)

    def ready(self) -> None:
        """It always is."""

    def stop(self) -> None:
        """Nothing runs in the background."""


class Interpreter:
    """See :class:`isobit.backends.base.Backend` for what each member is for."""

    name = NAME
    zero_borders: bool = False
    needed: frozenset[str] = frozenset()
    record: type[ProjectRecord] = InterpreterRecord
    on_request = frozenset({TAPPED})

    def request(self) -> Request:
        return Request()

    def plan(self, graph: Graph, board: Board, request: Request, progress: Progress = silent) -> Request:
        return request

    def multiplicands(self, graph: Graph, plan: Request) -> Mapping[str, int]:
        return {}

    def lower(self, graph: Graph, plan: Request, request: Request) -> InterpreterDesign:
        return InterpreterDesign(_ports(graph), plan.wrong or ("", 0))

    def ports(self, design: InterpreterDesign) -> tuple[Port, ...]:
        return design.ports

    def estimate(self, plan: Request, design: InterpreterDesign) -> Estimate:
        return Estimate(Cost(), 1, 1)

    def describe(self, graph: Graph, plan: Request, design: InterpreterDesign) -> ProjectRecord:
        return InterpreterRecord(wrong=design.wrong)

    def write(
        self, plan: Request, design: InterpreterDesign, title: str, vectors: Mapping[str, IntArray]
    ) -> Mapping[str, bytes]:
        return {}

    def read(self, folder: Path, record: ProjectRecord) -> InterpreterDesign:
        assert isinstance(record, InterpreterRecord)
        graph = parse_graph((folder / "graph.txt").read_text(encoding="utf-8"))
        return InterpreterDesign(_ports(graph), record.wrong)

    def sources(self, files: Sequence[str]) -> tuple[str, ...]:
        return ()

    def flavours(self, checked: bool) -> tuple[str, ...]:
        return ("interpreted",)

    def simulator(
        self,
        folder: Path,
        graph: Graph,
        design: InterpreterDesign,
        flavour: str,
        scratch: Path,
        compiler: str | None,
        macs: int | None = None,
    ) -> Simulator:
        if flavour not in ("interpreted", TAPPED):
            raise refuse_flavour(self.name, flavour)
        return InterpreterSimulator(graph, design, flavour)


def _ports(graph: Graph) -> tuple[Port, ...]:
    """One element a word, in 64 bits."""
    made = []
    for node in (*graph.inputs, *graph.outputs):
        kind, is_input = graph.types[node.name], isinstance(node, Input)
        elem = replace(IntType.of(*kind.bounds), bits=64)
        name = ("in_" if is_input else "out_") + node.name
        made.append(Port(name, node.name, node.outside, is_input, kind.size, 1, elem, 64))
    return tuple(made)


@contextmanager
def known() -> Iterator[Backend[Request, Request, InterpreterDesign]]:
    """The back end, while the block runs one of those that have a name."""
    backend: Backend[Request, Request, InterpreterDesign] = Interpreter()
    before = dict(registry._BACKENDS)
    registry.register(NAME, lambda: backend)
    try:
        yield backend
    finally:
        registry._BACKENDS.clear()
        registry._BACKENDS.update(before)
