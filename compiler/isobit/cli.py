"""The command line: ``isobit compile``, ``csim``, ``show``, ``explain``, ``boards``, ``paths``.

Exit codes: 0 equal (or done), 1 mismatch or a failed simulation, 2 refused (or wrong usage), 3 does not fit, 130
interrupted, 141 the reader of the output went away, 143 terminated.
"""

from __future__ import annotations

import json
import math
import os
import shlex
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup

from isobit import errors
from isobit.errors import IsobitError
from isobit.version import __version__


class _Guarded(TyperGroup):
    """Whatever a command raises becomes one message without a traceback and an exit code."""

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
            # Python flushes stdout once more at its own exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(errors.EXIT_PIPE_CLOSED) from error
        except (OSError, MemoryError) as error:
            raise _refused(IsobitError("E610", errors.printable(str(error) or type(error).__name__))) from error


def _refused(error: IsobitError) -> typer.Exit:
    err.print(escape(str(error)), style="bold red", soft_wrap=True)
    return typer.Exit(error.exit_code)


app = typer.Typer(
    cls=_Guarded, add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False,
    help="Quantised neural networks to Vitis HLS projects, proven by C simulation to compute the very same integers.",
)  # fmt: skip
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

Model = Annotated[str, typer.Argument(help="model.onnx (QONNX), or file.py:factory returning a Brevitas module")]
Board = Annotated[str, typer.Option(help="board name or a .toml file; see `isobit boards`")]
Shape = Annotated[str | None, typer.Option("--input-shape", help="shape of one sample for Brevitas sources: 1,28,28")]
Type = Annotated[
    str | None,
    typer.Option("--input-type", help="integer type of an input that has no quantiser: UINT8, INT4, BIPOLAR ..."),
]
Scale = Annotated[str, typer.Option("--input-scale", help="real value of one step of --input-type: 1/255")]
Exporter = Annotated[str, typer.Option(help="Brevitas export path: torchscript or dynamo")]


def _finite(value: float | None) -> float | None:
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter("not a finite number")
    return value


@app.command("compile")
def compile_command(
    model: Model,
    output: Annotated[Path, typer.Option("-o", "--output", help="build folder")],
    board: Board = "pynq-z1",
    input_shape: Shape = None,
    input_type: Type = None,
    input_scale: Scale = "1",
    exporter: Exporter = "torchscript",
    plan: Annotated[Path | None, typer.Option(help="TOML file that fixes layers; see plan.toml in a build")] = None,
    target_fps: Annotated[
        float | None, typer.Option(min=0.001, callback=_finite, help="at least this many frames per second")
    ] = None,
    target_ii: Annotated[int | None, typer.Option(min=1, help="at most this many clocks per frame")] = None,
    max_util: Annotated[
        float, typer.Option(min=0.01, max=1.0, callback=_finite, help="share of the board that may be used")
    ] = 0.6,
) -> None:
    """Compile a model into a Vitis HLS project."""
    from isobit.flow import compile_model
    from isobit.plan import PlanRequest, read_plan
    from isobit.report.text import build_table

    request = PlanRequest(max_util, _interval(board, target_ii, target_fps), read_plan(plan) if plan else {})
    with _Progress() as progress:
        build = compile_model(
            model, output, board=board, input_shape=_shape(input_shape), input_type=input_type, input_scale=input_scale,
            exporter=_exporter(exporter), plan_request=request, progress=progress,
        )  # fmt: skip
    out.print(build_table(build), crop=False)
    out.print(f"Vitis HLS project in {escape(shlex.quote(str(build.hls)))}", soft_wrap=True)
    out.print(f"check it with: isobit csim {escape(shlex.quote(str(build.path)))}", soft_wrap=True)


