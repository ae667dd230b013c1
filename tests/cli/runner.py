"""Running the command line in this process or in one of its own, and editing builds behind isobit's back."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

from isobit.cli.main import app, err, out
from tests.onnx_builder import Net

ROOT = Path(__file__).resolve().parents[2]
out.width = err.width = 80


@dataclass(frozen=True)
class Outcome:
    """What a command left: its exit status and what it printed."""

    status: int
    out: str
    err: str


def isobit(*args: object) -> Outcome:
    """``isobit ARGS`` in this process; an exception that would be a traceback is raised here."""
    result = CliRunner().invoke(app, [str(a) for a in args], prog_name="isobit")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Outcome(result.exit_code, result.stdout, result.stderr)


def environment(**changes: str) -> dict[str, str]:
    """The environment of a command: the checkout's own package, 80 columns, no colours."""
    return {**os.environ, "PYTHONPATH": str(ROOT / "compiler"), "COLUMNS": "80", "NO_COLOR": "1", **changes}


def isobit_process(*args: object, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Outcome:
    """``isobit ARGS`` as a process."""
    done = subprocess.run(
        [sys.executable, "-m", "isobit.cli", *map(str, args)],
        env=environment(**(env or {})), cwd=cwd, capture_output=True, timeout=300, check=False,
    )  # fmt: skip
    return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())


def small_model(folder: Path) -> Path:
    """A 4-3-2 network with 4-bit weights, a bias, a ReLU and scales that are no powers of two."""
    net = Net([1, 4], name="pixels")
    x = net.quant("pixels", 0.5, 0.0, 4)
    w1 = net.quant([[0.3, -0.6, 0.9], [1.2, 0.3, -1.5], [-0.9, 1.8, 0.6], [0.6, -0.3, 2.1]], 0.3, 0.0, 4, narrow=1)
    hidden = net.op("Relu", net.op("Add", net.op("MatMul", x, w1), [0.5, -0.25, 1.0]))
    y = net.quant(hidden, 0.7, 0.0, 4, signed=0)
    w2 = net.quant([[0.5, -0.25], [0.75, 1.0], [-1.25, 1.5]], 0.25, 0.0, 4, narrow=1)
    net.quant(net.op("MatMul", y, w2), 0.19, 0.0, 8)
    return net.save(folder)


def multiplied(path: Path) -> Path:
    """A plan of :func:`small_model` whose weights lie in arrays, and not in the logic as additions."""
    layers = {"MatMul_2": (1, 4), "MatMul_7": (2, 1)}
    lines = (f'[layers.{n}]\npe = {pe}\nsimd = {simd}\nmultiplier = "single"\n' for n, (pe, simd) in layers.items())
    path.write_text("".join(lines), encoding="utf-8")
    return path


def with_other_weight(parameters: str) -> str:
    """``parameters.hpp`` of :func:`small_model` with 5 for its second weight, 4."""
    return parameters.replace("0x2d41", "0x2d51")


def edited(build: Path, copy: Path, name: str, change: Callable[[str], str]) -> Path:
    """A copy of a build in which one file is changed and the manifest says all is well."""
    shutil.copytree(build, copy)
    before = (copy / name).read_text(encoding="utf-8")
    assert change(before) != before, name
    (copy / name).write_text(change(before), encoding="utf-8")
    rehash(copy, name)
    return copy


def rehash(build: Path, name: str) -> None:
    """Record the file's present content in the manifest."""
    manifest = json.loads((build / "manifest.json").read_text(encoding="utf-8"))
    manifest["files"][name] = hashlib.sha256((build / name).read_bytes()).hexdigest()
    (build / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by relative path."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
