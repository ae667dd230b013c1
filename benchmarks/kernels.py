"""Which of TFLite's kernels isobit follows where they disagree: the table of docs/kernels.md, measured.

``python benchmarks/kernels.py [--micro PYTHON] [--docs] [OPERATOR ...]``: for every operator that is read, drawn
one-operator int8 files, whose integers in isobit's graph are compared with LiteRT's reference kernels, with its default
kernels without and with XNNPACK, and, where PYTHON has the package ``tflite-micro``, with TensorFlow Lite Micro's.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from common import ROOT, publish, table
from kernel_cases import CASES, Case

from isobit.check.source.tflite.litert import Kernels, litert_version, run_litert
from isobit.errors import IsobitError
from isobit.frontend.tflite.file import load_tflite
from isobit.frontend.tflite.importer import import_traced
from isobit.interp import run
from tests.check.source_tflite_helpers import Draw

PAGE = ROOT / "docs" / "kernels.md"
DRAWS, SAMPLES = 8, 32
LITERT: tuple[Kernels, ...] = ("BUILTIN_REF", "BUILTIN_WITHOUT_DEFAULT_DELEGATES", "BUILTIN")
_MICRO_RUN = """
import sys, numpy as np
from pathlib import Path
from tflite_micro.python.tflite_micro import runtime
for folder in map(Path, sys.argv[1:]):
    given = np.load(folder / "given.npz")
    outputs = int((folder / "outputs").read_text())
    net = runtime.Interpreter.from_file(str(folder / "model.tflite"))
    rows = [[] for _ in range(outputs)]
    for n in range(len(given["0"])):
        for place in range(len(given.files)):
            net.set_input(given[str(place)][n : n + 1], place)
        net.invoke()
        for place in range(outputs):
            rows[place].append(net.get_output(place).copy())
    np.savez(folder / "found.npz", *[np.stack(r) for r in rows])
"""


def main() -> None:
    """Measure, print, and with ``--docs`` publish the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("operators", nargs="*", help="only these")
    parser.add_argument("--micro", help="a Python that has tflite-micro")
    parser.add_argument("--docs", action="store_true")
    given = parser.parse_args()
    names = given.operators or list(CASES)
    if unknown := set(names) - set(CASES):
        parser.error(f"no case {sorted(unknown)}; one of {', '.join(CASES)}")
    rows = [_row(name, CASES[name], given.micro) for name in names]
    heads = ["operator", "integers", "reference", "default, no XNNPACK", "default", "TFLM"]
    versions = f"ai-edge-litert {litert_version()}, {_micro_version(given.micro)}"
    publish("kernels", f"Measured with {versions}.\n\n" + table(heads, rows), PAGE)


def _micro_version(python: str | None) -> str:
    if not python:
        return "TFLM not measured"
    code = "import importlib.metadata as m; print(m.version('tflite-micro'))"
    found = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    return "tflite-micro " + found.stdout.strip()


def _row(name: str, case: Case, micro: str | None) -> list[str]:
    with tempfile.TemporaryDirectory() as scratch:
        folders = [Path(scratch) / str(seed) for seed in range(DRAWS)]
        mine = [_drawn(case, seed, folder) for seed, folder in enumerate(folders)]
        shown = [_shown(_litert(folders, mine, kernels)) for kernels in LITERT]
        shown.append(_shown(_micro(folders, mine, micro)) if micro else "–")
    total = sum(x.size for outputs in mine for x in outputs.values())
    print(name, total, *shown, file=sys.stderr, flush=True)
    return [name, f"{total:,}", *shown]


def _shown(differences: list[int] | None) -> str:
    """How many differ, and by how much at most; None where the kernels do not take the operator."""
    if differences is None:
        return "refused"
    wrong = [d for d in differences if d]
    most = max(wrong, default=0)
    return f"{len(wrong):,}" + (f", up to {most}" if most > 1 else "")


def _drawn(case: Case, seed: int, folder: Path) -> dict[int, Any]:
    """A drawn file with its samples in ``folder``; the outputs' integers as isobit's graph computes them."""
    net, rng = Draw("int8", seed), np.random.default_rng(seed)
    case(net)
    folder.mkdir()
    path = net.save(folder / "model.tflite", net.operators[-1].outputs)
    given = {i: rng.integers(-128, 128, (SAMPLES, *net.tensors[i].shape[1:])).astype(np.int8) for i in net.inputs}
    np.savez(folder / "given.npz", **{str(place): x for place, x in enumerate(given.values())})
    (folder / "outputs").write_text(str(len(net.operators[-1].outputs)), encoding="ascii")
    return _graph(path, given)


def _litert(folders: list[Path], mine: list[dict[int, Any]], kernels: Kernels) -> list[int] | None:
    apart: list[int] = []
    for folder, outputs in zip(folders, mine, strict=True):
        path = folder / "model.tflite"
        with np.load(folder / "given.npz") as held:
            given = {index: held[str(place)] for place, index in enumerate(load_tflite(path).inputs)}
        try:
            apart += _apart(outputs, run_litert(path, given, kernels, set(outputs)).tensors)
        except IsobitError:
            return None
    return apart


def _apart(mine: Mapping[int, Any], theirs: Mapping[int, Any]) -> list[int]:
    return [int(d) for i, x in mine.items() for d in np.abs(x.reshape(-1) - theirs[i].astype(np.int64).reshape(-1))]


def _graph(path: Path, given: Mapping[int, Any]) -> dict[int, Any]:
    """The outputs' stored integers as isobit's graph computes them."""
    model = load_tflite(path)
    imported = import_traced(model)
    index_of = {model.tensors[i].name: i for i in model.inputs}
    entering = {node.name: given[index_of[node.outside]].astype(np.int64) for node in imported.graph.inputs}
    values = run(imported.graph, entering, taps=True)
    made = {}
    for index in model.outputs:
        value, zero = imported.values[index], model.tensors[index].zero_point
        made[index] = values[value.name] - value.zero + (zero[0] if zero else 0)
    return made


def _micro(folders: list[Path], mine: list[dict[int, Any]], python: str) -> list[int] | None:
    command = [python, "-c", _MICRO_RUN, *map(str, folders)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        return None
    apart: list[int] = []
    for folder, outputs in zip(folders, mine, strict=True):
        with np.load(folder / "found.npz") as found:
            apart += _apart(outputs, {i: found[f"arr_{place}"] for place, i in enumerate(outputs)})
    return apart


if __name__ == "__main__":
    main()