@app.command()
def csim(
    build: Annotated[Path, typer.Argument(help="build folder")],
    inputs: Annotated[Path | None, typer.Option(help=".npy of float samples or input integers, batch first")] = None,
    vectors: Annotated[
        int | None,
        typer.Option("-n", "--vectors", min=1, help="edge-case and random vectors; 10000, fewer for large networks"),
    ] = None,
    checked: Annotated[bool, typer.Option("--checked", help="stop at any assignment that would lose a bit")] = False,
    source: Annotated[bool, typer.Option(help="also compare the graph with the source model")] = True,
    bounded: Annotated[
        bool, typer.Option("--bounded", help="instead, run all processes side by side with the planned FIFO depths")
    ] = False,
    frames: Annotated[int, typer.Option("--frames", min=1, help="frames of --bounded")] = 4,
    compiler: Annotated[str | None, typer.Option(help="C++ compiler: g++ or clang++")] = None,
    seed: Annotated[int, typer.Option(min=0, help="seed of the random vectors")] = 0,
    timeout: Annotated[
        float, typer.Option(min=0.1, callback=_finite, help="seconds for one simulation run")
    ] = 600.0,
    taps: Annotated[
        Path | None, typer.Option(help="write every layer's integers of the first samples to this .npz file")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the verdict as JSON")] = False,
) -> None:
    """Compile the generated C++, run it, and compare every output with the interpreter and the source model."""
    from isobit.check.bounded import bounded_csim
    from isobit.check.csim import csim as run_csim
    from isobit.check.vectors import load_vectors
    from isobit.emit.build import load_build
    from isobit.report.text import csim_json, csim_table

    with _Progress() as progress:
        loaded = load_build(build)
        if bounded:
            progress("running the dataflow side by side")
            result = bounded_csim(loaded, frames, compiler=compiler, seed=seed, timeout=timeout)
        else:
            result = run_csim(
                loaded, load_vectors(inputs) if inputs else None, vectors=vectors, checked=checked, source=source,
                compiler=compiler, seed=seed, timeout=timeout, taps=taps, progress=progress,
            )  # fmt: skip
    if as_json:
        sys.stdout.write(json.dumps(csim_json(result), indent=1) + "\n")
    else:
        out.print(csim_table(result), crop=False)
    raise typer.Exit(errors.EXIT_EQUAL if result.equal else errors.EXIT_MISMATCH)


@app.command()
def show(
    what: Annotated[str, typer.Argument(help="a model or a build folder")],
    full: Annotated[bool, typer.Option("--full", help="whole arrays, in the form that can be read back")] = False,
    raw: Annotated[bool, typer.Option("--raw", help="a model's graph as imported, before any pass")] = False,
    input_shape: Shape = None,
    input_type: Type = None,
    input_scale: Scale = "1",
    exporter: Exporter = "torchscript",
) -> None:
    """Print the integer graph with every value's interval and width."""
    from isobit.emit.build import load_build
    from isobit.flow import import_source
    from isobit.ir import print_graph
    from isobit.passes import optimise

    if Path(what).is_dir():
        graph = load_build(Path(what)).graph
    else:
        graph = import_source(
            what, input_shape=_shape(input_shape), input_type=input_type, input_scale=input_scale,
            exporter=_exporter(exporter),
        )  # fmt: skip
        graph = graph if raw else optimise(graph)
    sys.stdout.write(print_graph(graph, full=full))


@app.command()
def explain(
    build: Annotated[Path, typer.Argument(help="build folder")],
    layer: Annotated[str | None, typer.Argument(help="a layer's name; without it the layers are listed")] = None,
) -> None:
    """Say where a layer came from, which rules fired, its interval, and how it is built and what that beat."""
    from isobit.emit.build import load_build
    from isobit.report.text import build_table, explain_layer

    loaded = load_build(build)
    if layer is None:
        out.print(build_table(loaded), crop=False)
        return
    out.print(explain_layer(loaded, layer), crop=False)


@app.command()
def boards() -> None:
    """List the boards that come with isobit."""
    from isobit.report.text import boards_table

    out.print(boards_table())


@app.command()
def paths() -> None:
    """Print the folders the generated Makefile needs: SIM (our simulation headers) and AP_TYPES."""
    from isobit.check.toolchain import ap_types_folder
    from isobit.emit import templates_root

    sys.stdout.write(f"SIM={templates_root() / 'sim'}\nAP_TYPES={ap_types_folder()}\n")


@app.callback(invoke_without_command=True)
def main_options(version: Annotated[bool, typer.Option("--version", help="print the version")] = False) -> None:
    if version:
        sys.stdout.write(f"isobit {__version__}\n")
        raise typer.Exit


class _Progress:
    """A spinner with the current stage on a terminal; silent elsewhere."""

    def __enter__(self) -> Callable[[str], None]:
        self._status = err.status("starting") if err.is_terminal else None
        if self._status:
            self._status.start()
        return lambda text: self._status.update(escape(text)) if self._status else None

    def __exit__(self, *_: Any) -> None:
        if self._status:
            self._status.stop()


def _shape(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    parts = text.replace("x", ",").split(",")
    if not all(p.strip().isdigit() and int(p) > 0 for p in parts):
        raise IsobitError(
            "E106",
            f"--input-shape {errors.printable(text)!r} is not a list of positive integers",
            hint="for example 1,28,28",
        )
    return tuple(int(p) for p in parts)


def _interval(board: str, clocks: int | None, fps: float | None) -> int | None:
    """The stricter of two targets, in clocks per frame."""
    from isobit.hardware import load_board

    asked = [clocks] if clocks else []
    if fps:
        asked.append(max(int(load_board(board).clock_mhz * 1e6 / fps), 1))
    return min(asked, default=None)


def _exporter(name: str) -> Any:
    if name not in ("torchscript", "dynamo"):
        raise IsobitError("E302", f"no exporter {errors.printable(name)!r}", hint="torchscript or dynamo")
    return name


def _terminate(*_: Any) -> None:
    raise SystemExit(errors.EXIT_TERMINATED)


def main() -> None:
    """Run the command line. SIGTERM unwinds like an error, so that no half-written folder stays behind."""
    signal.signal(signal.SIGTERM, _terminate)
    app()


if __name__ == "__main__":
    main()
