"""The RTL of whole networks passes ``verilator --lint-only -Wall``, whatever a model calls its tensors."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import isobit
from isobit.backends.dataflow.planner import PlanRequest
from isobit.build.files import write_files
from isobit.build.folder import Build
from isobit.check.cosim import verilator
from isobit.check.cosim.sources import rtl_sources
from isobit.ir import Graph
from tests.backends.dataflow import sampled_nets
from tests.check.cosim.test_cosim import needs_verilator
from tests.hostile.models import NAMES, renamed

SLOW = pytest.mark.slow
NETS = [
    (sampled_nets.squeeze_and_excite, 1),
    (sampled_nets.residual, 2),
    (sampled_nets.peak_detector, 16),
    pytest.param(sampled_nets.peak_detector, 1, marks=SLOW),
    pytest.param(sampled_nets.gated, 2, marks=SLOW),
    pytest.param(sampled_nets.cnv, 4, marks=SLOW),
]
CALLED = {
    "its keyword": "endmodule",
    "its directive": "`include x",
    "its escape": "\\fc ",
    "its task": "; $finish;",
    **{what: NAMES[what] for what in ("newlines and escapes", "a template end", "unicode")},
}


def linted(build: Build, folder: Path) -> str:
    """What Verilator says of the design's own sources; with the options of the simulation, but to translate nothing."""
    design, texts = rtl_sources(build)
    write_files(folder, {name: text.encode("utf-8") for name, text in texts.items()})
    tool = verilator.find_verilator()
    options = ["--lint-only" if o == "--cc" else o for o in (*verilator._TRANSLATE, *verilator._STRICT)]
    options += ["--top-module", "isobit_top"]
    sources = sorted(name for name in texts if name.endswith(".sv"))
    command = [str(tool.program), *options, *sources]
    done = subprocess.run(command, cwd=folder, env=tool.environment, capture_output=True, text=True, check=False)
    assert design.processes
    return done.stderr + str(done.returncode)


@needs_verilator
@pytest.mark.parametrize(("net", "samples"), NETS)
def test_no_warning(net: Callable[[], Graph], samples: int, tmp_path: Path) -> None:
    build, _ = sampled_nets.built(net(), tmp_path / "build", PlanRequest(share=1.0, samples=samples))
    assert linted(build, tmp_path / "rtl") == "0"


@needs_verilator
@pytest.mark.parametrize("what", CALLED)
def test_a_models_names_stay_names(what: str, tmp_path: Path) -> None:
    build = isobit.compile(renamed(CALLED[what])(tmp_path), tmp_path / "build", target="rtl")
    assert linted(build, tmp_path / "rtl") == "0"
