"""This checkout against an older one, side by side: CPU time and memory of what a user waits for.

    python benchmarks/speed.py [LINE ...] [--base COMMIT] [--models FOLDER] [--docs]

The older checkout is a ``git worktree`` in a temporary folder, taken away at the end. Every line of the table is a few
commands, run by one checkout and then by the other, each in processes of its own with one BLAS thread. CPU time is user
and system, compilers and simulations included; memory is the most that the processes held together. Python's bytecode
is there, as it is of an installed package. The lines are the keys of ``LINES``; without any all are run. Networks are
those of the tests, seeded and untrained, exported once into ``--models``, a temporary folder unless it is given.
"""

from __future__ import annotations

import argparse
import compileall
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from common import ROOT, checkout, cpu_seconds, publish, table, tree_mib

BASE = "ab2029b"
"""The commit that the goals of a faster isobit count from."""
NETWORKS = {
    "resnet8": "resnet8_w8a8_pow2_tensor", "resnet18": "resnet18_w4a4_64", "mobilenet": "mobilenet_v1_025_w8a8_96",
}  # fmt: skip
INTERPRETER = """
import sys, numpy as np
from pathlib import Path
from isobit.build.folder import load_build
from isobit.check.csim.stimuli import vectors_for
from isobit.interp import Evaluator
graph = load_build(Path(sys.argv[1])).graph
Evaluator(graph).run(vectors_for(graph, int(sys.argv[2]), 0))
"""

NATIVE = """
import sys, tempfile
from pathlib import Path
from isobit.build.folder import load_build
from isobit.check.csim.run import simulator
from isobit.check.csim.stimuli import vectors_for
build, count = load_build(Path(sys.argv[1])), int(sys.argv[2])
with tempfile.TemporaryDirectory() as scratch:
    simulator(build, "native", Path(scratch), None).run(vectors_for(build.graph, count, 0), 600.0)
"""

JOIN = """
import sys, numpy as np
from fractions import Fraction
from isobit.interp import Evaluator
from isobit.ir import Graph, frozen_ints, verify
from isobit.ir.ops import Add, Input, Output, Step
from isobit.numerics import Rounded, Rounding
ends = -(1 << 15), (1 << 15) - 1
nodes = [Input(name=name, shape=(32, 32, 16), lo=frozen_ints(ends[0]), hi=frozen_ints(ends[1])) for name in "xz"]
fine = frozen_ints((1 << 55) + 1234567), frozen_ints((1 << 54) + 987651)
curve = Rounded(Fraction(3, 1 << 57), Fraction(0), Rounding.ROUND, *ends)
nodes += [Add(name="a", inputs=("x", "z"), coefficients=fine), Step(name="v", inputs=("a",), curves=(curve,))]
rng = np.random.default_rng(0)
inputs = {name: rng.integers(*ends, (int(sys.argv[1]), 32, 32, 16)) for name in "xz"}
Evaluator(verify(Graph((*nodes, Output(name="y", inputs=("v",)))))).run(inputs)
"""


@dataclass(frozen=True)
class Line:
    """What is measured: a title, the commands before it, and its own; each line begins with an empty cache.

    A command's words are those behind ``isobit``, or behind ``python -c`` when its first is a program of several lines;
    ``MODEL`` and ``BUILD`` stand for the network's file and the build's folder.
    """

    title: str
    network: str
    before: tuple[tuple[str, ...], ...]
    commands: tuple[tuple[str, ...], ...]


def compiled(board: str, *options: str) -> tuple[str, ...]:
    """The command that makes the build."""
    return ("compile", "MODEL", "-o", "BUILD", "--board", board, *options)


