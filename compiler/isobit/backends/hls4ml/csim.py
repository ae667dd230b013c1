"""Running an hls4ml project: its top function and its kernels, as hls4ml wrote them, compiled with isobit's testbench.

``faithful`` is what Vitis would simulate, ``tapped`` the same program with hls4ml's own trace of every layer.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from isobit import templates
from isobit.backends.base import TAPPED, Simulation
from isobit.backends.hls4ml.design import Design
from isobit.backends.hls4ml.names import PROJECT, TESTBENCH, TOP
from isobit.backends.ports import Port
from isobit.backends.run import run_program
from isobit.backends.toolchain import Binary, Compilation, Unit, ap_types_folder, find_compiler
from isobit.errors import CheckFailed
from isobit.ir import Graph
from isobit.ir.types import IntArray

FAITHFUL_MACS = 100_000_000
FLAVOURS = ("faithful", TAPPED)


class Hls4mlSimulator:
    """The project, compiling since it was made.

    Args:
        folder: the build's folder.
        scratch: where the executable and the vectors go.
    """

    most_macs = FAITHFUL_MACS

    def __init__(
        self, folder: Path, graph: Graph, design: Design, flavour: str, scratch: Path, compiler: str | None
    ) -> None:  # fmt: skip
        self._graph, self._design, self._scratch, self.flavour = graph, design, scratch, flavour
        self._project = folder / PROJECT
        unit = simulation_unit(self._project)
        self._compilation = Compilation(unit, scratch, "faithful", find_compiler(compiler), folder)

    def run(self, integers: Mapping[str, IntArray], timeout: float) -> Simulation:
        """Send ``integers`` through the top function.

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
            for port in (p for p in self._design.ports if p.is_input):
                (sent / f"{port.name}.bin").write_bytes(port.raw(integers[port.node].reshape(frames, -1)))
            trace = ["--trace"] if self.flavour == TAPPED else []
            started = time.monotonic()
            # the weights are read from the project's own folder
            run_program([str(binary.path), str(sent), str(received), *trace], self.flavour, timeout,
                        self._project / "firmware")  # fmt: skip
            seconds = time.monotonic() - started
            outputs = {
                port.node: self._read(received / f"{port.name}.bin", port, frames)
                for port in self._design.ports if not port.is_input
            }  # fmt: skip
            return Simulation(outputs, binary.seconds, seconds, self._taps(received, frames) if trace else {})

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
        """Graph value name to ``(frames, *shape)``."""
        traced = [layer for layer in self._design.layers if layer.traced]
        return {
            layer.node: np.fromfile(folder / f"{layer.name}.tap", dtype="<i8").reshape(frames, *layer.shape)
            for layer in traced
        }

    def _read(self, path: Path, port: Port, frames: int) -> IntArray:
        values = np.fromfile(path, dtype=port.dtype)
        if values.size != frames * port.frame:
            raise CheckFailed("E606", f"{values.size} output elements for {frames} frames of {port.frame}")
        return values.astype(np.int64).reshape(frames, *self._graph.types[port.node].shape)


def simulation_unit(project: Path) -> Unit:
    """hls4ml's top function and isobit's testbench; isobit's streams, which stop where hardware would hang."""
    firmware, sim = project / "firmware", templates.root() / "sim" / "common"
    include = (firmware, sim, ap_types_folder())
    flags = (f"-I{firmware}", f"-I{sim}", f"-isystem{include[-1]}")
    return Unit(firmware / f"{TOP}.cpp", project / TESTBENCH, (project, *include[1:]), ("-Og",), flags)
