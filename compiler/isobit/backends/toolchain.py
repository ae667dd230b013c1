"""Finding a C++ compiler and the open ap_types, and compiling a project's sources for simulation."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from isobit import templates
from isobit.backends.constants import AS_DATA, as_data
from isobit.backends.kept import Kept, key_of
from isobit.backends.precompiled import Precompiled
from isobit.errors import IsobitError, printable
from isobit.subprocesses import begun, demand_room, ended, memory_bound, ran_out_of_memory

Flavour = Literal["faithful", "native", "checked", "tapped", "bounded"]
_VECTORS = (
    "-ftree-vectorize", "-fvect-cost-model=dynamic", "-fstrict-aliasing", "-ftree-vrp", "-fpeel-loops", "-ftree-pre",
)  # fmt: skip
_FEWER = ("-fno-tree-dominator-opts", "-fno-tree-dse", "-fno-dse", "-fno-tree-pta", "-fno-tree-slp-vectorize")
_INTEGERS = ("-D__AP_FIXED_H__",)  # ap_int.h would read ap_fixed.h, whose operators are candidates for every integer's
# Most of a simulation's time is the compiler's, so each flavour takes the optimisation that is cheapest for what it
# does: little of it for ap_int, whose loops gain a third at most; for our own integers the vector loops of -O3 and
# little else, and all of -O2 where it runs for long. Nothing is thrown, nothing asks for an object's type.
_FLAGS: dict[Flavour, tuple[str, ...]] = {
    "faithful": ("-O1", *_FEWER, *_INTEGERS),
    "native": ("-O2", *_VECTORS, "-march=native", "-DNDEBUG"),
    "checked": ("-O2", "-DISOBIT_CHECKED"),
    "tapped": ("-Og", *_INTEGERS, "-DISOBIT_TAPS"),
    "bounded": ("-O1", "-DISOBIT_BOUNDED", "-U_FORTIFY_SOURCE"),
}
QUICK_MACS, QUICK_AGAIN_MACS = 100_000_000, 400_000_000
SOME_MACS, SOME_AGAIN_MACS = 2_000_000_000, 10_000_000_000
FAITHFUL_QUICK_MACS = 150_000_000
# For a few vectors the optimisation costs more than it saves: the flags of less, the least first, each with the
# multiply-accumulates up to which a program is compiled so, and up to which such a one is run again.
_SOONER: dict[Flavour, tuple[tuple[tuple[str, ...], int, int], ...]] = {
    "faithful": ((("-Og", *_INTEGERS), FAITHFUL_QUICK_MACS, QUICK_AGAIN_MACS),),
    "native": (
        (("-Og", "-DNDEBUG"), QUICK_MACS, QUICK_AGAIN_MACS),
        (("-O1", *_VECTORS[:3], *_FEWER, "-march=native", "-DNDEBUG"), SOME_MACS, SOME_AGAIN_MACS),
    ),
    "checked": ((("-Og", "-DISOBIT_CHECKED"), QUICK_MACS, QUICK_AGAIN_MACS),),
}
_UNUSED = ("-fno-exceptions", "-fno-rtti", "-fno-asynchronous-unwind-tables")
COMPILE_TIMEOUT = 900


@dataclass(frozen=True)
class Binary:
    """A compiled simulation: the executable, its flavour and the wall seconds until it was there."""

    path: Path
    flavour: Flavour
    seconds: float


def find_compiler(name: str | None = None) -> str:
    """The C++ compiler to use: ``name``, else ``$CXX``, else g++ or clang++.

    Raises:
        IsobitError: E604 when none is there.
    """
    wanted = [name] if name else [c for c in (os.environ.get("CXX"), "g++", "clang++") if c]
    for candidate in wanted:
        found = shutil.which(candidate)
        if found:
            return found
    raise IsobitError(
        "E604",
        f"none of {', '.join(printable(w) for w in wanted)} is on the path",
        hint="install one: apt-get install g++",
    )


def ap_types_folder() -> Path:
    """The open ap_types headers (Apache-2.0), from ``$ISOBIT_AP_TYPES`` or the hls4ml wheel.

    Raises:
        IsobitError: E303 when neither is there.
    """
    override = os.environ.get("ISOBIT_AP_TYPES")
    if override:
        return Path(override)
    spec = importlib.util.find_spec("hls4ml")
    folders = (
        [Path(p) / "templates" / "vivado" / "ap_types" for p in (spec.submodule_search_locations or [])] if spec else []
    )
    for folder in folders:
        if (folder / "ap_int.h").is_file():
            return folder
    raise IsobitError(
        "E303",
        "the open ap_types headers come with hls4ml, which is not installed",
        hint="pip install hls4ml, or set ISOBIT_AP_TYPES",
    )


def include_folders(project: Path, flavour: Flavour) -> list[Path]:
    """Where headers are looked for: the project, the simulation stand-ins, then ap_types or our integer shim."""
    sim = templates.root() / "sim"
    integers = sim / "native" if flavour in ("native", "checked", "bounded") else ap_types_folder()
    return [project, *([sim / "bounded"] if flavour == "bounded" else []), sim / "common", integers]


def include_flags(project: Path, flavour: Flavour) -> list[str]:
    """:func:`include_folders` as flags; the open ap_types are a system's headers, whose warnings are not ours."""
    *own, integers = include_folders(project, flavour)
    system = integers.parent != templates.root() / "sim"
    return [*(f"-I{folder}" for folder in own), f"{'-isystem' if system else '-I'}{integers}"]


