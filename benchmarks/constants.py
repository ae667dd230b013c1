"""What a compiler makes of ``parameters.hpp`` in the form that is synthesised, beside an older checkout.

    python benchmarks/constants.py [MODEL ...] [--base COMMIT] [--compiler clang++] [--docs]

Every MODEL is a file, or ``demo``; ``MODEL@BOARD`` chooses another board than the PYNQ-Z1. The header is compiled
alone, every array used, with the open ap_types and, behind them, ``__SYNTHESIS__``: arrays of ap_uint there, and of
builtin integers where a width is theirs. CPU time and memory are the compiler's; each tree plans in a process of its
own. Vitis' own front end is a clang++.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from common import ROOT, checkout, publish, table

from isobit import demo
from isobit.backends.toolchain import ap_types_folder

PAGE = ROOT / "docs" / "hardware.md"
BASE = "604ebf7"
"""The state before words held several weights."""
LIMIT = 300
HEAD = ("network", "", "header kB", "object kB", "CPU s", "peak MiB")
PROJECT = """
import sys, warnings
from pathlib import Path
warnings.filterwarnings("ignore")
from isobit.backends.dataflow.lower import lower
from isobit.backends.dataflow.planner import PlanRequest, plan_for
from isobit.backends.dataflow.whole import whole_design
from isobit.backends.dataflow.writer import headers, render
from isobit.flow import import_source
from isobit.hardware import load_board
from isobit.passes import optimise

path, board, folder = sys.argv[1:]
graph, board = optimise(import_source(Path(path))), load_board(board)
design = lower(graph, plan_for(graph, board, PlanRequest(), whole_design))
(Path(folder) / "isobit").mkdir()
for name, text in (render(design, board, "") | headers(design)).items():
    (Path(folder) / name).write_text(text)
"""
MAIN = """#include "ap_int.h"
#include "hls_stream.h"
#define __SYNTHESIS__
#include "parameters.hpp"
extern const void* const uses[];
const void* const uses[] = {{{names}}};
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=["demo"])
    parser.add_argument("--base", default=BASE)
    parser.add_argument("--compiler", default="clang++")
    parser.add_argument("--docs", action="store_true", help="put the table into docs/hardware.md")
    options = parser.parse_args()
    rows = []
    with checkout(options.base) as base:
        for model in options.models:
            name, board = [*model.split("@"), "pynq-z1"][:2]
            path = Path(demo.__file__).parent / "model.onnx" if name == "demo" else Path(name).resolve()
            title = name if name == "demo" else path.parent.name if path.stem == "model" else path.stem
            for state, tree in (("before", base), ("now", ROOT)):
                with tempfile.TemporaryDirectory(prefix="isobit-constants-") as folder:
                    rows.append([title, state, *_figures(tree, path, board, Path(folder), options.compiler)])
                print(rows[-1], file=sys.stderr, flush=True)
    publish("constants", table(HEAD, rows), PAGE)


def _figures(tree: Path, model: Path, board: str, folder: Path, compiler: str) -> list[str]:
    """Header and object in kB, the compiler's CPU seconds and most MiB."""
    environment = os.environ | {"PYTHONPATH": str(tree / "compiler")}
    command = [sys.executable, "-c", PROJECT, str(model), board, str(folder)]
    subprocess.run(command, env=environment, cwd=tree, check=True)
    header = (folder / "parameters.hpp").read_text(encoding="utf-8")
    names = re.findall(r"^static const [^=]*?(\w+)\[", header, re.MULTILINE)
    (folder / "main.cpp").write_text(MAIN.format(names=", ".join(names)), encoding="utf-8")
    places = [f"-I{p}" for p in (folder, tree / "templates" / "sim" / "common", ap_types_folder())]
    told = [compiler, "-std=c++14", "-O1", "-w", *places, "-c", "main.cpp", "-o", "main.o"]
    process = subprocess.Popen(["timeout", str(LIMIT), *told], cwd=folder)
    _, status, usage = os.wait4(process.pid, 0)
    size = f"{len(header) / 1e3:,.0f}"
    if status != 0:
        return [size, "", f"over {LIMIT}", f"{usage.ru_maxrss / 1024:,.0f}"]
    object_size = (folder / "main.o").stat().st_size
    return [
        size, f"{object_size / 1e3:,.0f}", f"{usage.ru_utime + usage.ru_stime:.1f}", f"{usage.ru_maxrss / 1024:,.0f}"
    ]  # fmt: skip


if __name__ == "__main__":
    main()
