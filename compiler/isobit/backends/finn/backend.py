"""The FINN back end behind the seam of :mod:`isobit.backends.base`: what it writes, and its simulation by qonnx."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from isobit.backends.base import (
    Backend,
    CostRecord,
    Estimate,
    LayerRecord,
    Progress,
    ProjectRecord,
    Simulation,
    Simulator,
    refuse_flavour,
    silent,
)
from isobit.backends.dataflow.backend import DATAFLOW
from isobit.backends.dataflow.planner import Plan, PlanRequest
from isobit.backends.finn.folding import FinnLayer, finn_layers, folding_file, specialisation_file
from isobit.backends.finn.graph import finn_model, shape_of
from isobit.backends.ports import CONTAINERS, IntType, Port, Positive
from isobit.errors import CheckFailed, IsobitError, printable
from isobit.hardware import Board, Cost
from isobit.ir import Graph, parse_graph
from isobit.ir.ops import Input, Output
from isobit.ir.types import IntArray
from isobit.templates import root

FOLDER = "finn"
NETWORK, TARGET, LAYERS = f"{FOLDER}/network.onnx", f"{FOLDER}/target.json", f"{FOLDER}/layers.json"
FLAVOUR = "qonnx"


class FinnLayerRecord(LayerRecord):
    """How a node is built: the FINN nodes of it, with their factors."""

    finn: dict[str, dict[str, Positive]]

    @property
    def factors(self) -> tuple[int, ...]:
        """PE and SIMD of the node that computes."""
        own = [name for name in self.finn if not name.startswith("DuplicateStreams")] or list(self.finn)
        return tuple(self.finn[own[-1]].values())

    @property
    def folding(self) -> str:
        """The factors by name."""
        return "; ".join(f"{n}: {', '.join(f'{k} {v}' for k, v in f.items())}" for n, f in self.finn.items())


class FinnRecord(ProjectRecord):
    """The layers by the graph's nodes."""

    layers: Mapping[str, FinnLayerRecord]

    @property
    def lines(self) -> tuple[str, ...]:
        """What the estimate is of, and what comes next."""
        return (
            "the estimate is isobit's, of its own design at this folding; FINN's: isobit finn check",
            "every requantizer is thresholds here, one comparison a level and channel",
        )


@dataclass(frozen=True, eq=False)
class FinnPlan:
    """The dataflow plan whose folding FINN is given, and the board."""

    plan: Plan
    board: Board


@dataclass(frozen=True, eq=False)
class FinnDesign:
    """The graph, the file that FINN reads, and its layers with their factors."""

    graph: Graph
    network: bytes
    layers: tuple[FinnLayer, ...]


