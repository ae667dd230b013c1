"""What the hardware of whole networks takes, beside an older checkout: the same model, plan request and board.

    python benchmarks/hardware.py [MODEL ...] [--base COMMIT] [--board pynq-z1] [--docs]

Every MODEL is a file, ``demo``, or a network of Brevitas' by its name, with drawn weights (``cnv_1w1a``, ``cnv_2w2a``);
``MODEL@BOARD`` and ``MODEL@BOARD@CLOCKS`` choose another board, and the clocks of a frame that are asked for. Nothing
is timed. The older checkout is a ``git worktree`` in a temporary folder; each tree plans in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bipolar import drawn_cnv
from common import ROOT, checkout, publish, table

PAGE = ROOT / "docs" / "cost.md"
BASE = "6b1d9e1"
"""The state before thresholds were a bisection."""

HEAD = ("network", "", "clocks", "LUT", "DSP", "BRAM36", "FIFO bits", "largest", "units", "converters")

PLAN = """
import json, sys, warnings
from pathlib import Path
warnings.filterwarnings("ignore")
from isobit.backends.dataflow.fifo import size_fifos
from isobit.backends.dataflow.fifo_figures import fifo_cost
from isobit.backends.dataflow.lower import lower
from isobit.backends.dataflow.planner import PlanRequest, plan_for
from isobit.backends.dataflow.whole import whole_design
from isobit.errors import IsobitError
from isobit.flow import import_source
from isobit.hardware import load_board
from isobit.passes import optimise

path, board, clocks = sys.argv[1:]
graph, board = optimise(import_source(Path(path))), load_board(board)
try:
    plan = plan_for(graph, board, PlanRequest(interval=int(clocks) or None), whole_design)
    design = size_fifos(lower(graph, plan))
    cost = plan.cost + fifo_cost(design, board)
    deep = max(design.streams, key=lambda s: (s.depth * s.bits))
    converters = sum(p.template == "width_converter" for p in design.processes)
    print(json.dumps([
        f"{design.interval:,}", f"{cost.lut:,}", str(cost.dsp), str(cost.bram36),
        f"{sum(s.depth * s.bits for s in design.streams):,}", f"{deep.depth:,} x {deep.bits}",
        str(len(design.processes)), str(converters),
    ]))
except IsobitError as error:
    print(json.dumps([f"{error.code}: {error.message.splitlines()[0]}"] + [""] * 7))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=["demo", "cnv_1w1a", "cnv_2w2a"])
    parser.add_argument("--base", default=BASE)
    parser.add_argument("--board", default="pynq-z1")
    parser.add_argument("--docs", action="store_true", help="put the table into docs/cost.md")
    options = parser.parse_args()
    rows = []
    with checkout(options.base) as base, tempfile.TemporaryDirectory(prefix="isobit-hardware-") as scratch:
        for model in options.models:
            name, board, clocks = [*model.split("@"), "", ""][:3]
            path, board = model_file(name, Path(scratch)), board or options.board
            title = f"{path.parent.name if path.stem == 'model' and name != 'demo' else name}, {board}"
            title += f", {clocks} clocks asked for" if clocks else ""
            for state, tree in (("before", base), ("now", ROOT)):
                rows.append([title, state, *_planned(tree, path, board, clocks or "0")])
                print(rows[-1], file=sys.stderr, flush=True)
    if options.docs:
        publish("hardware", table(HEAD, rows), PAGE)
    print(table(HEAD, rows))


def model_file(name: str, folder: Path) -> Path:
    """The model's file; networks of Brevitas are exported first."""
    if name == "demo":
        return ROOT / "compiler" / "isobit" / "demo" / "model.onnx"
    if Path(name).exists():
        return Path(name).resolve()
    import torch
    from brevitas.export import export_qonnx

    path = folder / f"{name}.onnx"
    export_qonnx(drawn_cnv(name), args=torch.zeros(1, 3, 32, 32), export_path=str(path), dynamo=False)
    return path


def _planned(tree: Path, model: Path, board: str, clocks: str) -> list[str]:
    environment = os.environ | {"PYTHONPATH": str(tree / "compiler")}
    command = [sys.executable, "-c", PLAN, str(model), board, clocks]
    done = subprocess.run(command, env=environment, cwd=tree, check=True, capture_output=True, text=True)
    found: Any = json.loads(done.stdout.splitlines()[-1])
    return [str(v) for v in found]


if __name__ == "__main__":
    main()
