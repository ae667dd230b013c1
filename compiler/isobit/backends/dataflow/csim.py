"""C simulation of a dataflow project: its C++ compiled, and run on integers in a process with a time limit.

The ``faithful`` flavour uses the open ap_types and is what Vitis would simulate; ``native`` and ``checked`` use our
integer shim, fast enough for whole test sets; ``tapped`` records every layer; in ``bounded`` the processes run side by
side with the planned FIFO depths.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from isobit.backends.base import Simulation
from isobit.backends.dataflow.rows import without_slack
from isobit.backends.dataflow.writer import HLS
from isobit.backends.ports import Port
from isobit.backends.run import run_program
from isobit.backends.toolchain import Binary, Compilation, Flavour, find_compiler
from isobit.errors import CheckFailed
from isobit.ir import Graph
from isobit.ir.types import IntArray

FAITHFUL_MACS = 200_000_000
FLAVOURS: tuple[Flavour, ...] = ("faithful", "native", "checked", "tapped", "bounded")


class CppSimulator:
    """The generated C++ in one flavour: compiling since it was made.

    Args:
        folder: the build's folder.
        scratch: where the executable and the vectors go.
        macs: the multiply-accumulates that it will simulate, where that is known.
    """

    def __init__(
        self, folder: Path, graph: Graph, ports: Sequence[Port], flavour: Flavour, scratch: Path, compiler: str | None,
        macs: int | None = None,
    ) -> None:  # fmt: skip
        self._graph, self._ports, self._scratch = graph, ports, scratch
        self._compilation = Compilation(folder / HLS, scratch, flavour, find_compiler(compiler), folder, macs)

    @property
    def flavour(self) -> str:
        """Which integers and streams it is compiled with."""
        return self._compilation.flavour

    @property
    def most_macs(self) -> int | None:
        """The open ap_types are slow; our own integers are not."""
        return FAITHFUL_MACS if self.flavour == "faithful" else None

    def run(self, integers: Mapping[str, IntArray], timeout: float) -> Simulation:
        """Stream ``integers`` (input name to ``(batch, *shape)``) through the top function.

        Raises:
            CheckFailed: E606 when it stops with a named failure, crashes, or runs longer than ``timeout`` seconds.
            IsobitError: E605 when it does not compile.
        """
        binary = self.ready()
        frames = len(next(iter(integers.values())))
        with tempfile.TemporaryDirectory(prefix=f"{self.flavour}-", dir=self._scratch) as place:
            sent, received = (Path(place) / side for side in ("inputs", "outputs"))
            for side in (sent, received):
                side.mkdir()
            for port in (p for p in self._ports if p.is_input):
                (sent / f"{port.name}.bin").write_bytes(port.raw(integers[port.node].reshape(frames, -1)))
            started = time.monotonic()
            run_program([str(binary.path), str(sent), str(received), "--store"], self.flavour, timeout)
            seconds = time.monotonic() - started
            outputs = {p.node: self._read(received / f"{p.name}.bin", p, frames) for p in self._ports if not p.is_input}
            return Simulation(outputs, binary.seconds, seconds, self._taps(received, frames))

    def ready(self) -> Binary:
        """Wait for the compiler.

        Raises:
            IsobitError: E605 when it does not compile.
        """
        return self._compilation.result()

    def stop(self) -> None:
        """End the compiler if it is still running."""
        self._compilation.stop()

    def _taps(self, folder: Path, frames: int) -> dict[str, IntArray]:
        """What a tapped run recorded: graph value name to ``(frames, *shape)``."""
        return {
            path.stem: without_slack(np.fromfile(path, dtype="<i8"), self._graph.types[path.stem], frames)
            for path in sorted(folder.glob("*.tap"))
        }

    def _read(self, path: Path, port: Port, frames: int) -> IntArray:
        values = np.fromfile(path, dtype=port.dtype)
        if values.size != frames * port.words * port.lanes:
            raise CheckFailed("E606", f"{values.size} output elements for {frames} frames of {port.frame}")
        return port.elements(values).reshape(frames, *self._graph.types[port.node].shape)
