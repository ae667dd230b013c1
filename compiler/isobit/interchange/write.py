"""Write a graph as files, and say so only when another program has computed the graph's integers from each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np

from isobit.errors import CheckFailed, IsobitError, printable
from isobit.interchange.arrays import npz_bytes
from isobit.interchange.border import outside
from isobit.interchange.c99 import c_header, identifier
from isobit.interchange.execute import onnx_runs, run_npz, run_qonnx
from isobit.interchange.execute_c import FLAGS, c_compiler, run_c
from isobit.interchange.onnx_file import onnx_model
from isobit.interchange.qonnx_file import qonnx_model
from isobit.interp import Evaluator
from isobit.ir import Graph
from isobit.ir.types import IntArray

Files = Mapping[str, Path]
"""Where each form goes: ``onnx``, ``qonnx``, ``npz``, ``c``."""
Run = tuple[str, Callable[[], Mapping[str, IntArray]]]
SLOW_SAMPLES = 8
"""Samples that qonnx, which takes one at a time, is asked for."""


@dataclass(frozen=True)
class Exported:
    """A file, and who computed how many ``outputs`` of ``samples`` samples from it, all equal to the interpreter's."""

    form: str
    path: Path
    bytes: int
    by: tuple[str, ...]
    samples: int
    outputs: int


def export_graph(
    graph: Graph, files: Files, integers: Mapping[str, IntArray], progress: Callable[[str], None] = lambda _: None
) -> tuple[Exported, ...]:
    """Write every file, each to a place beside its own until it has been run.

    Args:
        integers: of every input of the graph, by node; what the files are run on.

    Raises:
        IsobitError: E615 when the graph cannot be written so, E604 when there is no compiler for C, before anything is
            run; E601 when a file cannot; CheckFailed: E616 when a program
            computes another integer from it. Then no file is written.
    """
    compiler = c_compiler() if "c" in files else ""
    made = {form: _CONTENT[form](graph, files[form]) for form in files}
    expected = outside(graph, Evaluator(graph).run(integers))
    given = outside(graph, integers)
    done = []
    for form, data in made.items():
        count = min(len(next(iter(given.values()))), SLOW_SAMPLES if form == "qonnx" else 1 << 30)
        part = {name: x[:count] for name, x in given.items()}
        names = []
        for name, run in _RUNS[form](graph, files[form], data, part, compiler):
            progress(f"{form}: running it by {name}")
            _refuse_difference(name, {n: x[:count] for n, x in expected.items()}, run())
            names.append(name)
        outputs = sum(x[:count].size for x in expected.values())
        done.append(Exported(form, files[form], len(data), tuple(names), count, outputs))
    _replace({files[form]: data for form, data in made.items()})
    return tuple(done)


def _refuse_difference(by: str, expected: Mapping[str, IntArray], found: Mapping[str, IntArray]) -> None:
    for name, wanted in expected.items():
        if name not in found:
            raise CheckFailed("E616", f"{by}: it gives no {printable(name)!r}")
        got = found[name]
        if got.shape != wanted.shape:
            raise CheckFailed("E616", f"{by}: {printable(name)!r} has shape {got.shape}, not {wanted.shape}")
        different = np.argwhere(got != wanted)
        if len(different):
            place = tuple(int(i) for i in different[0])
            what = f"{printable(name)!r}{list(place)} = {got[place]}, not {wanted[place]}"
            raise CheckFailed("E616", f"{by}: {len(different):,} of {wanted.size:,} integers differ, first {what}")


def _replace(contents: Mapping[Path, bytes]) -> None:
    """All files whole, or none of them: every one is on its disk before the first takes its place."""
    partials = {path: path.with_name(f".{path.name}.{os.getpid()}.partial") for path in contents}
    path = next(iter(contents))
    try:
        for path, data in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            partials[path].write_bytes(data)
        for path, partial in partials.items():
            partial.replace(path)
    except OSError as error:
        what = printable(error.strerror or error)
        raise IsobitError("E601", what, where=printable(path), hint="choose a writable place") from error
    finally:
        for partial in partials.values():
            with suppress(OSError):
                partial.unlink(missing_ok=True)


def _c_name(path: Path) -> str:
    return identifier(path.name.removesuffix(".h"))


def _run_c(graph: Graph, path: Path, data: bytes, given: Mapping[str, IntArray], compiler: str) -> Iterator[Run]:
    text, name = data.decode("ascii"), _c_name(path)
    yield f"{compiler} {' '.join(FLAGS)}", lambda: run_c(graph, text, name, given, compiler)


_CONTENT: Mapping[str, Callable[[Graph, Path], bytes]] = {
    "onnx": lambda graph, path: onnx_model(graph).SerializeToString(deterministic=True),
    "qonnx": lambda graph, path: qonnx_model(graph).SerializeToString(deterministic=True),
    "npz": lambda graph, path: npz_bytes(graph),
    "c": lambda graph, path: c_header(graph, _c_name(path)).encode("ascii"),
}
_RUNS: Mapping[str, Callable[[Graph, Path, bytes, Mapping[str, IntArray], str], Iterator[Run]]] = {
    "onnx": lambda graph, path, data, given, compiler: onnx_runs(data, given),
    "qonnx": lambda graph, path, data, given, compiler: iter(
        [(f"qonnx {metadata.version('qonnx')}", lambda: run_qonnx(data, given))]
    ),
    "npz": lambda graph, path, data, given, compiler: iter([("numpy, from the arrays", lambda: run_npz(data, given))]),
    "c": _run_c,
}
FORMS = tuple(_CONTENT)
"""What a graph can be written as."""
