"""Compile an exported header as strict C99 and run it on vectors."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path

import numpy as np

from isobit.errors import CheckFailed, IsobitError, printable
from isobit.interchange.border import Port, ports
from isobit.interchange.c99 import output_dtype
from isobit.ir import Graph
from isobit.ir.types import IntArray
from isobit.subprocesses import run

FLAGS = ("-std=c99", "-O1", "-Wall", "-Wextra", "-Werror", "-pedantic")
"""What the header is compiled with; ``pedantic`` also refuses what C99 does not have."""
_SECONDS = 600


def c_compiler() -> str:
    """The C compiler of this machine: ``$CC``, gcc, cc or clang.

    Raises:
        IsobitError: E604 without one.
    """
    for name in (os.environ.get("CC", ""), "gcc", "cc", "clang"):
        if name and shutil.which(name):
            return name
    raise IsobitError("E604", "no C compiler (gcc, cc or clang) is installed", hint="install gcc, or set CC")


def run_c(graph: Graph, header: str, name: str, given: Mapping[str, IntArray], compiler: str) -> dict[str, IntArray]:
    """Outputs ``(batch, *shape)`` by the file's names.

    Args:
        given: inputs as the file takes them (:func:`isobit.interchange.border.outside`).

    Raises:
        CheckFailed: E616 when the header does not compile or run.
    """
    sides = ports(graph)
    count = len(next(iter(given.values())))
    with tempfile.TemporaryDirectory(prefix="isobit-c-") as folder:
        place = Path(folder)
        (place / f"{name}.h").write_text(header, encoding="utf-8")
        (place / "main.c").write_text(_main(graph, name, sides), encoding="utf-8")
        _done([compiler, *FLAGS, "main.c", "-o", "main"], place, b"")
        samples = [
            [np.ascontiguousarray(given[p.name][i]).tobytes() for p in sides if p.is_input] for i in range(count)
        ]
        raw = _done(["./main"], place, b"".join(part for sample in samples for part in sample))
    return _read(graph, sides, raw, count)


def _read(graph: Graph, sides: Sequence[Port], raw: bytes, count: int) -> dict[str, IntArray]:
    outputs = [(p, np.dtype(output_dtype(graph, p)), prod(p.shape)) for p in sides if not p.is_input]
    record = np.dtype([(str(i), kind, (size,)) for i, (_, kind, size) in enumerate(outputs)])
    rows = np.frombuffer(raw, record)
    if len(rows) != count:
        raise CheckFailed("E616", f"the C program answered {len(rows)} of {count} samples")
    return {
        port.name: rows[str(i)].reshape(count, *port.shape).astype(np.int64) for i, (port, _, _) in enumerate(outputs)
    }


def _done(command: list[str], place: Path, given: bytes) -> bytes:
    try:
        done = run(command, _SECONDS, given, cwd=place)
    except subprocess.TimeoutExpired as error:
        raise CheckFailed("E616", f"{command[0]} ran longer than {_SECONDS} s") from error
    if done.returncode:
        told = done.stderr.decode(errors="replace").strip().splitlines()
        lines = [line for line in told if "error" in line] or told or [f"status {done.returncode}"]
        raise CheckFailed("E616", f"{command[0]}: {printable(lines[0], 300)}")
    return done.stdout


def _main(graph: Graph, name: str, sides: Sequence[Port]) -> str:
    """A program that reads samples from its input and writes the outputs of each."""
    declared = [f"static {kind}_t a{i}[{prod(p.shape)}];" for i, (p, kind) in enumerate(_kinds(graph, sides))]
    reads = [_moved("fread", "stdin", i, 0) for i, p in enumerate(sides) if p.is_input]
    writes = [_moved("fwrite", "stdout", i, 1) for i, p in enumerate(sides) if not p.is_input]
    call = f"{name}_infer({', '.join(f'a{i}' for i in range(len(sides)))});"
    loop = "\n        ".join([*reads, call, *writes])
    return "\n".join(
        [
            "#include <stdio.h>", f'#include "{name}.h"', *declared,
            "int main(void)\n{\n    for (;;) {\n        " + loop + "\n    }\n}", "",
        ]
    )  # fmt: skip


def _moved(function: str, stream: str, argument: int, status: int) -> str:
    return f"if ({function}(a{argument}, sizeof a{argument}, 1, {stream}) != 1)\n            return {status};"


def _kinds(graph: Graph, sides: Sequence[Port]) -> list[tuple[Port, str]]:
    return [(p, p.dtype if p.is_input else output_dtype(graph, p)) for p in sides]
