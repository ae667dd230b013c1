"""``isobit.compile``: one signature for the command line and for Python."""

from __future__ import annotations

import shutil
import tempfile
import warnings
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast, get_args

from isobit.api.arguments import Shaped, number, one_of, shape_of, vectors_of
from isobit.api.build import Build
from isobit.api.progress import quiet, telling
from isobit.backends.base import ReadsPlans
from isobit.backends.dataflow.design import FifoGoal
from isobit.backends.dataflow.planner import PlanFile, PlanRequest, located, read_plan
from isobit.backends.registry import DEFAULT, find_backend
from isobit.build.manifest import Target
from isobit.check.csim.samples import sample_form
from isobit.errors import IsobitError, printable
from isobit.flow import Exporter, compile_model
from isobit.frontend.qonnx.float_arithmetic import arithmetic_of
from isobit.hardware import Board, load_board
from isobit.hardware.board import at_clock
from isobit.kinds import Count, coded, of_kind
from isobit.report.notes import notes


class ModelWarning(UserWarning):
    """The model compiles, and is hardly what its user means."""


DEFAULT_BOARD = "pynq-z1"


@coded
@telling
def compile(
    source: Any,
    output: str | Path | None = None,
    *,
    board: str | Board | None = None,
    clock_mhz: float | None = None,
    input_shape: Shaped = None,
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
    head: Count = 0,
    head_bits: Count = 0,
    argmax: bool = False,
    target: str | None = None,
    progress: Callable[[str], None] = quiet,
) -> Build:
    """Compile a model into a Vitis HLS project; :func:`isobit.flow.compile_model` says what the rest means.

    Args:
        output: the build's folder; a temporary one without, which goes when the build does.
        board: a board, its name or its ``.toml`` file; without it the plan file's, or ``pynq-z1``.
        clock_mhz: another clock than the board's own; without it the plan file's.
        arguments: of the factory in ``file.py:factory``, by name.
        plan, target_fps, target_ii, samples_per_clock, max_util, fifos: as the options of ``isobit compile``.
        plan_request: a back end's own request in their place.
        target: ``hls``, ``rtl`` or ``both``: C++ for Vitis HLS, SystemVerilog; without it both, where the back end has
            both.

    Raises:
        IsobitError: any coded refusal, E613 for an argument that is not of its kind; nothing is left behind.
        DoesNotFit: E502 when the design exceeds the board.

    Warns:
        ModelWarning: the model looks untrained.
    """
    one_of("exporter", exporter, get_args(Exporter), "E302")
    target = target or ("both" if backend == DEFAULT else "hls")
    one_of("target", target, get_args(Target))
    device = planned_board(board, clock_mhz, plan if backend == DEFAULT else None)
    if plan_request is not None:
        of_kind("plan_request", plan_request, type(find_backend(backend).request()))
    else:
        asked = Asked(plan, target_fps, target_ii, samples_per_clock, max_util, fifos)
        plan_request = request_of(backend, device, asked)
    place = Path(tempfile.mkdtemp(prefix="isobit-build-")) if output is None else None
    try:
        build = Build.of(
            compile_model(
                source, place / "build" if place else Path(cast(str, output)), board=device,
                input_shape=shape_of(input_shape), input_type=input_type, input_scale=str(input_scale),
                exporter=cast(Exporter, exporter), arithmetic=arithmetic_of(arithmetic), arguments=arguments,
                backend=backend, plan_request=plan_request,
                rescale_bits=rescale_bits, refit=refit, budget=budget, inputs=vectors_of(inputs),
                samples=sample_form(samples), head=head, head_bits=head_bits, argmax=argmax,
                project=cast(Target, target), progress=progress,
            )
        )  # fmt: skip
    except BaseException as error:
        if place:
            shutil.rmtree(place, ignore_errors=True)
        if plan and isinstance(error, IsobitError) and error.code in ("E503", "E505", "E506"):
            raise located(error, Path(plan)) from error
        raise
    if place:
        weakref.finalize(build, shutil.rmtree, place, ignore_errors=True)
    if said := notes(build):
        warnings.warn(" ".join(line.strip() for line in said), ModelWarning, stacklevel=4)
    return build


def planned_board(board: str | Board | None, clock_mhz: float | None, plan: str | Path | None) -> Board:
    """The board and clock that are asked for; what is not asked for is the plan file's, or the default.

    Raises:
        IsobitError: E503 where the plan file was made for others than those asked for; what either may have wrong.
    """
    file = read_plan(Path(plan)) if plan else PlanFile({}, {})
    clock = (file.clock_mhz or None) if clock_mhz is None else clock_mhz
    found = target_board(file.board or DEFAULT_BOARD if board is None else board, clock)
    for key, theirs, own in (("board", file.board, found.name), ("clock", file.clock_mhz, found.clock_mhz)):
        if theirs and theirs != own:
            text = f"the plan is for {key} = {printable(theirs)}, and {printable(own)} is asked for"
            hint = f"leave --{key} out, or remove the line {key} = ... from the plan"
            raise IsobitError("E503", text, where=printable(plan), hint=hint)
    return found


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
    return PlanRequest(
        asked.max_util, clocks, fixed.layers, goal, fixed.depths, asked.samples_per_clock, fixed.depths_for
    )  # fmt: skip


def _interval(board: Board, asked: Asked) -> int | None:
    """The clocks per frame that the targets allow."""
    clocks = []
    if asked.target_ii is not None:
        number("target_ii", asked.target_ii, 1, whole=True)
        clocks.append(asked.target_ii)
    if asked.target_fps is not None:
        number("target_fps", asked.target_fps, 0.001)
        clocks.append(int(board.clock_mhz * 1e6 / asked.target_fps))
        if not clocks[-1]:
            what = f"{asked.target_fps:,.0f} frames/s are more than one a clock of {board.clock_mhz:g} MHz"
            raise IsobitError("E503", what, hint="fewer frames per second, or --clock, if the design reaches it")
    return min(clocks, default=None)
