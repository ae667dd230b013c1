"""What a back end is: from an integer graph to a project that a tool builds, and to a simulation of that project.

:func:`isobit.flow.compile_model` and :func:`isobit.check.csim.run.csim` know a back end by this protocol only. To add
one, write a class with these members and list it in :mod:`isobit.backends.registry`; ``tests/backends`` has the
smallest one there is. A plan says how fast, a design says what is built; neither can change an integer, for the
interpreter, with which every simulation is compared, sees the graph alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel, ConfigDict

from isobit.backends.ports import Count, Halves, Port
from isobit.errors import IsobitError, printable
from isobit.hardware import Board, Cost
from isobit.ir import Graph
from isobit.ir.types import IntArray

Progress = Callable[[str], None]
TAPPED, BOUNDED = "tapped", "bounded"
"""Simulations on request: one that records every layer, one in which streams hold no more than is planned."""


def silent(_: str) -> None:
    """Progress that nobody hears of."""


class Record(BaseModel):
    """A part of the manifest."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class CostRecord(Record):
    """A :class:`Cost` in the manifest."""

    lut: Count
    ff: Count
    dsp: Count
    bram36: Halves
    uram: Count

    @classmethod
    def of(cls, cost: Cost) -> CostRecord:
        """The record of ``cost``."""
        return CostRecord(lut=cost.lut, ff=cost.ff, dsp=cost.dsp, bram36=cost.bram36, uram=cost.uram)

    @property
    def cost(self) -> Cost:
        """What it is the record of."""
        return Cost(self.lut, self.dsp, int(2 * self.bram36), self.uram, self.ff)


class LayerRecord(Record):
    """How one node is built, as far as every back end can say: by what, in how many clocks a frame, at what cost."""

    implementation: str
    cycles: Count
    cost: CostRecord

    @property
    def factors(self) -> tuple[int, ...]:
        """The numbers that say how far it is unrolled; none where there is no such thing."""
        return ()

    @property
    def folding(self) -> str:
        """The same in words, for a reader."""
        return ""


class ProjectRecord(Record):
    """A back end's own part of the manifest; ``layers`` has the nodes that take hardware of their own, by name."""

    layers: Mapping[str, LayerRecord] = {}

    @property
    def lines(self) -> tuple[str, ...]:
        """What else a person should know of the project, below the table of layers."""
        return ()


@dataclass(frozen=True)
class Estimate:
    """What a design takes of its board, and clocks: from frame to frame, and from a frame's first word to its last."""

    cost: Cost
    interval: int
    latency: int


@dataclass(frozen=True, eq=False)
class Simulation:
    """One run: outputs ``(batch, *shape)`` by output name; wall seconds until it was ready, and that it took.

    ``taps`` has the values of the graph by name, where the simulation records them.
    """

    outputs: Mapping[str, IntArray]
    ready_seconds: float
    seconds: float
    taps: Mapping[str, IntArray]


class Simulator(Protocol):
    """A project that is being made ready to run, in the background where that takes time.

    What was compiled is kept in the build by :mod:`isobit.backends.kept`. :meth:`run` may be called by several threads
    at once.
    """

    @property
    def flavour(self) -> str:
        """Its name in the verdict."""

    @property
    def most_macs(self) -> int | None:
        """The multiply-accumulates that it can be asked for in reasonable time; None for as many as there are."""

    def run(self, integers: Mapping[str, IntArray], timeout: float) -> Simulation:
        """Stream ``integers`` (input name to ``(batch, *shape)``) through the project.

        Raises:
            CheckFailed: E606 when it stops with a named failure, crashes, or runs longer than ``timeout`` seconds.
            IsobitError: E605 when it cannot be made ready.
        """

    def ready(self) -> object:
        """Wait until it can run.

        Raises:
            IsobitError: E605 when it cannot be made ready.
        """

    def stop(self) -> None:
        """End whatever still runs in the background; nothing when nothing does."""


R = TypeVar("R")
P = TypeVar("P")
D = TypeVar("D")