class Finn:
    """See :class:`isobit.backends.base.Backend` for what each member is for."""

    name = "finn"
    zero_borders = True
    needed = frozenset({NETWORK, TARGET, LAYERS, f"{FOLDER}/folding.json", f"{FOLDER}/input.npy"})
    record: type[ProjectRecord] = FinnRecord
    on_request: frozenset[str] = frozenset()

    def request(self) -> PlanRequest:
        """That of the dataflow back end, whose plan is taken."""
        return DATAFLOW.request()

    def plan(self, graph: Graph, board: Board, request: PlanRequest, progress: Progress = silent) -> FinnPlan:
        """The dataflow plan."""
        finn_model(graph)  # refusals first: they name the layer in a moment
        return FinnPlan(DATAFLOW.plan(graph, board, request), board)

    def multiplicands(self, graph: Graph, plan: FinnPlan) -> Mapping[str, int]:
        """Thresholds have none."""
        return {}

    def lower(self, graph: Graph, plan: FinnPlan, request: PlanRequest) -> FinnDesign:
        """The file and the folding."""
        return _design(graph, plan.plan)

    def ports(self, design: FinnDesign) -> tuple[Port, ...]:
        """The graph's border, an element a word."""
        nodes: tuple[Input | Output, ...] = (*design.graph.inputs, *design.graph.outputs)
        return tuple(_port(design.graph, node.name, node.outside, isinstance(node, Input)) for node in nodes)

    def estimate(self, plan: FinnPlan, design: FinnDesign) -> Estimate:
        """Isobit's own, of its own layers at this folding; clocks by FINN's folding."""
        cycles = [layer.cycles for layer in design.layers]
        return Estimate(plan.plan.cost, max(cycles, default=1), sum(cycles))

    def describe(self, graph: Graph, plan: FinnPlan, design: FinnDesign) -> ProjectRecord:
        """Layers with the names that FINN gives them."""
        found = {}
        for name in dict.fromkeys(layer.node for layer in design.layers):
            own = [layer for layer in design.layers if layer.node == name]
            found[name] = FinnLayerRecord(
                implementation=_main(own).rsplit("_", 1)[0],
                cycles=max(layer.cycles for layer in own),
                cost=CostRecord.of(plan.plan.layers[name].cost if name in plan.plan.layers else Cost()),
                finn={layer.name: dict(layer.factors) for layer in own},
            )
        return FinnRecord(layers=found)

    def write(
        self, plan: FinnPlan, design: FinnDesign, title: str, vectors: Mapping[str, IntArray]
    ) -> Mapping[str, bytes]:
        """The file, its folding, golden data, and the scripts that take it through FINN."""
        graph, board = design.graph, plan.board
        (entry,) = graph.inputs
        target = {"name": board.name, "part": board.part, "clock_ns": 1000 / board.clock_mhz}
        layers = {layer.name: {k: v for k, v in asdict(layer).items() if k != "name"} for layer in design.layers}
        texts = {
            "folding.json": folding_file(design.layers), "specialize.json": specialisation_file(design.layers),
            "target.json": target, "layers.json": layers,
        }  # fmt: skip
        return {
            NETWORK: design.network,
            **{f"{FOLDER}/{name}": _json(content) for name, content in texts.items()},
            f"{FOLDER}/input.npy": _npy(vectors[entry.name], shape_of(graph.types[entry.name])),
            **{
                f"{FOLDER}/expected_{side}.npy": _npy(vectors[last.name], shape_of(graph.types[last.name]))
                for side, last in output_names(graph).items()
            },
            **{f"{FOLDER}/{name}": (root() / "finn" / name).read_bytes() for name in ("check.py", "build.py")},
        }

    def read(self, folder: Path, record: ProjectRecord) -> FinnDesign:
        """The graph's own file again, which must be the one that lies there; the factors of the record."""
        assert isinstance(record, FinnRecord)
        graph = parse_graph((folder / "graph.txt").read_text(encoding="utf-8"))
        network, _ = finn_model(graph)
        data = network.SerializeToString(deterministic=True)
        if (folder / NETWORK).read_bytes() != data:
            raise IsobitError("E608", f"{NETWORK} is not of graph.txt", where=printable(folder), hint="compile again")
        stored = json.loads((folder / LAYERS).read_text(encoding="utf-8"))
        factors = {name: own for layer in record.layers.values() for name, own in layer.finn.items()}
        if factors.keys() != stored.keys():
            raise IsobitError("E608", f"{LAYERS} is not of the manifest", where=printable(folder), hint="compile again")
        layers = (FinnLayer(n, s["node"], factors[n], s["sizes"], s["cycles"]) for n, s in stored.items())
        return FinnDesign(graph, data, tuple(layers))

    def sources(self, files: Sequence[str]) -> tuple[str, ...]:
        """None: FINN writes what is synthesised."""
        return ()

    def flavours(self, checked: bool) -> tuple[str, ...]:
        """FINN's file as qonnx executes it."""
        if checked:
            raise refuse_flavour(self.name, "checked")
        return (FLAVOUR,)

    def simulator(
        self,
        folder: Path,
        graph: Graph,
        design: FinnDesign,
        flavour: str,
        scratch: Path,
        compiler: str | None,
        macs: int | None = None,
    ) -> Simulator:
        """Ready at once."""
        if flavour != FLAVOUR:
            raise refuse_flavour(self.name, flavour)
        return QonnxSimulator(graph, design)


