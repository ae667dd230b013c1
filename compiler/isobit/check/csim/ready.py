"""Waiting for the compilers of simulations, and saying how far they are.

A compiler says nothing of how far it is, so that the time left of the first program is told by the size of its source
at an ordinary pace; of the others, by the first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from isobit.backends.base import Simulator
from isobit.backends.dataflow.writer import HLS
from isobit.build.folder import Build

_LEAST, _PER_KILOBYTE = 4.0, 0.25
"""Seconds of any program, and of each kilobyte of a project's top function, on two cores of a laptop."""


def made_ready(build: Build, simulators: Sequence[Simulator], progress: Callable[[str], None]) -> None:
    """Wait until all can run; where one cannot be made ready, all are stopped.

    Raises:
        IsobitError: E605.
    """
    count, began, usual = len(simulators), time.monotonic(), _seconds(build)
    names = " and ".join(one.flavour for one in simulators)
    pool = ThreadPoolExecutor(count)
    try:
        waiting: set[Future[object]] = {pool.submit(one.ready) for one in simulators}
        while waiting:
            left = usual - (time.monotonic() - began)
            said = f", about {left:.0f} s left" if left > 1 and len(waiting) == count else ""
            progress(f"compiling {names}: {count - len(waiting)} of {count} programs{said}")
            done, waiting = wait(waiting, timeout=1, return_when=FIRST_COMPLETED)
            for one in done:
                one.result()
    except BaseException:
        for simulator in simulators:
            simulator.stop()
        raise
    finally:
        pool.shutdown()


def _seconds(build: Build) -> float:
    """How long the compilers of a build's simulations usually take."""
    top = build.path / HLS / "top.cpp"
    return _LEAST + _PER_KILOBYTE * (top.stat().st_size / 1000 if top.is_file() else 0)