class Backend(Protocol[R, P, D]):
    """A back end, with the types of its request (what a user asks of the plan), its plan and its design."""

    @property
    def name(self) -> str:
        """What ``isobit.compile(..., backend=)`` and the manifest call it."""

    @property
    def zero_borders(self) -> bool:
        """Whether borders of other integers than 0 cost it more, or are nothing that it has."""

    @property
    def needed(self) -> frozenset[str]:
        """Files that a build of it cannot be without, by path in the build's folder."""

    @property
    def record(self) -> type[ProjectRecord]:
        """The type of its part of the manifest: what :meth:`describe` returns, and what loading checks it by."""

    @property
    def on_request(self) -> frozenset[str]:
        """Which of :data:`TAPPED` and :data:`BOUNDED` it can simulate."""

    def request(self) -> R:
        """A request that leaves everything to the planner."""

    def plan(self, graph: Graph, board: Board, request: R, progress: Progress = silent) -> P:
        """How every node is built: how fast, by what, at what cost.

        Args:
            progress: is told of what may take long.

        Raises:
            DoesNotFit: E502 when nothing that is legal fits the board.
            IsobitError: E503 to E506, naming the layer, when what ``request`` asks for cannot be.
        """

    def multiplicands(self, graph: Graph, plan: P) -> Mapping[str, int]:
        """Bits of the widest multiplicand of every step that ``plan`` builds with one, by name."""

    def lower(self, graph: Graph, plan: P, request: R) -> D:
        """The design that ``plan`` describes, complete: nothing is decided after it.

        Raises:
            IsobitError: E504 for an operation or an arrangement that it has no hardware for.
        """

    def ports(self, design: D) -> tuple[Port, ...]:
        """The streams at the border: the graph's inputs, then its outputs, each in the graph's order."""

    def estimate(self, plan: P, design: D) -> Estimate:
        """What the whole design takes.

        Raises:
            DoesNotFit: E502 when it exceeds the board.
        """

    def describe(self, graph: Graph, plan: P, design: D) -> ProjectRecord:
        """Its part of the manifest."""

    def write(
        self, plan: P, design: D, title: str, vectors: Mapping[str, IntArray]
    ) -> Mapping[str, bytes]:  # fmt: skip
        """The project's files, by path in the build's folder: a function of the arguments alone.

        Args:
            title: what the user calls the model; from outside, so for comments only, and never unescaped.
            vectors: integers ``(batch, *shape)`` of every input and output, by name, for the project's own testbench.
        """

    def read(self, folder: Path, record: ProjectRecord) -> D:
        """The design as a build's folder holds it, checked.

        Raises:
            IsobitError: E608 when it is none, or contradicts itself or the ``record`` of the manifest.
        """

    def sources(self, files: Sequence[str]) -> tuple[str, ...]:
        """Which of a build's files a vendor's tool synthesises, in reading order; none where there are none."""

    def flavours(self, checked: bool) -> tuple[str, ...]:
        """The simulations that a verdict takes, the fastest last; ``checked`` asks for one that stops where a bit would
        be lost."""

    def simulator(
        self, folder: Path, graph: Graph, design: D, flavour: str, scratch: Path, compiler: str | None,
        macs: int | None = None,
    ) -> Simulator:  # fmt: skip
        """Begin to make the project in ``folder`` ready to run, in ``scratch``.

        Args:
            macs: the multiply-accumulates that it will simulate, where that is known: for few of them an optimising
                compiler takes longer than it saves.

        Raises:
            IsobitError: E604 without the compiler, E303 without what it includes, E509 for a flavour it does not have.
        """


@runtime_checkable
class ReadsPlans(Protocol):
    """A back end that takes a user's plan file (``--plan``) as a request."""

    def read_request(self, path: Path) -> Any:
        """What the file asks.

        Raises:
            IsobitError: E503 when it cannot be read or says something a plan cannot say.
        """


def refuse_flavour(backend: str, flavour: str) -> IsobitError:
    """The refusal of a simulation that a back end does not have."""
    return IsobitError("E509", f"{printable(backend)} has no {printable(flavour)} simulation")
