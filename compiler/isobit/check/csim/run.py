"""Simulation of a build: run its project in every flavour its back end has, compare every output with the interpreter.

A dataflow project is C++, compiled twice: faithful, with the open ap_types, which is what Vitis would simulate, and
native, with our integer shim, fast enough for whole test sets. Verdict 1 is project = graph, on the vectors that were
run; verdict 2, source = graph, is :mod:`isobit.check.source.compare`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from isobit.backends.base import TAPPED, Simulation, Simulator, refuse_flavour
from isobit.build.files import refuse_unwritable
from isobit.build.folder import Build
from isobit.check.csim.compare import Mismatch, count_differences, first_difference, locate
from isobit.check.csim.last import CSIM, recorded
from isobit.check.csim.parts import PART_MACS, in_parts
from isobit.check.csim.ready import made_ready
from isobit.check.csim.result import CsimResult, Run
from isobit.check.csim.samples import SampleForm, as_integers, read_samples
from isobit.check.csim.stimuli import vectors_for
from isobit.check.csim.vectors import Vectors, save_taps
from isobit.check.source.level import OrtLevel
from isobit.errors import IsobitError, printable
from isobit.interp import Evaluator
from isobit.interp.work import multiply_accumulates
from isobit.ir import Graph
from isobit.ir.types import IntArray

DEFAULT_VECTORS, DEFAULT_MACS = 10_000, 3_000_000_000
LEAST_VECTORS = 16
DEFAULT_TIMEOUT = 600.0


@recorded(CSIM)
def csim(
    build: Build,
    inputs: Vectors | Mapping[str, Vectors] | None = None,
    *,
    vectors: int | None = None,
    checked: bool = False,
    compiler: str | None = None,
    source: bool = True,
    ort_level: OrtLevel = "disabled",
    seed: int = 0,
    timeout: float = DEFAULT_TIMEOUT,
    taps: Path | None = None,
    samples: SampleForm | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> CsimResult:
    """Compile and run the generated C++ and compare it with the interpreter, and the graph with the source.

    Args:
        inputs: ``(batch, *source shape)``, floats (quantised here as the source does) or integers, one such array by
            source name where there are several inputs (:mod:`isobit.check.csim.samples` says what they mean);
            without them ``vectors`` edge-case and random samples are made from ``seed``.
        vectors: how many; left out, 10,000 or what a fixed budget of multiply-accumulates allows, at least 16.
        checked: use the checked native build, which stops at any assignment that would lose a bit.
        source: also compare the graph with the source model (exact arithmetic, and ONNX Runtime or qonnx).
        ort_level: the graph optimisation of the ONNX Runtime that outputs are compared with end to end.
        timeout: seconds for one simulation run.
        taps: an ``.npz`` file for every layer's integers of the first samples, as the C++ computed them.
        samples: what ``inputs`` holds: ``real`` values, the input's ``integers``, or those of the ``graph``'s layout.

    The verdict's counts are kept as ``csim.json`` in the build's folder.

    Raises:
        IsobitError: E601, E604, E605, E607; CheckFailed: E606 for a named failure of the simulation.
    """
    own = {} if inputs is None else own_samples(build.graph, inputs, samples)
    integers = input_integers(build, None, vectors, seed) if inputs is None else _quantised(build.graph, own)
    flavours, count = build.backend.flavours(checked), len(next(iter(integers.values())))
    if taps is not None:
        refuse_unwritable(taps)
    if taps is not None and TAPPED not in build.backend.on_request:
        raise refuse_flavour(build.backend.name, TAPPED)
    with tempfile.TemporaryDirectory(prefix="isobit-csim-") as scratch:
        with ExitStack() as running:
            simulators = []
            for flavour in flavours:
                simulators.append(simulator(build, flavour, Path(scratch), compiler, count))
                running.callback(simulators[-1].stop)
            expected = interpreted(build.graph, integers, progress)
            made_ready(build, simulators, progress)
            runs, mismatch = [], None
            for one in simulators:
                run, wrong = _compare(build, one, integers, expected, timeout, progress)
                runs.append(run)
                mismatch = mismatch or wrong
        tapped = partial(_tapped, build, Path(scratch), compiler, timeout)
        if mismatch is not None and TAPPED in build.backend.on_request:
            progress("locating the first wrong layer")
            frame = _part(integers, mismatch.sample, 1)
            wanted = Evaluator(build.graph).run(frame, taps=True)
            mismatch = locate(build.graph, wanted, tapped(frame), mismatch.sample) or mismatch
        if taps is not None:
            progress("tapping every layer")
            save_taps(taps, tapped(_part(integers, 0, LEAST_VECTORS)))
    verdict = None
    if source:
        from isobit.check.source.compare import check_source  # with the frontends: half a second to import

        verdict = check_source(build, integers, own, ort_level, progress)
    return CsimResult(tuple(runs), mismatch, verdict)


def interpreted(
    graph: Graph, integers: Mapping[str, IntArray], progress: Callable[[str], None] = lambda _: None
) -> dict[str, IntArray]:
    """Every output of the interpreter, in parts of about a second."""
    count, size = len(next(iter(integers.values()))), max(PART_MACS // max(multiply_accumulates(graph), 1), 1)
    evaluator, parts = Evaluator(graph), []
    for first in range(0, count, size):
        progress(f"running the interpreter: {first:,} of {count:,} vectors")
        parts.append(evaluator.run(_part(integers, first, size)))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def affordable(build: Build, macs: int) -> int:
    """How many samples ``macs`` multiply-accumulates allow, at least :data:`LEAST_VECTORS`."""
    return max(macs // max(multiply_accumulates(build.graph), 1), LEAST_VECTORS)


def input_integers(build: Build, inputs: Any, count: int | None, seed: int) -> dict[str, IntArray]:
    """The integers ``(batch, *shape)`` of every graph input; see :func:`csim` for the arguments.

    Raises:
        IsobitError: E607 when the inputs do not fit the model.
    """
    if inputs is None:
        wanted = min(DEFAULT_VECTORS, affordable(build, DEFAULT_MACS)) if count is None else max(count, 1)
        return vectors_for(build.graph, wanted, seed)
    return given_integers(build.graph, inputs)


def given_integers(graph: Graph, inputs: Any, samples: SampleForm | None = None) -> dict[str, IntArray]:
    """A user's arrays as integers ``(batch, *shape)`` of every graph input, quantised as the source does.

    Raises:
        IsobitError: E607 when the inputs do not fit the model.
    """
    return _quantised(graph, own_samples(graph, inputs, samples))


def own_samples(graph: Graph, inputs: Any, samples: SampleForm | None = None) -> dict[str, Vectors]:
    """A user's arrays by the source's input names, read by the one rule of :mod:`isobit.check.csim.samples`.

    Raises:
        IsobitError: E607 when the inputs do not fit the model.
    """
    given = _by_source_name(graph, inputs)
    return {node.outside: read_samples(node, given[node.outside], samples) for node in graph.inputs}


def _quantised(graph: Graph, own: Mapping[str, Vectors]) -> dict[str, IntArray]:
    vectors = {node.name: as_integers(node, own[node.outside]) for node in graph.inputs}
    if len({len(v) for v in vectors.values()}) != 1:
        raise IsobitError("E607", "the inputs hold different numbers of samples")
    return vectors


def _by_source_name(graph: Graph, inputs: Any) -> dict[str, Vectors]:
    """The user's arrays by the source's input names."""
    names = {node.outside for node in graph.inputs}
    given = dict(inputs) if isinstance(inputs, Mapping) else dict.fromkeys(names, inputs)
    if not names <= set(given) or (len(names) > 1 and not isinstance(inputs, Mapping)):
        shown, held = (", ".join(printable(n) for n in sorted(some)) for some in (names, given))
        found = f"; the file holds {held}" if isinstance(inputs, Mapping) else ""
        hint = "save them with numpy.savez, or name one array of a file: vectors.npz:x"
        raise IsobitError("E607", f"one array for each input is needed: {shown}{found}", hint=hint)
    return {name: np.asarray(given[name]) for name in names}


def _part(arrays: Mapping[str, IntArray], first: int, count: int) -> dict[str, IntArray]:
    return {name: array[first : first + count] for name, array in arrays.items()}


def simulator(
    build: Build, flavour: str, scratch: Path, compiler: str | None, vectors: int | None = None
) -> Simulator:  # fmt: skip
    """The build's project, being made ready to run on so many ``vectors``, where that is known."""
    build.refuse_without_cpp()
    elements = sum(kind.size for kind in build.graph.types.values())
    macs = None if vectors is None else vectors * (multiply_accumulates(build.graph) + elements)
    return build.backend.simulator(build.path, build.graph, build.design, flavour, scratch, compiler, macs)


