"""What else gives a build's integers on a user's samples: its RTL in Verilator, and a board, by what it has written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isobit.backends.base import Progress, silent
from isobit.build.folder import Build
from isobit.check.csim.compare import count_differences
from isobit.check.csim.predict import real_values
from isobit.errors import IsobitError, printable
from isobit.ir import Graph
from isobit.ir.ops import Output
from isobit.ir.types import IntArray


@dataclass(frozen=True)
class Compared:
    """``outputs`` integers of one of them, of which ``mismatches`` are not the graph's."""

    name: str
    outputs: int
    mismatches: int


def of_rtl(
    build: Build, integers: Mapping[str, IntArray], frames: int, timeout: float, progress: Progress = silent
) -> dict[str, IntArray]:
    """The output integers of the first ``frames`` samples by the graph's names.

    Raises:
        IsobitError: those of :func:`isobit.check.cosim.run.rtl_outputs`.
    """
    from isobit.check.cosim.run import rtl_outputs  # Verilator is asked for only where it is needed

    given = {name: x[:frames] for name, x in integers.items()}
    return rtl_outputs(build, given, timeout=timeout, progress=progress)


def of_board(graph: Graph, node: Output, written: Any, count: int) -> tuple[dict[str, IntArray], NDArray[Any] | None]:
    """What a board gave for the first samples: integers by the graph's names, or real values of the output ``node``.

    Args:
        written: an array, or arrays by the outputs' names, of ``run_integers`` or ``run`` of the package's driver.
        count: how many samples there are.

    Raises:
        IsobitError: E607 for arrays that fit neither the outputs nor the samples.
    """
    arrays = {
        k: np.asarray(v) for k, v in (written if isinstance(written, Mapping) else {node.outside: written}).items()
    }
    known = {n.outside: n for n in graph.outputs}
    for name, x in arrays.items():
        if name not in known:
            held = ", ".join(map(printable, known))
            raise IsobitError("E607", f"the board's file has {printable(name)!r}", hint=f"the model has {held}")
        shape = graph.types[known[name].name].shape if x.dtype.kind in "iu" else known[name].outside_shape
        if x.dtype.kind not in "iuf" or x.shape[1:] != shape or not 0 < len(x) <= count:
            what = f"the board's {printable(name)!r} is {x.dtype} of shape {list(x.shape)}"
            hint = f"at most {count} samples of shape {list(shape)}, from run or run_integers of the package's driver"
            raise IsobitError("E607", what, hint=hint)
    if node.outside not in arrays:
        raise IsobitError("E607", f"the board's file has no {printable(node.outside)!r}", hint="save every output")
    if arrays[node.outside].dtype.kind == "f":
        return {}, arrays[node.outside]
    return {known[k].name: x.astype(np.int64) for k, x in arrays.items() if x.dtype.kind in "iu"}, None


def compared(name: str, expected: Mapping[str, IntArray], got: Mapping[str, IntArray]) -> Compared:
    """The integers of ``got`` against those of the same samples in ``expected``."""
    wrong = sum(count_differences(expected[k][: len(x)], x) for k, x in got.items())
    return Compared(name, sum(x.size for x in got.values()), wrong)


def beside(
    build: Build, node: Output, integers: Mapping[str, IntArray], expected: Mapping[str, IntArray], rtl: int,
    board: Any, timeout: float, progress: Progress = silent,
) -> tuple[dict[str, NDArray[Any]], tuple[Compared, ...]]:  # fmt: skip
    """Real values of the output ``node`` by ``RTL`` (``rtl`` samples) and ``board``, and their integers compared."""
    found: dict[str, dict[str, IntArray]] = {}
    values: dict[str, NDArray[Any]] = {}
    if rtl:
        found["RTL"] = of_rtl(build, integers, rtl, timeout, progress)
    if board is not None:
        made, real = of_board(build.graph, node, board, len(next(iter(integers.values()))))
        if real is None:
            found["board"] = made
        else:
            values["board"] = real
    values = {name: real_values(node, outputs[node.name]) for name, outputs in found.items()} | values
    return values, tuple(compared(name, expected, outputs) for name, outputs in found.items())
