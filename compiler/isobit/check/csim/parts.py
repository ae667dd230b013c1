"""A batch through a simulator in parts of about a second, as many at a time as there are processors."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed

import numpy as np

from isobit.backends.base import Simulation, Simulator
from isobit.interp.work import multiply_accumulates
from isobit.ir import Graph
from isobit.ir.types import IntArray
from isobit.subprocesses import processors

PART_MACS = 300_000_000
"""Multiply-accumulates of one part of a batch: about a second of one core."""
_SLOWER = 16
"""How much slower a simulator is that cannot be asked for any number of vectors."""


def in_parts(
    graph: Graph, one: Simulator, integers: Mapping[str, IntArray], timeout: float, progress: Callable[[str], None]
) -> Simulation:
    """Run a batch ``(batch, *shape)`` of every input; no frame knows of another.

    Args:
        one: a simulator that is ready.
        timeout: seconds for one part.

    Raises:
        IsobitError: what the simulator raises for the first part that fails; no further one is begun then.
    """
    count, cores, began = len(next(iter(integers.values()))), processors(), time.monotonic()
    macs = PART_MACS if one.most_macs is None else PART_MACS // _SLOWER
    size = min(-(-count // cores), max(macs // max(multiply_accumulates(graph), 1), 1))

    def run(first: int) -> tuple[int, Simulation]:
        return first, one.run({name: x[first : first + size] for name, x in integers.items()}, timeout)

    outputs: dict[str, IntArray] = {}
    ready = 0.0
    pool = ThreadPoolExecutor(cores)
    progress(f"running {one.flavour}: 0 of {count:,} vectors")
    try:
        running = [pool.submit(run, first) for first in range(0, count, size)]
        for done, future in enumerate(as_completed(running), start=1):
            first, made = future.result()
            ready = max(ready, made.ready_seconds)
            for name, x in made.outputs.items():
                outputs.setdefault(name, np.empty((count, *x.shape[1:]), x.dtype))[first : first + size] = x
            progress(f"running {one.flavour}: {min(done * size, count):,} of {count:,} vectors")
    finally:
        pool.shutdown(cancel_futures=True)
    return Simulation(outputs, ready, time.monotonic() - began, {})
