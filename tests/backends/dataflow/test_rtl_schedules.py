"""Every declared schedule against the RTL: which word moves in which clock, for the cases that the C++ is run with."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from isobit.backends.dataflow.catalogue import CATALOGUE, numbers, schedule_of
from isobit.backends.dataflow.design import Array, Process
from isobit.backends.dataflow.rtl import write
from isobit.backends.dataflow.rtl.units import RTL_UNITS
from isobit.backends.dataflow.rtl.write import constant_files, module_texts, modules_of, parameters_of
from isobit.check.cosim.verilator import FOREIGN, verilated
from isobit.hardware import load_board
from tests.backends.dataflow.test_schedules import PROCESSES, WORD
from tests.check.cosim.test_cosim import needs_verilator

TOP = "isobit_schedules"
FRAMES = 3
Moves = dict[tuple[str, int], list[int]]
"""By case and port, inputs first: the clocks in which a word moved."""

RECORDER = """
module recorder #(parameter string CASE = "", parameter int PORT = 0) (input logic clk, rst, valid, ready);
  int unsigned clock;
  always_ff @(posedge clk) begin
    clock <= rst ? 0 : clock + 1;
    if (!rst && valid && ready) $display("%s %0d %0d", CASE, PORT, clock);
  end
endmodule
"""

DRIVER = """
#include "Visobit_schedules.h"
#include "verilated.h"
#include <cstdlib>
#include <memory>

