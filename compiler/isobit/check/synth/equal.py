"""``isobit synth --verify``: the mapped netlist of every part beside its RTL, clock by clock in Verilator.

Both get the same random words, with gaps and waits, and every output is compared in every clock. The netlist's cells
are simulated with the models that Yosys ships and, where it has none, with those of ``templates/synth/models.sv.j2``.
What was found equal is kept, and so are the counts; a part of which no word left in that time is not called equal.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from isobit import templates
from isobit.backends.dataflow.design import Design
from isobit.backends.dataflow.rtl import PART, Part, RtlNetwork
from isobit.build.files import write_files
from isobit.build.folder import Build
from isobit.check.cosim.verilator import FOREIGN, find_verilator, verilated
from isobit.check.synth.kept import keep, keep_verdict, kept_verdict, key_of
from isobit.check.synth.mapping import VERILOG, counts_key, mapped, read_netlist, script
from isobit.check.synth.netlist import counts, module_of
from isobit.check.synth.parts import asked_parts
from isobit.check.synth.yosys import Yosys, find_yosys
from isobit.errors import CheckFailed, printable
from isobit.hardware import Board

TOP = "isobit_miter"
LEAST, MOST = 4_000, 60_000
"""Clocks that a part runs for: four times its loop, within these bounds."""
DEFAULT_TIMEOUT = 1800.0
BATCH = 4
_EMPTY = re.compile(r"^module (RAMB\w+|DSP48E2|URAM\w+)", re.MULTILINE)
"""Cells that Yosys has by their ports alone; the models here have their names."""
_LINE = re.compile(r"(equal|differs) (\d+) (\d+)")


@dataclass(frozen=True)
class PartVerdict:
    """A part's netlist beside its RTL.

    ``clocks`` that were run and ``words`` that left and were equal; ``problem``: the first difference, or "".
    """

    name: str
    template: str
    layer: str
    clocks: int
    words: int
    problem: str = ""

    @property
    def equal(self) -> bool:
        """Something left, and all of it was the same."""
        return not self.problem and self.words > 0


def verify_mapping(
    build: Build, layer: str | None = None, *, jobs: int = 0, timeout: float = DEFAULT_TIMEOUT,
    compiler: str | None = None, progress: Callable[[str], None] = lambda _: None,
) -> tuple[PartVerdict, ...]:  # fmt: skip
    """Every part of ``build``, or of one ``layer``, in the order of the design.

    Args:
        jobs: parts side by side; 0 for one a processor.
        timeout: seconds for a run of Yosys, and for a simulation.

    Raises:
        IsobitError: those of :func:`isobit.check.synth.run.synth`; E614, E604 or E605 for the simulation.
    """
    design, parts = asked_parts(build, layer)
    return verify_parts(
        design, parts, build.manifest.board, jobs=jobs, timeout=timeout, compiler=compiler, progress=progress
    )  # fmt: skip


def verify_parts(
    design: Design, parts: tuple[Part, ...], board: Board, *, jobs: int = 0, timeout: float = DEFAULT_TIMEOUT,
    compiler: str | None = None, progress: Callable[[str], None] = lambda _: None,
) -> tuple[PartVerdict, ...]:  # fmt: skip
    """Some parts of ``design``, which has the FIFOs of its RTL; see :func:`verify_mapping`."""
    yosys = find_yosys()
    find_verilator()
    clocks = _clocks(design)
    keys = [_key(yosys, p, board, clocks.get(p.name, LEAST)) for p in parts]
    found = {key: verdict for key in keys if (verdict := kept_verdict(key)) is not None}
    todo = [(key, p) for key, p in dict(zip(keys, parts, strict=True)).items() if key not in found]
    batches = [dict(todo[i : i + BATCH]) for i in range(0, len(todo), BATCH)]
    with ThreadPoolExecutor(max_workers=max(min(jobs or os.cpu_count() or 1, len(batches)), 1)) as pool:
        runs = [pool.submit(_compared, yosys, b, board, clocks, timeout, compiler) for b in batches]
        try:
            for run in as_completed(runs):
                for key, (ran, words, problem) in run.result().items():
                    found[key] = ran, words, problem
                    if not problem and words:
                        keep_verdict(key, ran, words)
                progress(f"netlist beside RTL: {len(found)} of {len(set(keys))} parts")
        finally:
            yosys.stop()
            pool.shutdown(cancel_futures=True)
    return tuple(PartVerdict(p.name, p.template, p.node, *found[key]) for p, key in zip(parts, keys, strict=True))


def demand_equal(verdicts: tuple[PartVerdict, ...]) -> None:
    """Refuse what differs.

    Raises:
        CheckFailed: E623 for the first part that does, or of which nothing was seen.
    """
    for v in verdicts:
        if not v.equal:
            what = v.problem or f"no word left within {v.clocks:,} clocks: nothing was compared"
            raise CheckFailed("E623", what, where=printable(v.layer or v.name))


def _clocks(design: Design) -> dict[str, int]:
    """By name of the process, how long it runs."""
    schedules = RtlNetwork(design).schedules
    return {name: min(max(4 * s.trip, LEAST), MOST) for name, s in schedules.items()}


def _key(yosys: Yosys, part: Part, board: Board, clocks: int) -> str:
    """The hash of all that a verdict depends on."""
    own = {name: (templates.root() / "synth" / name).read_text(encoding="utf-8") for name in _OWN}
    return key_of(yosys.version, dict(part.texts) | script([PART], board, True) | own | {"clocks": str(clocks)})


_OWN = ("batch.sv.j2", "miter.sv.j2", "miter.cpp", "models.sv.j2")
_Found = tuple[int, int, str]


def _compared(
    yosys: Yosys, batch: Mapping[str, Part], board: Board, clocks: Mapping[str, int], timeout: float,
    compiler: str | None,
) -> dict[str, _Found]:  # fmt: skip
    """Clocks, words and problem of some parts, by key."""
    with tempfile.TemporaryDirectory(prefix="isobit-synth-") as scratch:
        names = mapped(yosys, batch, board, timeout, Path(scratch), verilog=True)
        netlist = read_netlist(Path(scratch))
        verilog = (Path(scratch) / VERILOG).read_text(encoding="utf-8")
    found = {}
    for key, part in batch.items():
        if yosys.stopped:
            break
        keep(counts_key(yosys, part, board), counts(netlist, names[key]))
        with tempfile.TemporaryDirectory(prefix="isobit-miter-") as scratch:
            cells = _EMPTY.sub(r"module \1_empty", yosys.cells())
            modules = part.named(names[key] + "_rtl") | {VERILOG: verilog, "cells.v": cells}
            ran = clocks.get(part.name, LEAST)
            program = _miter(Path(scratch), modules, names[key], module_of(netlist, names[key]), part, ran, compiler)
            found[key] = _run(program, Path(scratch), part, ran, timeout)
    return found


def _miter(
    folder: Path, texts: Mapping[str, str], name: str, netlist: str, part: Part, clocks: int,
    compiler: str | None,
) -> Path:  # fmt: skip
    """The compiled simulation of a part's RTL (module ``NAME_rtl``) beside its ``netlist``."""
    own = templates.root() / "synth"
    environment = templates.environment(own)
    context = {"ports": part.ports, "rtl": f"{name}_rtl", "mapped": netlist}
    whole = dict(texts) | {
        "miter.sv": environment.get_template("miter.sv.j2").render(context),
        "miter.cpp": (own / "miter.cpp").read_text(encoding="utf-8"),
        "models.sv": environment.get_template("models.sv.j2").render(),
    }
    write_files(folder, {name: text.encode("utf-8") for name, text in whole.items()})
    sources = sorted(name for name in whole if name.endswith(".sv") and name != "models.sv")
    libraries = ["-v", "models.sv", "-v", "cells.v"]
    return verilated(folder, [*sources, VERILOG, *libraries], clocks, compiler, top=TOP, warnings=FOREIGN)


def _run(program: Path, folder: Path, part: Part, clocks: int, timeout: float) -> _Found:
    command = [str(program), str(clocks)]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=timeout, check=False, stdin=subprocess.DEVNULL
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise CheckFailed("E606", f"it did not end within {timeout:g} s", where=printable(part.name)) from error
    line = _LINE.search(done.stdout)
    if done.returncode != 0 or line is None:
        why = done.stderr.strip() or f"status {done.returncode}"
        raise CheckFailed("E606", printable(why, 300), where=printable(part.name))
    if line[1] == "differs":
        port = part.ports[int(line[3])]
        return int(line[2]), 0, f"{port.name} differs in clock {int(line[2]):,}"
    return int(line[2]), int(line[3]), ""
