"""The functions of the Python package: each takes a build or its folder, and arrays or the files that hold them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, cast, get_args

import onnx

from isobit.api.arguments import Shaped, one_of, shape_of, vectors_of
from isobit.api.build import Build, opened
from isobit.api.progress import Told, quiet, telling
from isobit.build import folder
from isobit.check.csim import accuracy as accuracies
from isobit.check.csim import clocks, run
from isobit.check.csim.result import CsimResult
from isobit.check.csim.samples import sample_form
from isobit.check.lint import rules
from isobit.check.lint.project import Finding
from isobit.check.proofs import verify as proofs
from isobit.check.source.level import ort_level_of
from isobit.flow import Exporter, refit_source
from isobit.hardware import Board, board_names, load_board
from isobit.kinds import Count, Limits, Positive, Seconds, Vectors, coded
from isobit.pynq import pack
from isobit.report import page


@coded
def load(path: str | Path) -> Build:
    """A build's folder, checked against its manifest."""
    return opened(path)


def boards() -> tuple[Board, ...]:
    """The boards that come with isobit; ``name`` is what ``board=`` takes."""
    return tuple(map(load_board, board_names()))


@coded
@telling
def csim(
    build: folder.Build | str | Path, inputs: Any = None, *, vectors: Vectors | None = None, checked: bool = False,
    compiler: str | None = None, source: bool = True, ort_level: str = "disabled", seed: Count = 0,
    timeout: Seconds = run.DEFAULT_TIMEOUT, taps: str | Path | None = None, samples: str | None = None,
    progress: Told = quiet,
) -> CsimResult:  # fmt: skip
    """Both verdicts: :func:`isobit.check.csim.run.csim`."""
    return run.csim(
        opened(build), vectors_of(inputs), vectors=vectors, checked=checked, compiler=compiler, source=source,
        ort_level=ort_level_of(ort_level), seed=seed, timeout=timeout, taps=Path(taps) if taps else None,
        samples=sample_form(samples), progress=progress,
    )  # fmt: skip


@coded
@telling
def predict(
    build: folder.Build | str | Path, inputs: Any, *, integers: bool = False, graph: bool = False,
    samples: str | None = None, compiler: str | None = None, timeout: Seconds = run.DEFAULT_TIMEOUT,
    progress: Told = quiet,
) -> Any:  # fmt: skip
    """The compiled C++ on samples: :func:`isobit.check.csim.predict.predict`."""
    return opened(build).predict(
        inputs, integers=integers, graph=graph, samples=samples, compiler=compiler, timeout=timeout, progress=progress
    )


@coded
@telling
def accuracy(
    build: folder.Build | str | Path, inputs: Any, labels: Any, *, topk: Positive = 5, output: str | None = None,
    source: bool = True, samples: str | None = None, ort_level: str = "disabled", compiler: str | None = None,
    timeout: Seconds = run.DEFAULT_TIMEOUT, torch: Any = (), rtl: Count = 0, board: Any = None,
    exact: Count = 0, progress: Told = quiet,
) -> accuracies.Accuracy:  # fmt: skip
    """Top-1 and top-k of C++, graph and source: :func:`isobit.check.csim.accuracy.accuracy`."""
    return opened(build).accuracy(
        inputs, labels, topk=topk, output=output, source=source, samples=samples, ort_level=ort_level,
        compiler=compiler, timeout=timeout, torch=torch, rtl=rtl, board=board, exact=exact, progress=progress,
    )  # fmt: skip


@coded
def write_report(build: folder.Build | str | Path, path: str | Path | None = None, inputs: Any = None) -> Path:
    """The report as one HTML page: :func:`isobit.report.page.write_report`."""
    return page.write_report(opened(build), path, vectors_of(inputs))


@coded
def package(
    build: folder.Build | str | Path, destination: str | Path, board: Board | str | None = None, *, seed: Count = 0,
    rtl: bool = False, inputs: Any = None, labels: Any = None,
) -> None:  # fmt: skip
    """A PYNQ package: :func:`isobit.pynq.pack.package`."""
    of = load_board(board) if isinstance(board, str) else board
    pack.package(
        opened(build), destination, of, seed=seed, rtl=rtl, inputs=vectors_of(inputs), labels=vectors_of(labels)
    )


@coded
def lint(build: folder.Build | str | Path) -> tuple[Finding, ...]:
    """What Vitis HLS would reject or warn about: :func:`isobit.check.lint.rules.lint_build`."""
    return rules.lint_build(opened(build))


@coded
def fifos(build: folder.Build | str | Path, compiler: str | None = None) -> list[clocks.FifoChoice]:
    """Memory and clocks of the FIFOs, as built and for either goal: :func:`isobit.check.csim.clocks.fifo_choices`."""
    return clocks.fifo_choices(opened(build), compiler)


@coded
def verify(build: folder.Build | str | Path) -> proofs.Verification:
    """Every proof again, from the build's files alone: :func:`isobit.check.proofs.verify.verify_build`."""
    return proofs.verify_build(build.path if isinstance(build, folder.Build) else Path(build))


@coded
def refit(
    source: Any, bits: Annotated[int, Limits(1, 32)], *, input_shape: Shaped = None, input_type: str | None = None,
    input_scale: str | int | Fraction = "1", exporter: str = "torchscript",
) -> onnx.ModelProto:  # fmt: skip
    """The model with its weights requantised for k-bit multiplicands: :func:`isobit.flow.refit_source`."""
    one_of("exporter", exporter, get_args(Exporter), "E302")
    return refit_source(
        source, bits, input_shape=shape_of(input_shape), input_type=input_type, input_scale=str(input_scale),
        exporter=cast(Exporter, exporter),
    )  # fmt: skip
