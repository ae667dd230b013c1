"""Verdict 2 for a file that isobit exported: other programs compute the graph's integers from its operators.

ONNX's reference evaluator and ONNX Runtime share no code with the compiler, nor with each other. There are no ties: the
file holds integers alone.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from isobit.build.folder import Build
from isobit.check.csim.samples import as_integers
from isobit.check.source.float.ort import PACKAGE, ort_version
from isobit.check.source.oracles import EndToEnd, OracleRun
from isobit.check.source.verdict import SourceVerdict, in_graph_layout
from isobit.errors import IsobitError
from isobit.interchange.border import outside, ports
from isobit.interchange.execute import run_ort, run_reference
from isobit.interp import Evaluator, dequantise
from isobit.ir.types import IntArray

SAMPLES, ELEMENTS = 256, 16_000_000


def check_exported(build: Build, integers: Mapping[str, IntArray]) -> SourceVerdict:
    """Compare the build's graph with its source; see :func:`isobit.check.source.compare.check_source`."""
    graph, data = build.reference, build.source.read_bytes()
    values = sum(graph.types[n.name].size for n in graph.nodes if n.inputs)
    count = min(max(ELEMENTS // values, 1), SAMPLES, len(next(iter(integers.values()))))
    part = {name: x[:count] for name, x in integers.items()}
    given, mine = outside(graph, part), outside(graph, Evaluator(graph).run(part))
    total, wrong, _ = _differences(mine, run_reference(data, given))
    version = ort_version()
    if not version:
        absent = OracleRun(PACKAGE, note=f"not installed (pip install {PACKAGE})")
        return SourceVerdict(total, wrong, 0, 0, (), (), form="exported", oracles=(absent,))
    _, differing, first = _differences(mine, run_ort(data, given))
    judge = OracleRun(PACKAGE, version, count, total, differing, unexplained=differing, first=first)
    ends = EndToEnd(str(judge), count, total, total - differing, 0, 0)
    return SourceVerdict(total, wrong, count, total, (), (), form="exported", oracles=(judge,), ends=ends)


def exported_outputs(build: Build, samples: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
    """Real outputs ``(batch, *outside_shape)`` by the source's names, of ONNX Runtime's integers.

    Args:
        samples: by the source's names, as :func:`isobit.check.csim.samples.read_samples` makes them.

    Raises:
        IsobitError: E303 when ONNX Runtime is not installed.
    """
    if not ort_version():
        raise IsobitError("E303", f"{PACKAGE}: not installed", hint=f"pip install {PACKAGE}")
    graph = build.graph
    integers = {node.name: as_integers(node, samples[node.outside]) for node in graph.inputs}
    found = run_ort(build.source.read_bytes(), outside(graph, integers))
    names, results = {port.node: port.name for port in ports(graph)}, {}
    for node in graph.outputs:
        laid = in_graph_layout(node, graph.types[node.name].shape, found[names[node.name]])
        real = dequantise(node, laid)
        results[node.outside] = real.reshape(len(real), *node.outside_shape)
    return results


def _differences(mine: Mapping[str, IntArray], theirs: Mapping[str, IntArray]) -> tuple[int, int, str]:
    """Integers compared, how many differ, and the first that does."""
    total, wrong, first = 0, 0, ""
    for name, x in mine.items():
        places = np.argwhere(x != theirs[name])
        total, wrong = total + x.size, wrong + len(places)
        if len(places) and not first:
            place = tuple(int(i) for i in places[0])
            first = f"output {name}{list(place)}: graph {x[place]}, source {theirs[name][place]}"
    return total, wrong, first
