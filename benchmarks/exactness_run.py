"""One network of the exactness sweep: compile it, simulate it, compare, and put what was counted in a row."""

from __future__ import annotations

import resource
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from exactness_cases import Subject

import isobit
from isobit.check.csim.run import DEFAULT_TIMEOUT, given_integers, judged, simulator
from isobit.check.csim.stimuli import vectors_for
from isobit.errors import DoesNotFit, IsobitError
from isobit.interp import Evaluator, dequantise, run
from isobit.interp.work import multiply_accumulates
from isobit.ir.ops import Const, Input, Linear, Output

BOARDS = ("pynq-z1", "zcu104", "alveo-u250")
Progress = Callable[[str], None]
CONVOLUTIONAL_OUTPUTS = 100_000
"""Outputs of a convolutional network that the native C++ computes at least, also where 32 images have fewer."""
_CHUNK = 1 << 22
"""Input integers simulated at a time beyond the first images."""


@dataclass(frozen=True)
class Recorded:
    """The comparison on recorded inputs: samples, outputs of the C++ and wrong ones, the source's verdict.

    ``same`` of ``of`` recorded outputs, read back as integers, are the graph's; 0 of 0 when the host computes after it.
    """

    samples: int
    outputs: int
    mismatches: int
    source: str
    same: int
    of: int


@dataclass(frozen=True)
class Row:
    """What was counted for one network; ``refusal`` alone is set when it was refused."""

    name: str
    origin: str
    refusal: str = ""
    operations: str = ""
    layers: int = 0
    weights: int = 0
    weight_bits: str = ""
    value_bits: str = ""
    board: str = ""
    native: int = 0
    faithful: int = 0
    mismatches: int = 0
    exact: int = 0
    exact_wrong: int = 0
    integers: int = 0
    ties: int = 0
    unexplained: int = 0
    note: str = ""
    compile_seconds: float = 0.0
    csim_seconds: float = 0.0
    images_per_second: float = 0.0
    peak_mib: int = 0
    recorded: Recorded | None = None
    crashed: bool = False

    @property
    def equal(self) -> bool:
        """No output differs and every float difference is a listed tie; a coded refusal is no difference."""
        wrong = self.mismatches or max(self.exact_wrong, 0) or self.unexplained
        return not (self.crashed or wrong or self._recorded_wrong)

    @property
    def _recorded_wrong(self) -> bool:
        return self.recorded is not None and bool(self.recorded.mismatches or "unexplained" in self.recorded.source)


def run_subject(subject: Subject, outputs: int, macs: float | None, exporter: Any, progress: Progress) -> Row:
    """Compile for the smallest board that takes it, and compare at least ``outputs`` outputs or images.

    ``macs`` bounds the multiply-accumulates of the images beyond these.
    """
    with tempfile.TemporaryDirectory(prefix="isobit-exactness-") as scratch:
        try:
            started = _cpu_seconds()
            compiled = partial(_compile, subject, exporter=exporter, progress=progress)
            build = compiled(Path(scratch) / "build", BOARDS)
            seconds = _cpu_seconds() - started
            parallel = partial(compiled, Path(scratch) / "parallel", BOARDS[-1:])
            return _measure(subject, build, parallel, outputs, macs, seconds, progress)
        except IsobitError as error:
            where = f" ({error.where})" if error.where and not Path(error.where).exists() else ""
            return Row(subject.name, subject.origin, refusal=f"{error.code}: {error.message}{where}")
        except Exception as error:  # a defect of ours must not hide the other networks
            return Row(subject.name, subject.origin, refusal=f"DEFECT: {type(error).__name__}: {error}", crashed=True)


def _compile(subject: Subject, folder: Path, boards: Sequence[str], exporter: Any, progress: Progress) -> isobit.Build:
    """The design for the first board that it fits."""
    source = subject.source()
    options: dict[str, Any] = {"input_shape": subject.shape, "exporter": exporter, "progress": progress}
    for board in boards:
        try:
            return _declared(subject, source, folder, options | {"board": board})
        except DoesNotFit:
            if board == boards[-1]:
                raise
    raise AssertionError("there is a board")


def _declared(subject: Subject, source: Any, folder: Path, options: dict[str, Any]) -> isobit.Build:
    try:
        return isobit.compile(source, folder, **options)
    except IsobitError as error:
        declared = subject.declared_type()
        if error.code != "E209" or declared is None:
            raise
        return isobit.compile(source, folder, input_type=declared, **options)