@dataclass(frozen=True)
class Unit:
    """What is compiled as one translation unit, which parses the integer headers once: half of a small network's time.

    ``design`` is included before ``testbench``; ``include`` are the folders that headers are looked for in, the last of
    them a system's where its warnings are not ours.
    """

    design: Path
    testbench: Path
    include: tuple[Path, ...]
    flags: tuple[str, ...]
    include_flags: tuple[str, ...]


def project_unit(project: Path, flavour: Flavour, flags: tuple[str, ...] | None = None) -> Unit:
    """The translation unit of a Vitis HLS project of isobit's own, with the optimisation of long runs or ``flags``."""
    folders, found = tuple(include_folders(project, flavour)), tuple(include_flags(project, flavour))
    return Unit(project / "top.cpp", project / "tb.cpp", folders, (*(flags or _FLAGS[flavour]), *_UNUSED), found)


def flags_of(flags: Sequence[str], version: str) -> tuple[str, ...]:
    """``flags`` as the compiler of this ``--version`` takes them.

    clang++ refuses g++'s names of single passes, and its own -O1 has no vector loops: it gets its whole -O3 instead.
    """
    if "clang" not in version.lower():
        return tuple(flags)
    least = "-O3" if _VECTORS[0] in flags else "-O1"
    return tuple(least if flag == "-O1" else flag for flag in flags if flag not in {*_VECTORS, *_FEWER})


