"""Where a plain hls4ml project leaves the exact integers of its source, layer by layer.

The source is evaluated in exact arithmetic; the project's own C++ says what every layer computes. A layer is found by
the name that hls4ml gave it, which is that of the node after qonnx's clean-up. Compared are the points where there are
integers: quantisers (their integers, or the nearest to their real values) and products (exact accumulators), in
whichever unit hls4ml keeps them. A quantiser without a layer of its own may be the type of the layer before it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from isobit.check.rivals.departure import Layer, differences, layouts
from isobit.check.rivals.hls4ml_run import Project, read_project, run_project
from isobit.check.rivals.source import PRODUCTS, QUANTISERS, Source, cleaned, samples_of
from isobit.check.source.exact.evaluate import evaluate_exact
from isobit.errors import IsobitError, printable

SAMPLES = 64


@dataclass(frozen=True)
class Departure:
    """Every layer that could be compared, in order.

    ``skipped`` are those without integers of their own; ``apart`` products that agree with the source nowhere, in no
    unit that it has: wrong throughout, or right in a unit of hls4ml's own.
    """

    layers: tuple[Layer, ...]
    skipped: tuple[str, ...]
    samples: int
    apart: tuple[str, ...] = ()

    @property
    def first(self) -> Layer | None:
        """The first that leaves the exact integers."""
        return next((layer for layer in self.layers if layer.different), None)


def check_hls4ml(folder: Path, model: Path, inputs: Any = None) -> Departure:
    """Compare a project of hls4ml's with the model that it was made of.

    Args:
        inputs: real samples ``(batch, *shape)`` in the model's layout; edge cases and random ones without.

    Raises:
        IsobitError: E619 when the folder is no such project, every refusal of the model; CheckFailed: E606 when the
            project's C++ does not compile or run.
    """
    project = read_project(folder)
    x = samples_of(model, inputs, SAMPLES)
    with tempfile.TemporaryDirectory(prefix="isobit-hls4ml-") as scratch:
        place = Path(scratch)
        graph = cleaned(model, place / "clean.onnx")
        exact = evaluate_exact(place / "clean.onnx", {graph.input[0].name: x}, taps=True)
        nodes = Source(graph, exact)
        best: Departure | None = None
        for number, order in enumerate(_orders(x)):
            taps = run_project(project, order, _made(place / f"run{number}"))
            found = _compared(project, nodes, taps, len(x))
            if best is None or _wrong_at_entry(found) < _wrong_at_entry(best):
                best = found
            if not _wrong_at_entry(best):
                break
    if best is None or not best.layers:
        raise IsobitError("E619", "no layer of it has the name of a node of the model", where=printable(folder))
    return best


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _orders(x: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """The samples as the model has them and, for images, channels last: hls4ml projects take either."""
    yield x.reshape(len(x), -1)
    if x.ndim > 2:
        yield np.moveaxis(x, 1, -1).reshape(len(x), -1)


def _wrong_at_entry(found: Departure) -> float:
    """The share of the first compared layer that differs."""
    return found.layers[0].different / found.layers[0].compared if found.layers else 1.0


def _compared(project: Project, source: Source, taps: list[NDArray[np.float64]], count: int) -> Departure:
    layers, skipped, apart = list[Layer](), list[str](), list[str]()
    nodes = [source.of_layer(name) for name in project.layers]
    named = {node.name for node in nodes if node is not None}
    for name, node, values in zip(project.layers, nodes, taps, strict=True):
        merged = source.quantiser_behind(node) if node is not None else None
        targets = [t for t in (node, merged) if t is not None and (t is node or t.name not in named)]
        found = [layer for layer in (_layer(name, target, source, values) for target in targets) if layer is not None]
        if not found:
            skipped.append(name)
            continue
        best = min(found, key=lambda layer: layer.different)
        if best.different == best.compared and source.by_name[best.node].op_type in PRODUCTS:
            apart.append(name)
        else:
            layers.append(best)
    return Departure(tuple(layers), tuple(skipped), count, tuple(apart))


def _layer(name: str, node: onnx.NodeProto, source: Source, values: NDArray[np.float64]) -> Layer | None:
    """The layer beside a node, in the unit and the order of elements that agree best; None without integers."""
    exact = source.exact.get(node.output[0])
    if exact is None or exact.num[0].size != values.shape[1]:
        return None
    found = []
    step = source.step(node)
    if step is not None and node.op_type in QUANTISERS:
        forms = ((Fraction(1), False), (1 / step, True))
        found = [differences(values, wanted, f, step, rounds) for wanted in layouts(exact) for f, rounds in forms]
    elif step is not None:
        units = (Fraction(1), step, *(s for s in map(source.scale, node.input[:2]) if s is not None))
        factors = sorted({unit / step for unit in units})
        found = [differences(values, w, f, step, rounds=False) for w in layouts(exact) for f in factors]
    if not found:
        return None
    different, worst, first = min(found, key=lambda f: f[0])
    return Layer(name, node.name, values.size, different, worst, first)
