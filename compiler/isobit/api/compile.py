"""``isobit.compile``: one signature for the command line and for Python."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast, get_args

from isobit.api.arguments import coded, number, one_of, shape_of, text, vectors_of
from isobit.api.build import Build
from isobit.backends.dataflow.design import FifoGoal
from isobit.backends.dataflow.planner import PlanFile, PlanRequest, read_plan
from isobit.backends.registry import DEFAULT
from isobit.check.csim.samples import sample_form
from isobit.errors import IsobitError, printable
from isobit.flow import Exporter, compile_model
from isobit.hardware import Board, load_board
from isobit.hardware.board import at_clock


def _quiet(_: str) -> None:
    """No progress is told."""


@coded
def compile(
    source: Any,
    output: str | Path | None = None,
    *,
    board: str | Board = "pynq-z1",
    clock_mhz: float | None = None,
    input_shape: tuple[int, ...] | str | None = None,
    input_type: str | None = None,
    input_scale: str | int | Fraction = "1",
    exporter: str = "torchscript",
    arguments: Mapping[str, Any] = MappingProxyType({}),
    backend: str = DEFAULT,
    plan: str | Path | None = None,
    target_fps: float | None = None,
    target_ii: int | None = None,
    samples_per_clock: int = 0,
    max_util: float = 0.6,
    fifos: str = "throughput",
    plan_request: Any = None,
    rescale_bits: int | None = None,
    refit: bool = False,
    budget: str | Fraction | None = None,
    inputs: Any = None,
    samples: str | None = None,
    progress: Callable[[str], None] = _quiet,
) -> Build:
    """Compile a model into a Vitis HLS project; :func:`isobit.flow.compile_model` says what the rest means.

    Args:
        output: the build's folder; a temporary one without, which goes when the build does.
        clock_mhz: another clock than the board's own.
        arguments: of the factory in ``file.py:factory``, by name.
        plan, target_fps, target_ii, samples_per_clock, max_util, fifos: as the options of ``isobit compile``.
        plan_request: a back end's own request in their place.

    Raises:
        IsobitError: any coded refusal, E613 for an argument that is not of its kind; nothing is left behind.
        DoesNotFit: E502 when the design exceeds the board.
    """
    one_of("exporter", exporter, get_args(Exporter), "E302")
    text("input_scale", str(input_scale) if isinstance(input_scale, int | Fraction) else input_scale)
    target = target_board(board, clock_mhz)
    if plan_request is None and backend == DEFAULT:
        plan_request = request_of(target, plan, target_fps, target_ii, samples_per_clock, max_util, fifos)
    place = Path(tempfile.mkdtemp(prefix="isobit-build-")) if output is None else None
    try:
        build = Build.of(
            compile_model(
                source, place / "build" if place else Path(cast(str, output)), board=target,
                input_shape=shape_of(input_shape), input_type=input_type, input_scale=str(input_scale),
                exporter=cast(Exporter, exporter), arguments=arguments, backend=backend, plan_request=plan_request,
                rescale_bits=rescale_bits, refit=refit, budget=budget, inputs=vectors_of(inputs),
                samples=sample_form(samples), progress=progress,
            )
        )  # fmt: skip
    except BaseException:
        if place:
            shutil.rmtree(place, ignore_errors=True)
        raise
    if place:
        weakref.finalize(build, shutil.rmtree, place, ignore_errors=True)
    return build


def target_board(board: str | Board, clock_mhz: float | None) -> Board:
    """The board, at another clock where one is given."""
    if not isinstance(board, str | Board):
        raise IsobitError("E501", f"{printable(repr(board))} is no board", hint="a name from isobit.boards()")
    found = load_board(board) if isinstance(board, str) else board
    if clock_mhz is None:
        return found
    number("clock_mhz", clock_mhz, 0)
    return at_clock(found, clock_mhz)


def request_of(
    board: Board, plan: str | Path | None, fps: float | None, clocks: int | None, samples: int, share: float, fifos: str
) -> PlanRequest:
    """What is asked of the dataflow planner; of two targets the stricter."""
    number("max_util", share, 0.01, 1)
    number("samples_per_clock", samples, 0, whole=True)
    one_of("fifos", fifos, get_args(FifoGoal), "E503")
    asked = []
    if clocks is not None:
        number("target_ii", clocks, 1, whole=True)
        asked.append(clocks)
    if fps is not None:
        number("target_fps", fps, 0.001)
        asked.append(max(int(board.clock_mhz * 1e6 / fps), 1))
    fixed = read_plan(Path(plan)) if plan else PlanFile({}, {})
    return PlanRequest(share, min(asked, default=None), fixed.layers, cast(FifoGoal, fifos), fixed.depths, samples)
