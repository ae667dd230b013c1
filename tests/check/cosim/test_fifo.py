"""The stream of the RTL: shift register and memory, against a queue."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from isobit import templates
from isobit.backends.toolchain import find_compiler
from isobit.check.cosim import verilator
from tests.check.cosim.test_cosim import needs_verilator

HERE = Path(__file__).parent


@needs_verilator
@pytest.mark.parametrize("depth", [1, 5, 33, *(pytest.param(d, marks=pytest.mark.slow) for d in (2, 32, 40))])
def test_a_stream_is_a_queue(depth: int, tmp_path: Path) -> None:
    tool, cxx = verilator.find_verilator(), find_compiler()
    source = templates.root() / "rtl" / "isobit_fifo.sv"
    parts = ["--cc", "-Wall", "-Wno-UNUSEDPARAM", f"-GDEPTH={depth}", "-GWIDTH=8", "--Mdir", "made", str(source)]
    subprocess.run([str(tool.program), *parts], cwd=tmp_path, env=tool.environment, check=True, capture_output=True)
    made = sorted(str(p) for p in (tmp_path / "made").glob("*.cpp"))
    runtime = [str(p) for p in verilator._runtime(tool, cxx, tmp_path)]
    flags = ["-std=c++17", "-O0", "-w", "-Imade", *verilator._includes(tool)]
    command = [cxx, *flags, *made, str(HERE / "fifo.cpp"), *runtime, "-pthread", "-o", "fifo"]
    subprocess.run(command, cwd=tmp_path, check=True)
    done = subprocess.run([tmp_path / "fifo", str(depth)], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    seen, fullest = map(int, done.stdout.split())
    assert seen > 5000 and fullest == depth
