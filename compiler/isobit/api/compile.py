"""``isobit.compile``: one signature for the command line and for Python."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast, get_args

from isobit.api.arguments import coded, number, one_of, shape_of, text, vectors_of
from isobit.api.build import Build
from isobit.backends.base import ReadsPlans
from isobit.backends.dataflow.design import FifoGoal
from isobit.backends.dataflow.planner import PlanFile, PlanRequest, read_plan
from isobit.backends.registry import DEFAULT, find_backend
from isobit.check.csim.samples import sample_form
from isobit.errors import IsobitError, printable
from isobit.flow import Exporter, compile_model
from isobit.frontend.modules import Shapes
from isobit.frontend.qonnx.float_arithmetic import arithmetic_of
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
    input_shape: Shapes | int | str | None = None,
    input_type: str | None = None,
    input_scale: str | int | Fraction = "1",
    exporter: str = "torchscript",
    arithmetic: str = "auto",
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
    head: int = 0,
    head_bits: int = 0,
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
    if plan_request is None:
        asked = Asked(plan, target_fps, target_ii, samples_per_clock, max_util, fifos)
        plan_request = request_of(backend, target, asked)
    place = Path(tempfile.mkdtemp(prefix="isobit-build-")) if output is None else None
    try:
        build = Build.of(
            compile_model(
                source, place / "build" if place else Path(cast(str, output)), board=target,
                input_shape=shape_of(input_shape), input_type=input_type, input_scale=str(input_scale),
                exporter=cast(Exporter, exporter), arithmetic=arithmetic_of(arithmetic), arguments=arguments,
                backend=backend, plan_request=plan_request,
                rescale_bits=rescale_bits, refit=refit, budget=budget, inputs=vectors_of(inputs),
                samples=sample_form(samples), head=head, head_bits=head_bits, progress=progress,
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


@dataclass(frozen=True)
class Asked:
    """What is asked of the dataflow back end's plan; another one has a request of its own, of its own plan file."""

    plan: str | Path | None = None
    target_fps: float | None = None
    target_ii: int | None = None
    samples_per_clock: int = 0
    max_util: float = 0.6
    fifos: str = "throughput"


def request_of(backend: str, board: Board, asked: Asked) -> Any:
    """The request of ``backend``; of two targets the stricter.

    Raises:
        IsobitError: E508 for an unknown back end, or for what is asked of another one than the dataflow back end;
            E613 and E503 for values that are not of their kind, and what a plan file may have wrong.
    """
    maker = find_backend(backend)
    if backend != DEFAULT:
        own = {"plan"} if isinstance(maker, ReadsPlans) else set()
        foreign = [f.name for f in fields(Asked) if getattr(asked, f.name) != f.default and f.name not in own]
        if foreign:
            options = ", ".join(sorted(f"--{name.replace('_', '-')}" for name in foreign))
            text = f"{options}: {printable(backend)} has no such option"
            raise IsobitError("E508", text, hint=f"leave it out, or --backend {DEFAULT}")
        return maker.read_request(Path(asked.plan)) if asked.plan and isinstance(maker, ReadsPlans) else maker.request()
    number("max_util", asked.max_util, 0.01, 1)
    number("samples_per_clock", asked.samples_per_clock, 0, whole=True)
    one_of("fifos", asked.fifos, get_args(FifoGoal), "E503")
    fixed = read_plan(Path(asked.plan)) if asked.plan else PlanFile({}, {})
    goal, clocks = cast(FifoGoal, asked.fifos), _interval(board, asked)
    return PlanRequest(asked.max_util, clocks, fixed.layers, goal, fixed.depths, asked.samples_per_clock)


def _interval(board: Board, asked: Asked) -> int | None:
    """The clocks per frame that the targets allow."""
    clocks = []
    if asked.target_ii is not None:
        number("target_ii", asked.target_ii, 1, whole=True)
        clocks.append(asked.target_ii)
    if asked.target_fps is not None:
        number("target_fps", asked.target_fps, 0.001)
        clocks.append(max(int(board.clock_mhz * 1e6 / asked.target_fps), 1))
    return min(clocks, default=None)