def _measure(
    subject: Subject,
    build: isobit.Build,
    parallel: Callable[[], isobit.Build],
    outputs: int,
    macs: float | None,
    compiled: float,
    progress: Progress,
) -> Row:
    size = sum(build.graph.types[o.name].size for o in build.graph.outputs)
    started = _cpu_seconds()
    vectors = outputs if subject.convolutional else -(-outputs // size)
    result = isobit.csim(build, vectors=vectors, progress=progress)
    seconds = _cpu_seconds() - started
    runs, source = {r.flavour: r for r in result.runs}, result.source
    assert source is not None
    wrong = sum(r.mismatches for r in result.runs)
    assert not (result.mismatch is None and wrong)
    native = runs["native"].outputs
    if subject.convolutional and native < CONVOLUTIONAL_OUTPUTS:
        images = int(macs // max(multiply_accumulates(build.graph), 1)) if macs else CONVOLUTIONAL_OUTPUTS
        more, differing = _further(parallel(), min(CONVOLUTIONAL_OUTPUTS - native, images * size), progress)
        native, wrong, seconds = native + more, wrong + differing, _cpu_seconds() - started
    return Row(
        subject.name, subject.origin, "", *_structure(build), build.manifest.board.name,
        native, runs["faithful"].outputs, wrong, source.exact_outputs, source.exact_mismatches,
        source.float_integers, len(source.ties), len(source.unexplained), source.note, compiled, seconds,
        runs["native"].vectors / max(runs["native"].seconds, 1e-9),
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, _on_recorded(subject, build, progress),
    )  # fmt: skip


def _further(build: isobit.Build, outputs: int, progress: Progress) -> tuple[int, int]:
    """At least ``outputs`` output integers of the native C++, in chunks, and how many were wrong."""
    frame = sum(build.graph.types[o.name].size for o in build.graph.outputs)
    chunk = max(1, _CHUNK // sum(build.graph.types[node.name].size for node in build.graph.inputs))
    evaluator, done, wrong = Evaluator(build.graph), 0, 0
    with tempfile.TemporaryDirectory(prefix="isobit-exactness-") as scratch:
        native = simulator(build, "native", Path(scratch), None)
        while done < outputs:
            count = min(chunk, -(-(outputs - done) // frame))
            integers = vectors_for(build.graph, count, seed=1 + done)
            progress(f"further outputs: {done:,} of {outputs:,}")
            run, _ = judged(native.flavour, evaluator.run(integers), native.run(integers, DEFAULT_TIMEOUT))
            done, wrong = done + run.outputs, wrong + run.mismatches
    return done, wrong


def _cpu_seconds() -> float:
    """CPU seconds of this process and of those it started."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def _structure(build: isobit.Build) -> tuple[str, int, int, str, str]:
    """Operations, layers, weights, widths of the weights, widths of the values that a layer reads."""
    graph = build.graph
    work = [node for node in graph.nodes if not isinstance(node, Input | Const | Output)]
    counts = Counter(type(node).__name__.lower() for node in work)
    operations = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
    layers = [node for node in graph.nodes if isinstance(node, Linear)]
    weights = [graph.by_name[node.inputs[1]] for node in layers]
    count = sum(w.value.size for w in weights if isinstance(w, Const))
    weight_bits = _span({graph.types[w.name].bits for w in weights})
    return operations, len(layers), count, weight_bits, _span({graph.types[node.inputs[0]].bits for node in layers})


def _span(widths: set[int]) -> str:
    low, high = (min(widths), max(widths)) if widths else (0, 0)
    return str(low) if low == high else f"{low}-{high}"


def _on_recorded(subject: Subject, build: isobit.Build, progress: Progress) -> Recorded | None:
    if subject.samples is None or subject.answers is None or (subject.convolutional and not subject.kernels):
        return None
    result = isobit.csim(build, subject.samples, progress=progress)
    assert result.source is not None
    source = f"{result.source.float_integers:,} compared, {len(result.source.ties)} ties"
    if result.source.unexplained:
        source += f", {len(result.source.unexplained)} unexplained"
    same, of = _agreement(build, subject.samples, subject.answers)
    wrong = sum(r.mismatches for r in result.runs)
    return Recorded(len(subject.samples), result.runs[-1].outputs, wrong, source, same, of)


def _agreement(build: isobit.Build, samples: Any, answers: Any) -> tuple[int, int]:
    """How many recorded float outputs are the graph's own reals, once both are rounded to the output's integers."""
    (output,) = build.graph.outputs
    if any(op.kind not in ("reshape", "transpose") for op in output.host):
        return 0, 0
    integers = run(build.graph, given_integers(build.graph, samples))[output.name]
    mine = dequantise(output, integers).reshape(answers.shape)
    scale = np.array([float(s) for s in output.scale])
    steps = (mine.astype(np.float64) - answers.astype(np.float64)) / scale
    return int(np.count_nonzero(np.round(steps) == 0)), answers.size
