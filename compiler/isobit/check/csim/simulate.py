"""Running a compiled simulation on integer vectors, in a process of its own with a time limit."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from isobit.backends.dataflow.design import Port
from isobit.backends.dataflow.writer import raw_bytes
from isobit.build.folder import Build
from isobit.check.csim.toolchain import Binary
from isobit.errors import CheckFailed, IsobitError, printable
from isobit.ir.types import IntArray

_FAIL = re.compile(r"ISOBIT-FAIL kind=(\S+) ?(.*)")
_EXPLAINED = {
    "empty-read": "a process read from an empty stream",
    "leftover": "a stream still held words after the frame",
    "deadlock": "the processes wait for each other",
    "memory": "no memory for a process of the dataflow",
    "overflow": "a stream grew without bound",
    "lossy": "an assignment would lose bits",
    "index": "a table was read outside its bounds",
    "tlast": "the end of the batch was not marked",
    "file": "a file could not be read or written",
}


@dataclass(frozen=True, eq=False)
class Simulation:
    """Outputs ``(batch, *shape)`` of one run by output name, and its wall seconds."""

    outputs: Mapping[str, IntArray]
    seconds: float


def simulate(
    build: Build, binary: Binary, integers: Mapping[str, IntArray], folder: Path, timeout: float
) -> Simulation:
    """Stream ``integers`` (input name to ``(batch, *shape)``) through the top function.

    Raises:
        CheckFailed: E606 when it stops with a named failure, crashes, or runs longer than ``timeout`` seconds.
    """
    sent, received = (folder / f"{side}-{binary.flavour}" for side in ("inputs", "outputs"))
    for side in (sent, received):
        side.mkdir(exist_ok=True)
    frames = len(next(iter(integers.values())))
    for port in (p for p in build.ports if p.is_input):
        values = integers[port.node].reshape(frames, -1)
        (sent / f"{port.name}.bin").write_bytes(raw_bytes(values, port.dtype))
    started = time.monotonic()
    _run([str(binary.path), str(sent), str(received), "--store"], binary.flavour, timeout)
    seconds = time.monotonic() - started
    outputs = {p.node: _read(build, received / f"{p.name}.bin", p, frames) for p in build.ports if not p.is_input}
    return Simulation(outputs, seconds)


def read_taps(build: Build, folder: Path, frames: int) -> dict[str, IntArray]:
    """What a tapped run recorded: graph value name to ``(frames, *shape)``."""
    return {
        path.stem: np.fromfile(path, dtype="<i8").reshape(frames, *build.graph.types[path.stem].shape)
        for path in sorted((folder / "outputs-tapped").glob("*.tap"))
    }


def _read(build: Build, path: Path, port: Port, frames: int) -> IntArray:
    values = np.fromfile(path, dtype=port.dtype)
    if values.size != frames * port.frame:
        raise CheckFailed("E606", f"{values.size} output elements for {frames} frames of {port.frame}")
    return values.astype(np.int64).reshape(frames, *build.graph.types[port.node].shape)


def _run(command: list[str], flavour: str, timeout: float) -> None:
    try:
        done = subprocess.run(command, capture_output=True, timeout=timeout, stdin=subprocess.DEVNULL, check=False)
    except subprocess.TimeoutExpired as error:
        raise CheckFailed(
            "E606",
            f"it did not end within {timeout:g} s",
            where=f"{flavour} build",
            hint="fewer vectors (-n) or a longer --timeout",
        ) from error
    except OSError as error:
        raise IsobitError("E606", printable(error), where=f"{flavour} build") from error
    if done.returncode == 0:
        return
    match = _FAIL.search(done.stderr.decode(errors="replace"))
    if match:
        what = _EXPLAINED.get(match[1], match[1])
        raise CheckFailed("E606", f"{what} ({printable(match[2], 600)})", where=f"{flavour} build")
    raise CheckFailed("E606", f"it stopped with status {done.returncode}", where=f"{flavour} build")