class QonnxSimulator:
    """qonnx's Python execution of the file, sample by sample."""

    most_macs = 1
    flavour = FLAVOUR

    def __init__(self, graph: Graph, design: FinnDesign) -> None:
        self.graph, self.design = graph, design

    def run(self, integers: Mapping[str, IntArray], timeout: float) -> Simulation:
        """See :class:`isobit.backends.base.Simulator`."""
        started = time.monotonic()
        (entry,), outputs = self.graph.inputs, self.graph.outputs
        shape = shape_of(self.graph.types[entry.name])
        execute, rows = _executor(self.design.network), dict[str, list[IntArray]]()
        for number, x in enumerate(integers[entry.name]):
            if time.monotonic() - started > timeout:
                raise CheckFailed("E606", f"qonnx ran longer than {timeout:g} s")
            try:
                found = execute({entry.name: x.reshape(shape).astype(np.float32)})
            except Exception as error:  # qonnx documents no exception types
                raise _not_executed(error) from error
            for last in outputs:
                y = found[last.inputs[0]].reshape(self.graph.types[last.name].shape)
                if not np.array_equal(y, np.rint(y)):  # neither is what is no number
                    what = f"sample {number}: qonnx gives {printable(y[y != np.rint(y)][0])}, no integer"
                    raise CheckFailed("E606", what, where=printable(last.outside or last.name))
                rows.setdefault(last.name, []).append(y.astype(np.int64))
        done = {name: np.stack(values) for name, values in rows.items()}
        return Simulation(done, 0.0, time.monotonic() - started, {})

    def ready(self) -> None:
        """It always is."""

    def stop(self) -> None:
        """Nothing runs in the background."""


def output_names(graph: Graph) -> dict[str, Output]:
    """The outputs by the names that they have in the project's files: ``output``, ``output_1`` and so on."""
    return {f"output_{i}" if i else "output": last for i, last in enumerate(graph.outputs)}


def _executor(network: bytes) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """qonnx's execution of a file, one sample at a time.

    Raises:
        IsobitError: E303 without qonnx; CheckFailed: E606 where it does not take the file.
    """
    try:
        from qonnx.core.modelwrapper import ModelWrapper  # type: ignore[import-untyped, unused-ignore]
        from qonnx.core.onnx_exec import execute_onnx  # type: ignore[import-untyped, unused-ignore]
    except ImportError as error:
        raise IsobitError("E303", printable(error), hint="pip install qonnx") from error
    try:
        model = ModelWrapper(onnx.load_model_from_string(network))
    except Exception as error:  # nor here
        raise _not_executed(error) from error
    return partial(execute_onnx, model)


def _not_executed(error: Exception) -> CheckFailed:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return CheckFailed("E606", f"qonnx does not execute the file: {printable(lines[0], 300)}", where=NETWORK)


def _design(graph: Graph, plan: Plan) -> FinnDesign:
    network, made_of = finn_model(graph)
    return FinnDesign(graph, network.SerializeToString(deterministic=True), finn_layers(graph, plan, made_of))


def _main(layers: Sequence[FinnLayer]) -> str:
    """The node that computes, of those that a node of the graph takes: the last but forks."""
    return [layer.name for layer in layers if not layer.name.startswith("DuplicateStreams") or len(layers) == 1][-1]


def _port(graph: Graph, node: str, outside: str, is_input: bool) -> Port:
    kind = graph.types[node]
    elem = IntType.of(*kind.bounds)
    bits = next(b for b in CONTAINERS if b >= elem.bits)
    return Port(("in_" if is_input else "out_") + node, node, outside, is_input, kind.size, 1, elem, bits)


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=1) + "\n").encode()


def _npy(values: IntArray, shape: tuple[int, ...]) -> bytes:
    target = io.BytesIO()
    np.save(target, values.reshape(len(values), *shape[1:]).astype(np.float32))
    return target.getvalue()


FINN: Backend[PlanRequest, FinnPlan, FinnDesign] = Finn()