def _compare(
    build: Build, one: Simulator, integers: Mapping[str, IntArray], expected: Mapping[str, IntArray], timeout: float,
    progress: Callable[[str], None],
) -> tuple[Run, Mismatch | None]:  # fmt: skip
    count = len(next(iter(integers.values())))
    if one.most_macs is not None:
        count = min(count, affordable(build, one.most_macs))
    done = in_parts(build.graph, one, _part(integers, 0, count), timeout, progress)
    return judged(one.flavour, _part(expected, 0, count), done)


def judged(flavour: str, expected: Mapping[str, IntArray], done: Simulation) -> tuple[Run, Mismatch | None]:
    """What one simulation run showed: its counts, and the first output element that differs."""
    wrong = sum(count_differences(expected[name], got) for name, got in done.outputs.items())
    outputs = sum(got.size for got in done.outputs.values())
    frames = len(next(iter(expected.values())))
    run = Run(flavour, frames, outputs, wrong, done.ready_seconds, done.seconds)
    found = (first_difference(name, expected[name], got) for name, got in done.outputs.items())
    return run, min((m for m in found if m), key=lambda m: m.sample, default=None)


def _tapped(
    build: Build, scratch: Path, compiler: str | None, timeout: float, integers: Mapping[str, IntArray]
) -> dict[str, IntArray]:
    """Every layer's integers for a few samples."""
    return dict(simulator(build, TAPPED, scratch, compiler).run(integers, timeout).taps)
