"""Where a plain hls4ml project leaves the exact integers of its source, layer by layer.

The source is evaluated in exact arithmetic; the project's own C++ says what every layer computes. A layer is found by
the name that hls4ml gave it, which is that of the node after what qonnx did to prepare the model. Compared are the
points where there are integers: quantisers, what moves their values, and products (exact accumulators), in whichever
unit hls4ml keeps them; where that is no integer, the nearest one counts. A quantiser without a layer of its own
may be the type of the layer before it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from isobit.check.rivals.departure import Layer, differences, layouts
from isobit.check.rivals.hls4ml_run import Project, compile_project, read_project, run_project
from isobit.check.rivals.source import PRODUCTS, QUANTISERS, Source, cleaned, names_as_prepared, samples_of
from isobit.check.source.exact.evaluate import evaluate_exact
from isobit.errors import IsobitError, printable
from isobit.frontend.qonnx.input_type import InputType

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


def check_hls4ml(folder: Path, model: Path, inputs: Any = None, input_type: InputType | None = None) -> Departure:
    """Compare a project of hls4ml's with the model that it was made of.

    Args:
        inputs: real samples ``(batch, *shape)`` in the model's layout; edge cases and random ones without.
        input_type: of an input that has no quantiser.

    Raises:
        IsobitError: E619 when the folder is no such project or one of another model, every refusal of the model;
            CheckFailed: E606 when the project's C++ does not compile or run.
    """
    project = read_project(folder)
    x = samples_of(model, inputs, SAMPLES, input_type)
    with tempfile.TemporaryDirectory(prefix="isobit-hls4ml-") as scratch:
        place = Path(scratch)
        graph = cleaned(model, place / "clean.onnx")
        exact = evaluate_exact(place / "clean.onnx", {graph.input[0].name: x}, taps=True)
        source, prepared = Source(graph, exact, input_type), list(names_as_prepared(place / "clean.onnx"))
        names = [one for number, one in enumerate(prepared) if one not in prepared[:number]]
        compile_project(project, x[0].size, place)
        best: Departure | None = None
        for order in _orders(x):
            taps = run_project(project, order, place)
            for found in (_compared(project, source, taps, named) for named in names):
                if best is None or _fit(found) > _fit(best):
                    best = found
            if best is not None and best.layers and not best.layers[0].different:
                break
    if best is None or not best.layers:
        raise IsobitError("E619", "no layer of it has the name of a node of the model", where=printable(folder))
    return best


def _orders(x: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """The samples as the model has them and, for images, channels last: hls4ml projects take either."""
    yield x.reshape(len(x), -1)
    if x.ndim > 2:
        yield np.moveaxis(x, 1, -1).reshape(len(x), -1)


def _fit(found: Departure) -> tuple[float, int, float]:
    """How much speaks for a reading of the project: its entry, layers that could be compared, integers that agree."""
    compared = sum(layer.compared for layer in found.layers)
    agree = sum(layer.compared - layer.different for layer in found.layers)
    entry = 1 - found.layers[0].different / found.layers[0].compared if found.layers else 0.0
    return entry, sum(layer.worst < inf for layer in found.layers), agree / max(compared, 1)


def _compared(
    project: Project, source: Source, taps: list[NDArray[np.float64]], names: Mapping[str, str]
) -> Departure:  # fmt: skip
    layers, skipped, apart = list[Layer](), list[str](), list[str]()
    nodes = [source.of_layer(name, names) for name in project.layers]
    named = {node.name for node in nodes if node is not None}
    for name, node, values in zip(project.layers, nodes, taps, strict=True):
        merged = source.quantiser_behind(node, named) if node is not None else None
        targets = [t for t in (node, merged) if t is not None and (t is node or t.name not in named)]
        found = [layer for layer in (_layer(name, target, source, values) for target in targets) if layer is not None]
        if not found:
            other = next((layer for t in targets if (layer := _misshapen(name, t, source, values)) is not None), None)
            if other is None:
                skipped.append(name)
            else:
                layers.append(other)
            continue
        best = min(found, key=lambda layer: layer.different)
        if best.different == best.compared and source.by_name[best.node].op_type in PRODUCTS:
            apart.append(name)
        else:
            layers.append(best)
    return Departure(tuple(layers), tuple(skipped), len(taps[0]), tuple(apart))


def _misshapen(name: str, node: onnx.NodeProto, source: Source, values: NDArray[np.float64]) -> Layer | None:
    """A layer of more or fewer elements than the product or quantiser that it is of: wrong altogether."""
    exact = source.exact.get(node.output[0])
    if exact is None or node.op_type not in (*PRODUCTS, *QUANTISERS) or exact.num[0].size == values.shape[1]:
        return None
    said = f"{values.shape[1]:,} elements a sample, exactly {exact.num[0].size:,}"
    return Layer(name, node.name, values.size, values.size, inf, said)


def _layer(name: str, node: onnx.NodeProto, source: Source, values: NDArray[np.float64]) -> Layer | None:
    """The layer beside a node, in the unit and the order of elements that agree best; None without integers."""
    known = source.integers(node)
    if known is None or known[0].num[0].size != values.shape[1]:
        return None
    exact, step = known
    units = {Fraction(1), step, *(u for u in map(source.unit, node.input[:2]) if u is not None)}
    factors = sorted(unit / step for unit in (units if node.op_type in PRODUCTS else (Fraction(1), step)))
    found = [differences(values, wanted, f, step, rounds=f != 1) for wanted in layouts(exact) for f in factors]
    different, worst, first = min(found, key=lambda f: f[0])
    return Layer(name, node.name, values.size, different, worst, first)
