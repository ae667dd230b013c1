"""The command line: ``isobit compile`` and ``csim``; the other commands are in the modules beside this one.

Exit codes: 0 equal (or done), 1 mismatch or a failed simulation, 2 refused (or wrong usage), 3 does not fit, 130
interrupted, 141 the reader of the output went away, 143 terminated.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import warnings
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperGroup

from isobit import errors
from isobit.cli.check_model import check_model_command
from isobit.cli.compare import compare_command
from isobit.cli.cosim import cosim_command
from isobit.cli.explore import explore_command
from isobit.cli.export import export_command
from isobit.cli.finn import finn_app
from isobit.cli.lists import boards_command, paths_command
from isobit.cli.options import (
    MOST_VECTORS,
    Arithmetic,
    Board,
    Docker,
    Exporter,
    Memory,
    Model,
    Samples,
    Scale,
    Shape,
    Type,
    Wide,
    finite,
    seconds,
)  # fmt: skip
from isobit.cli.package import lint_command, package_command
from isobit.cli.plan import plan_command
from isobit.cli.predict import accuracy_command, predict_command
from isobit.cli.quantize import quantize_command
from isobit.cli.report import fifos_command, report_command, verify_command
from isobit.cli.rivals import check_finn_command, check_hls4ml_command
from isobit.cli.rtl import rtl_command, say_where
from isobit.cli.show import explain_command, show_command
from isobit.cli.synth import synth_command
from isobit.cli.terminal import Progress, err, given, out
from isobit.cli.words import shapes_joined
from isobit.errors import IsobitError
from isobit.version import __version__

if TYPE_CHECKING:
    from isobit.build.folder import Build


class _Guarded(TyperGroup):
    """Whatever a command raises becomes one message without a traceback and an exit code."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, shapes_joined(args))

    def invoke(self, ctx: Any) -> Any:  # the Context of typer or of click, by version
        try:
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()
        except IsobitError as error:
            raise _refused(error) from error
        except KeyboardInterrupt as error:
            err.print("interrupted", style="bold red")
            raise typer.Exit(errors.EXIT_INTERRUPTED) from error
        except BrokenPipeError as error:
            _nothing_more()
            raise typer.Exit(errors.EXIT_PIPE_CLOSED) from error
        except (OSError, MemoryError) as error:
            try:
                sys.stdout.flush()
            except OSError:
                _nothing_more()
            raise _refused(IsobitError("E610", errors.printable(str(error) or type(error).__name__))) from error