class Compilation:
    """A compiler running in the background; :meth:`result` waits for it.

    Args:
        project: the C++: a project of isobit's own, or the unit to compile.
        folder: where the program goes.
        build: the build that keeps it (:mod:`isobit.backends.kept`); no compiler runs where it has one already.
        macs: the multiply-accumulates that it will simulate, where that is known.
    """

    def __init__(
        self, project: Path | Unit, folder: Path, flavour: Flavour, compiler: str, build: Path | None = None,
        macs: int | None = None,
    ) -> None:  # fmt: skip
        identity = _identity(compiler)
        self.flavour: Flavour = flavour
        self._output = folder / f"tb-{flavour}"
        self._started = time.time()
        self._log = folder / f"compile-{flavour}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._kept = self._precompiled = None
        self._stopped = False
        fitting = _fitting(project, flavour, macs)
        for unit in fitting:
            flags = ["-std=c++14", *flags_of(unit.flags, identity[-1]), "-Wno-unknown-pragmas", "-w"]
            if build is not None:
                self._kept = Kept(build, flavour, key_of([*flags, AS_DATA, *identity], unit.include))
                if self._kept.take(self._output):
                    return
        constants = as_data(project, folder, f"constants-{flavour}") if isinstance(project, Path) else None
        included = [word for path in (constants, unit.design) if path for word in ("-include", str(path))]
        self._command = [compiler, *flags, *unit.include_flags]
        self._sources = [*included, str(unit.testbench), "-o", str(self._output)]
        headers = Precompiled(compiler, identity, _of_headers([*flags, *unit.include_flags[1:]]))
        taken = headers.take()
        self._precompiled = headers if taken else None
        self._process = begun([*self._command, *taken, *self._sources], self._log)

    def result(self) -> Binary:
        """The executable.

        Raises:
            IsobitError: E605 with the compiler's first error line.
        """
        if self._process is None:
            return Binary(self._output, self.flavour, 0.0)
        status = self._status(self._process)
        if status != 0 and self._precompiled is not None and not self._stopped:  # the sources', or the header's?
            headers, self._precompiled = self._precompiled, None
            self._process = begun([*self._command, *self._sources], self._log)
            status = self._status(self._process)
            if status == 0:
                headers.drop()
        if status != 0 or not self._output.is_file():
            raise self._failed()
        if self._kept is not None:
            self._kept.put(self._output)
        return Binary(self._output, self.flavour, self._output.stat().st_mtime - self._started)

    def _status(self, process: subprocess.Popen[bytes]) -> int:
        try:
            return process.wait(COMPILE_TIMEOUT)
        except subprocess.TimeoutExpired as error:
            self.stop()
            raise IsobitError("E605", f"the compiler ran for more than {COMPILE_TIMEOUT} s") from error

    def stop(self) -> None:
        """End the compiler if it is still running."""
        self._stopped = True
        if self._process is not None:
            ended(self._process)

    def _failed(self) -> IsobitError:
        demand_room(self._log.parent)
        text, where = self._log.read_text(encoding="utf-8", errors="replace"), f"{self.flavour} build"
        if ran_out_of_memory(text):
            said = f"the compiler needs more than {memory_bound() / 1e9:.0f} GB of memory"
            hint = "a machine with more, or smaller tables: isobit explain names those of a layer"
            return IsobitError("E605", said, where=where, hint=hint)
        match = re.search(r"^.*\berror: .*$", text, re.MULTILINE)
        first = printable(match.group(0) if match else text.strip()[:200] or "no message", 300)
        hint = "was a file of the build edited?" if text.strip() else "is there room for temporary files?"
        return IsobitError("E605", first, where=where, hint=hint)


def _fitting(project: Path | Unit, flavour: Flavour, macs: int | None) -> list[Unit]:
    """The units whose program will do for so much work; the last is the one to be compiled where none is kept."""
    if isinstance(project, Unit):
        return [project]
    sooner = _SOONER.get(flavour, ()) if macs is not None else ()
    units = [(project_unit(project, flavour, flags), most, again) for flags, most, again in sooner]
    wanted = next((number for number, (_, most, _) in enumerate(units) if (macs or 0) <= most), len(units))
    every = [*(unit for unit, _, _ in units), project_unit(project, flavour)]
    slower = [unit for unit, _, again in units[:wanted] if (macs or 0) <= again]
    return [*reversed(every[wanted + 1 :]), *reversed(slower), every[wanted]]


def _of_headers(flags: Sequence[str]) -> list[str]:
    """The flags without what the open ap_types never see: with and without taps they are the same headers."""
    if "-isystem" not in " ".join(flags):
        return list(flags)
    return [flag for flag in flags if flag != "-DISOBIT_TAPS" and not flag.startswith("-I")]


def _identity(compiler: str) -> list[str]:
    """A compiler by its kind and version, wherever it lies."""
    try:
        done = subprocess.run([compiler, "--version"], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return [compiler]
    return [Path(compiler).name, done.stdout.decode(errors="replace")]