SMALL, LARGE = compiled("kv260"), compiled("alveo-u250")
AGAIN = ("csim", "BUILD", "-n", "16", "--no-source")
LINES = {
    "demo": Line("demo: compile and csim", "demo", (), (SMALL, ("csim", "BUILD"))),
    "third": Line(
        "demo: compile and csim after those for two other boards", "demo",
        tuple(word for board in ("pynq-z1", "zcu104") for word in (compiled(board), ("csim", "BUILD"))),
        (SMALL, ("csim", "BUILD")),
    ),
    "anew": Line(
        "demo: the same compile and csim once more", "demo", (SMALL, ("csim", "BUILD")), (SMALL, ("csim", "BUILD"))
    ),
    "resnet8": Line(
        "ResNet-8, 8 bits: compile and csim of 64 images", "resnet8", (), (SMALL, ("csim", "BUILD", "-n", "64"))
    ),
    "again": Line("ResNet-8: a second csim, the source left out", "resnet8", (SMALL, AGAIN), (AGAIN,)),
    "resnet18": Line("ResNet-18 at 64x64, 4 bits: compile", "resnet18", (), (LARGE,)),
    "resnet18-csim": Line(
        "ResNet-18: csim of one image, the source left out", "resnet18", (LARGE,),
        (("csim", "BUILD", "-n", "1", "--no-source"),),
    ),
    "mobilenet": Line("MobileNet-V1 0.25 at 96x96, 8 bits: compile", "mobilenet", (), (LARGE,)),
    "images": Line(
        "ResNet-8: 1000 images by the native C++ that is there, with imports", "resnet8",
        (SMALL, (NATIVE, "BUILD", "1000")), ((NATIVE, "BUILD", "1000"),),
    ),
    "interpreter": Line(
        "the interpreter: ResNet-8, 200 images, with imports", "resnet8", (SMALL,), ((INTERPRETER, "BUILD", "200"),)
    ),
    "depthwise": Line(
        "the interpreter: MobileNet-V1 0.25 at 96x96, 500 images, with imports", "mobilenet", (LARGE,),
        ((INTERPRETER, "BUILD", "500"),),
    ),
    "join": Line(
        "the interpreter: 16-bit sums of unrelated scales, rounded, 500 images, with imports", "demo", (),
        ((JOIN, "500"),),
    ),
    "words": Line("--help, show and explain", "demo", (SMALL,), (("--help",), ("show", "BUILD"), ("explain", "BUILD"))),
}  # fmt: skip


def main() -> None:
    """Runs the lines and prints the table."""
    arguments = _arguments()
    rows = []
    with checkout(arguments.base) as base, tempfile.TemporaryDirectory(prefix="isobit-speed-") as scratch:
        models = arguments.models or Path(scratch)
        for tree in (base, ROOT):
            compileall.compile_dir(tree / "compiler", quiet=2)
        for name in arguments.lines or LINES:
            line = LINES[name]
            model = _model(line.network, models)
            (was, held), (now, holds) = (_measured(tree, line, model, Path(scratch)) for tree in (base, ROOT))
            print(f"{name}: {was:.1f} and {now:.1f} CPU s, {held:.0f} and {holds:.0f} MiB", file=sys.stderr, flush=True)
            rows.append([line.title, f"{now / was:.2f}", f"{holds / held:.2f}"])
    publish("speed", table((f"against {arguments.base}", "CPU time, share", "memory, share"), rows))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("lines", nargs="*", metavar="LINE")
    parser.add_argument("--base", default=BASE)
    parser.add_argument("--models", type=Path)
    parser.add_argument("--docs", action="store_true")
    return parser.parse_args()


def _model(network: str, folder: Path) -> Path:
    """A network's file, exported if it is not there."""
    if network == "demo":
        return ROOT / "compiler" / "isobit" / "demo" / "model.onnx"
    file = folder / f"{NETWORKS[network]}.onnx"
    if not file.exists():
        sys.path[:0] = [str(ROOT / "tests")]
        from models.brevitas_conv_nets import CASES

        from isobit.frontend.brevitas import export_module

        net = next(case for case in CASES if case.name == NETWORKS[network])
        export_module(net.build(), net.input_shape, file, "torchscript")
    return file


def _measured(tree: Path, line: Line, model: Path, scratch: Path) -> tuple[float, float]:
    """CPU seconds and the most MiB of a line's commands, by one checkout."""
    build = scratch / "build"
    for folder in (build, scratch / "cache"):
        shutil.rmtree(folder, ignore_errors=True)
    for command in line.before:
        _run(tree, command, model, build)
    before, peak = cpu_seconds(), 0.0
    for command in line.commands:
        peak = max(peak, _run(tree, command, model, build))
    return cpu_seconds() - before, peak


def _run(tree: Path, command: tuple[str, ...], model: Path, build: Path) -> float:
    """Run a command to its end; the most MiB that it and its children held."""
    named = {"MODEL": str(model), "BUILD": str(build)}
    words = [named.get(word, word) for word in command]
    start = ["-c"] if "\n" in words[0] else ["-m", "isobit.cli"]
    one_core = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    environment = os.environ | one_core | {"PYTHONPATH": str(tree / "compiler")}
    environment["ISOBIT_CACHE"] = str(build.parent / "cache")
    peak = 0.0
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen([sys.executable, *start, *words], stdout=said, stderr=said, env=environment)
        while process.poll() is None:
            peak = max(peak, tree_mib(process.pid))
            time.sleep(0.05)
        said.seek(0)
        if process.returncode != 0:
            raise SystemExit(f"isobit {' '.join(words[:2])} of {tree} failed:\n{said.read()[-2000:]}")
    return peak


if __name__ == "__main__":
    main()