def _nothing_more() -> None:
    """Python flushes stdout once more at its own exit: what is left goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _refused(error: IsobitError) -> typer.Exit:
    err.print(escape(str(error)), style="bold red", soft_wrap=True)
    return typer.Exit(error.exit_code)


app = typer.Typer(
    cls=_Guarded, add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False,
    help="Quantised neural networks to Vitis HLS projects that compute the very same integers, as C simulation shows.",
)  # fmt: skip


def compile_command(
    ctx: typer.Context,
    model: Model,
    output: Annotated[Path, typer.Option("-o", "--output", help="build folder")],
    board: Board = None,
    input_shape: Shape = None,
    input_type: Type = None,
    input_scale: Scale = "1",
    exporter: Exporter = "torchscript",
    arithmetic: Arithmetic = "auto",
    plan: Annotated[Path | None, typer.Option(help="TOML file that fixes layers; see plan.toml in a build")] = None,
    target_fps: Annotated[
        float | None, typer.Option(min=0.001, callback=finite, help="at least this many frames per second")
    ] = None,
    target_ii: Annotated[int | None, typer.Option(min=1, help="at most this many clocks per frame")] = None,
    samples_per_clock: Annotated[
        int, typer.Option(min=0, help="samples (pixels) of the input per clock that every layer keeps up with")
    ] = 0,
    max_util: Annotated[
        float, typer.Option(min=0.01, max=1.0, callback=finite, help="share of the board that may be used")
    ] = 0.6,
    rescale_bits: Annotated[
        int | None, typer.Option("--rescale-bits", min=1, max=32, help="widest multiplicand of a requantizer, in bits")
    ] = None,
    refit: Annotated[
        bool, typer.Option("--refit", help="requantise the weights so that such multiplicands are exact")
    ] = False,
    budget: Annotated[
        str | None, typer.Option(help="share of accumulators that such multiplicands may change: 50ppm, 0.1%, 1/20000")
    ] = None,
    inputs: Annotated[Path | None, typer.Option(help=".npy of samples: the budget must hold for theirs too")] = None,
    samples: Samples = None,
    head: Annotated[
        int, typer.Option("--head", min=0, help="classes of a few-shot head behind the model's features; 0 for none")
    ] = 0,
    head_bits: Annotated[
        int, typer.Option("--head-bits", min=0, help="bits of its prototypes; 0 for as few as will do")
    ] = 0,
    argmax: Annotated[
        bool, typer.Option("--argmax", help="one more output: the index of the greatest real value, made in the fabric")
    ] = False,
    fifos: Annotated[str, typer.Option(help="FIFO depths for full throughput, or the least: throughput or least")] = (
        "throughput"
    ),
    backend: Annotated[str, typer.Option(help="what makes the project")] = "dataflow",
    target: Annotated[
        str | None, typer.Option(help="C++ for Vitis HLS, SystemVerilog, or both: hls, rtl or both (default)")
    ] = None,
    clock: Annotated[float | None, typer.Option(help="clock in MHz, in the place of the board's own")] = None,
    arg: Annotated[list[str] | None, typer.Option(help="argument of the factory: bits=4; may be repeated")] = None,
    wide: Wide = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the layers and the estimate as JSON")] = False,
    docker: Docker = False,
    memory: Memory = "4g",
) -> None:
    """Compile a model into a Vitis HLS project."""
    from isobit.api.arguments import assignments
    from isobit.api.compile import Asked, ModelWarning, compile, planned_board, request_of
    from isobit.report.rescale import rescale_lines
    from isobit.report.result import summarise
    from isobit.report.text import arithmetic_lines, build_table

    asked = Asked(plan, target_fps, target_ii, samples_per_clock, max_util, fifos)
    warnings.simplefilter("ignore", ModelWarning)  # the table says it
    with Progress() as progress:
        if docker:
            from isobit.container.run import compile_contained

            request_of(backend, planned_board(board, clock, plan), asked)
            build: Build = compile_contained(model, output, given(ctx), memory, progress)
        else:
            build = compile(
                model, output, board=board, clock_mhz=clock, input_shape=input_shape, input_type=input_type, head=head,
                input_scale=input_scale, exporter=exporter, arithmetic=arithmetic, arguments=assignments(arg or []),
                backend=backend, plan=plan, target_fps=target_fps, target_ii=target_ii, max_util=max_util, fifos=fifos,
                samples_per_clock=samples_per_clock, rescale_bits=rescale_bits, budget=budget, progress=progress,
                inputs=inputs, samples=samples, refit=refit, head_bits=head_bits, argmax=argmax, target=target,
            )  # fmt: skip
    if as_json:
        sys.stdout.write(json.dumps(asdict(summarise(build)), indent=1) + "\n")
        return
    out.print(build_table(build, wide=wide), crop=False)
    for line in [*arithmetic_lines(build), *rescale_lines(build)]:
        out.print(line, soft_wrap=True)
    say_where(build)


def csim_command(
    build: Annotated[Path, typer.Argument(help="build folder")],
    inputs: Annotated[Path | None, typer.Option(help=".npy of samples in the model's own layout, batch first")] = None,
    samples: Samples = None,
    vectors: Annotated[
        int | None,
        typer.Option("-n", "--vectors", min=1, max=MOST_VECTORS, help="edge and random vectors; up to 10000 without"),
    ] = None,
    checked: Annotated[bool, typer.Option("--checked", help="stop at any assignment that would lose a bit")] = False,
    source: Annotated[bool, typer.Option(help="also compare the graph with the source model")] = True,
    bounded: Annotated[
        bool, typer.Option("--bounded", help="instead, run all processes side by side with the planned FIFO depths")
    ] = False,
    frames: Annotated[int, typer.Option("--frames", min=1, max=MOST_VECTORS, help="frames of --bounded")] = 4,
    compiler: Annotated[str | None, typer.Option(help="C++ compiler: g++ or clang++")] = None,
    seed: Annotated[int, typer.Option(min=0, help="seed of the random vectors")] = 0,
    timeout: Annotated[float, typer.Option(min=0.1, callback=seconds, help="seconds for one simulation run")] = 600.0,
    taps: Annotated[
        Path | None, typer.Option(help="write every layer's integers of the first samples to this .npz file")
    ] = None,
    ort_level: Annotated[
        str, typer.Option("--ort-level", help="optimisation of ONNX Runtime: disabled, basic, extended or all")
    ] = "disabled",
    as_json: Annotated[bool, typer.Option("--json", help="print the verdict as JSON")] = False,
    docker: Docker = False,
    memory: Memory = "4g",
) -> None:
    """Compile the generated C++, run it, and compare every output with the interpreter and the source model."""
    from isobit.build.folder import load_build
    from isobit.check.csim.bounded import bounded_csim
    from isobit.check.csim.last import result_json
    from isobit.check.csim.run import csim as run_csim
    from isobit.check.csim.samples import sample_form
    from isobit.check.csim.vectors import load_vectors
    from isobit.check.source.level import ort_level_of
    from isobit.report.rescale import rescale_lines
    from isobit.report.text import csim_table

    with Progress() as progress:
        level = ort_level_of(ort_level)
        loaded = load_build(build)
        if docker:
            from isobit.container.run import CsimOptions, csim_contained

            options = CsimOptions(
                inputs, vectors, checked, source, frames if bounded else 0, compiler, seed, timeout, taps,
                sample_form(samples), level,
            )  # fmt: skip
            result = csim_contained(loaded, options, memory, progress)
        elif bounded:
            result = bounded_csim(loaded, frames, compiler=compiler, seed=seed, timeout=timeout, progress=progress)
        else:
            result = run_csim(
                loaded, load_vectors(inputs) if inputs else None, vectors=vectors, checked=checked, source=source,
                compiler=compiler, seed=seed, timeout=timeout, taps=taps, ort_level=level,
                samples=sample_form(samples), progress=progress,
            )  # fmt: skip
    if as_json:
        sys.stdout.write(json.dumps(result_json(result), indent=1) + "\n")
    else:
        out.print(csim_table(result), crop=False)
        for line in rescale_lines(loaded):
            out.print(line, soft_wrap=True)
    raise typer.Exit(errors.EXIT_EQUAL if result.equal else errors.EXIT_MISMATCH)


_TASKS: dict[str, dict[str, Callable[..., None]]] = {
    "Compile and check": {
        "compile": compile_command, "csim": csim_command, "predict": predict_command, "accuracy": accuracy_command,
    },
    "Before compiling": {
        "check-model": check_model_command, "quantize": quantize_command, "plan": plan_command,
        "explore": explore_command, "boards": boards_command,
    },
    "Look into a build": {
        "report": report_command, "show": show_command, "explain": explain_command, "compare": compare_command,
        "fifos": fifos_command, "verify": verify_command, "lint": lint_command,
    },
    "Hand a build on": {"package": package_command, "export": export_command, "paths": paths_command},
    "Other compilers": {"check-hls4ml": check_hls4ml_command, "check-finn": check_finn_command},
    "Register transfer level": {"rtl": rtl_command, "cosim": cosim_command, "synth": synth_command},
}  # fmt: skip
for _task, _commands in _TASKS.items():
    for _name, _command in _commands.items():
        app.command(_name, rich_help_panel=_task)(_command)
app.add_typer(finn_app, name="finn", rich_help_panel="Other compilers")


@app.callback(invoke_without_command=True)
def main_options(version: Annotated[bool, typer.Option("--version", help="print the version")] = False) -> None:
    if version:
        sys.stdout.write(f"isobit {__version__}\n")
        raise typer.Exit


def _terminate(*_: Any) -> None:
    raise SystemExit(errors.EXIT_TERMINATED)


def main() -> None:
    """Run the command line. SIGTERM unwinds like an error, so that no half-written folder stays behind."""
    signal.signal(signal.SIGTERM, _terminate)
    gc.set_threshold(50_000, 20, 100)  # what a command makes it mostly keeps: looking for cycles is a twentieth of it
    app()