int main(int argc, char** argv) {
  const std::unique_ptr<VerilatedContext> context(new VerilatedContext);
  const std::unique_ptr<Visobit_schedules> top(new Visobit_schedules(context.get()));
  for (long clock = 0, end = std::strtol(argv[1], nullptr, 10); clock < end; ++clock) {
    top->rst = clock < 4;
    top->clk = 0;
    top->eval();
    top->clk = 1;
    top->eval();
  }
}
"""


def streams_of(process: Process) -> list[tuple[str, int, bool]]:
    """Every port in the order of the schedule: prefix, bits, whether it is an AXI port."""
    template, constants = CATALOGUE[process.template], numbers(process)
    unit = RTL_UNITS[process.template]
    found = []
    for prefix, stream in zip((*unit.inputs, *unit.outputs), (*template.reads, *template.writes), strict=True):
        lanes = 1 if stream.elem in ("flag", "axis") else stream.lanes(constants)
        bits = {"flag": 1, "axis": constants.get("WORD", 0)}.get(stream.elem, WORD.bits * lanes)
        found.append((prefix, bits, stream.elem == "axis"))
    return found


def with_arrays(process: Process) -> Process:
    """``process`` with ones for its constants."""
    template, constants = CATALOGUE[process.template], numbers(process)
    shapes = [a.shape(constants) for a in template.arrays if a.elem not in template.optional]
    arrays = [Array(f"{process.name}_{i}", WORD, np.ones(shape, np.int64)) for i, shape in enumerate(shapes)]
    return replace(process, arrays=tuple(arrays))


def instance(process: Process) -> str:
    """A module with the unit of ``process``, which always has words and whose words are always taken."""
    inputs = len(RTL_UNITS[process.template].inputs)
    lines = [f"module {process.name} (input logic clk, rst, output logic any);"]
    pins, kept = [".clk", ".rst"], []
    for port, (prefix, bits, last) in enumerate(streams_of(process)):
        given = port < inputs
        lines.append(f"  logic [{bits - 1}:0] {prefix}_data; logic {prefix}_valid, {prefix}_ready, {prefix}_last;")
        lines += [f"  assign {prefix}_valid = 1'b1;", f"  assign {prefix}_data = '0;"] if given else []
        lines.append(f"  assign {prefix}_{'last = 1' if given else 'ready = 1'}'b{0 if given else 1};")
        signals = ("data", "valid", "ready", *(("last",) if last else ()))
        pins += [f".{prefix}_{signal}" for signal in signals]
        kept.append(f"{prefix}_valid, {prefix}_ready" + ("" if given else f", {prefix}_data"))
        lines.append(
            f'  recorder #(.CASE("{process.name}"), .PORT({port})) r{port} '
            f"(.clk, .rst, .valid({prefix}_valid), .ready({prefix}_ready));"
        )
    dsp = load_board("zcu104").dsp
    parameters = ", ".join(f".{key}({value})" for key, value in parameters_of(process, dsp))
    lines.append(f"  isobit_{process.template} #({parameters}) unit ({', '.join(pins)});")
    return "\n".join([*lines, f"  assign any = ^{{{', '.join(kept)}}};", "endmodule"])


def recorded(processes: list[Process], folder: Path) -> Moves:
    """All of ``processes`` side by side for :data:`FRAMES` frames of the longest."""
    whole = [with_arrays(p) for p in processes]
    modules = module_texts({"pipeline"}.union(*(modules_of(p.template) for p in whole)))
    texts = modules | {name: text for p in whole for name, text in constant_files(p)}
    calls = [f"  {p.name} i_{p.name} (.clk, .rst, .any(any[{i}]));" for i, p in enumerate(whole)]
    ports = f"(input logic clk, rst, output logic [{len(whole) - 1}:0] any)"
    top = "\n".join([RECORDER, *map(instance, whole), f"module {TOP} {ports};", *calls, "endmodule"])
    clocks = max(FRAMES * schedule_of(p).trip + latency(p) for p in whole) + 8
    for name, text in (texts | {"top.sv": top, "schedules.cpp": DRIVER}).items():
        (folder / name).write_text(text, encoding="utf-8")
    sources = sorted(name for name in [*modules, "top.sv"])
    program = verilated(folder, sources, clocks, None, top=TOP, warnings=FOREIGN)
    done = subprocess.run([program, str(clocks)], cwd=folder, check=True, capture_output=True, text=True)
    moves: Moves = defaultdict(list)
    for case, port, clock in (line.split() for line in done.stdout.splitlines()):
        moves[case, int(port)].append(int(clock))
    return moves


def latency(process: Process) -> int:
    return int(RTL_UNITS[process.template].latency(numbers(process)))


def expected(process: Process) -> list[list[int]]:
    """By port, the clocks of :data:`FRAMES` frames without a gap; a word leaves ``latency`` clocks later."""
    schedule, behind = schedule_of(process), latency(process)
    ports = [*((0, port) for port in schedule.reads), *((behind, port) for port in schedule.writes)]
    return [
        [int(t) + late + frame * schedule.trip for frame in range(FRAMES) for t in port] for late, port in ports
    ]  # fmt: skip


def wrong(process: Process, moves: Moves) -> str:
    """What differs from the declaration in the first port that does, or ""."""
    for port, clocks in enumerate(expected(process)):
        seen = moves[process.name, port][: len(clocks)]
        if seen != clocks:
            return f"{process.name} {process.template} {dict(process.constants)} port {port}: {seen}, not {clocks}"
    return ""


@needs_verilator
def test_a_module_of_every_template_keeps_its_schedule(tmp_path: Path) -> None:
    """The last of its cases: several samples, or the largest shape."""
    last = list({p.template: p for p in PROCESSES}.values())
    moves = recorded(last, tmp_path)
    assert [w for p in last if (w := wrong(p, moves))] == []


@pytest.mark.slow
@needs_verilator
@pytest.mark.parametrize("template", CATALOGUE)
def test_every_case_of_a_template_keeps_its_schedule(template: str, tmp_path: Path) -> None:
    cases = [p for p in PROCESSES if p.template == template]
    moves = recorded(cases, tmp_path)
    assert [w for p in cases if (w := wrong(p, moves))] == []


@needs_verilator
def test_a_module_that_is_a_clock_late_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stage more in a pooling: its reads are right, its writes are not."""
    case = next(p for p in PROCESSES if p.template == "max_pool")

    def slower(names: Iterable[str]) -> dict[str, str]:
        texts = write.module_texts(names)
        pool = texts["isobit_max_pool.sv"]
        assert "LATENCY(2)" in pool
        return texts | {"isobit_max_pool.sv": pool.replace("LATENCY(2)", "LATENCY(3)")}

    monkeypatch.setattr(sys.modules[__name__], "module_texts", slower)
    assert "port 1" in wrong(case, recorded([case], tmp_path))
