"""What accumulators and activations held on sample vectors, and weights hold, against their intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from isobit.build.folder import Build
from isobit.check.csim.run import affordable, input_integers
from isobit.interp import Evaluator
from isobit.ir.ops import Add, Const, Input, Linear, Step, Table
from isobit.ir.types import IntArray
from isobit.numerics.intervals import widened

BINS = 64
SAMPLES, ELEMENTS, MACS = 256, 20_000_000, 500_000_000
_CHUNK_ELEMENTS = 4_000_000


@dataclass(frozen=True)
class Histogram:
    """A layer's values: ``counts[i]`` of them lie in ``lo + i * width .. lo + (i + 1) * width - 1``.

    ``lo .. hi`` is the inferred interval, of weights that of their width; ``least .. greatest`` what was reached.
    """

    layer: str
    lo: int
    hi: int
    least: int
    greatest: int
    width: int
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Histograms:
    """Of every multiply-accumulate and join, of every input, step and table, and of the weights of every layer."""

    accumulators: tuple[Histogram, ...]
    activations: tuple[Histogram, ...]
    weights: tuple[Histogram, ...]


def histograms(build: Build, inputs: Any = None) -> Histograms:
    """One histogram of every layer's values, over all channels and positions.

    Args:
        inputs: the user's samples as :func:`isobit.check.csim.run.csim` takes them; without them corners and random
            vectors, as many (at most :data:`SAMPLES`) as a fixed budget of work allows.
    """
    sums = [n.name for n in build.graph.nodes if isinstance(n, Linear | Add)]
    levels = [n.name for n in build.graph.nodes if isinstance(n, Input | Step | Table)]
    size = sum(build.graph.types[n.name].size for n in build.graph.nodes if n.op != "const")
    count = min(SAMPLES, affordable(build, MACS), max(ELEMENTS // size, 1))
    integers = input_integers(build, inputs, count, seed=0)
    found = {name: _Counter(*build.graph.types[name].bounds) for name in (*sums, *levels)}
    for values in _tapped(build, integers, max(_CHUNK_ELEMENTS // size, 1)):
        for name, counter in found.items():
            counter.add(values[name])
    made = {name: counter.histogram(name) for name, counter in found.items()}
    return Histograms(tuple(made[n] for n in sums), tuple(made[n] for n in levels), _weights(build))


def _weights(build: Build) -> tuple[Histogram, ...]:
    """The constant weights of every layer, over the interval of their width."""
    found = []
    for node in build.graph.nodes:
        weights = build.graph.by_name[node.inputs[1]] if isinstance(node, Linear) else None
        if isinstance(weights, Const):
            kind = build.graph.types[weights.name]
            signed = kind.bounds[0] < 0
            counter = _Counter(-signed << kind.bits - 1, (1 << kind.bits - signed) - 1)
            counter.add(weights.value)
            found.append(counter.histogram(node.name))
    return tuple(found)


def _tapped(build: Build, integers: Mapping[str, IntArray], chunk: int) -> Iterator[dict[str, IntArray]]:
    evaluator = Evaluator(build.graph)
    for first in range(0, len(next(iter(integers.values()))), chunk):
        yield evaluator.run({name: a[first : first + chunk] for name, a in integers.items()}, taps=True)


class _Counter:
    """Counts of values in equal bins of whole integers over ``lo .. hi``."""

    def __init__(self, lo: int, hi: int) -> None:
        self._lo, self._hi = lo, hi
        self._width = -(-(hi - lo + 1) // BINS)
        self._counts = np.zeros(-(-(hi - lo + 1) // self._width), np.int64)
        self._least, self._greatest = hi, lo

    def add(self, values: IntArray) -> None:
        bins = ((widened(values, self._hi - self._lo) - self._lo) // self._width).astype(np.int64)
        self._counts += np.bincount(bins.reshape(-1), minlength=len(self._counts))
        self._least = min(self._least, int(values.min()))
        self._greatest = max(self._greatest, int(values.max()))

    def histogram(self, layer: str) -> Histogram:
        counts = tuple(int(c) for c in self._counts)
        return Histogram(layer, self._lo, self._hi, self._least, self._greatest, self._width, counts)
