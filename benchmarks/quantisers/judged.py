"""One quantiser's file through isobit: imported, compiled, exact, and against what the tool itself computed."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import isobit
from isobit.check.csim.run import given_integers
from isobit.check.source.compare import check_source
from isobit.check.source.verdict import SourceVerdict
from isobit.errors import DoesNotFit, IsobitError
from isobit.interp import dequantise, run

BOARDS = ("pynq-z1", "zcu104", "alveo-u250")


VERDICT_SAMPLES = 8
"""Recorded samples that go through C simulation and the exact evaluation; all are compared with the tool's answers."""


@dataclass(frozen=True)
class Agreement:
    """Outputs of one of the tool's runtimes that are isobit's integers, and samples with the same greatest output."""

    runtime: str
    same: int
    outputs: int
    most: int
    argmax: int
    samples: int


@dataclass(frozen=True)
class Row:
    """What was found for one file; ``refusal`` alone is set when isobit refused or failed."""

    refusal: str = ""
    wrong: int = 0
    compared: int = 0
    exact: int = 0
    exact_wrong: int = 0
    ties: int = 0
    unexplained: int = 0
    equal: bool = False
    agreements: tuple[Agreement, ...] = field(default=())


def judge(model: Path, simulated: bool) -> Row:
    """Compile, simulate on the recorded samples, and compare with the recorded answers in ``io.npz`` beside the file.

    Without ``simulated`` the C++ is written, not run: the graph alone is compared with the source.
    """
    recorded = np.load(model.with_name("io.npz"))
    x = recorded["x"]
    if model.suffix == ".tflite" and x.ndim == 4:
        x = np.ascontiguousarray(np.moveaxis(x, 1, -1))
    with tempfile.TemporaryDirectory(prefix="isobit-files-") as scratch:
        try:
            build = _compiled(model, Path(scratch) / "build")
            wrong, compared, source = _verdicts(build, x[:VERDICT_SAMPLES], simulated)
            answers = {name[2:]: recorded[name] for name in recorded.files if name.startswith("y ")}
            agreements = _agreements(build, x, answers)
        except IsobitError as error:
            return Row(f"{error.code}: {error.message}")
        except Exception as error:  # a defect of isobit: it is a row, and must not hide the other files
            return Row(f"DEFECT {type(error).__name__}: {error}")
    return Row(
        "", wrong, compared, source.exact_outputs, source.exact_mismatches,
        len(source.ties), len(source.unexplained), source.equal and not wrong, agreements,
    )  # fmt: skip


def _verdicts(build: isobit.Build, x: Any, simulated: bool) -> tuple[int, int, SourceVerdict]:
    """Outputs of the C++ that are wrong, outputs of the C++, and the source's verdict."""
    if not simulated:
        names = {node.outside for node in build.graph.inputs}
        return 0, 0, check_source(build, given_integers(build.graph, x), dict.fromkeys(names, x))
    result = isobit.csim(build, x)
    assert result.source is not None
    return sum(r.mismatches for r in result.runs), sum(r.outputs for r in result.runs), result.source


def _compiled(model: Path, folder: Path) -> isobit.Build:
    for board in BOARDS:
        try:
            return isobit.compile(model, folder, board=board)
        except DoesNotFit:
            if board == BOARDS[-1]:
                raise
    raise AssertionError("there is a board")


def _agreements(build: isobit.Build, x: Any, answers: Mapping[str, Any]) -> tuple[Agreement, ...]:
    """The graph's outputs beside those of each runtime, in whole steps of the output's scale."""
    (output,) = build.graph.outputs
    mine = dequantise(output, run(build.graph, given_integers(build.graph, x))[output.name]).astype(np.float64)
    scale = np.resize([float(s) for s in output.scale], mine.shape[-1])
    found = []
    for name, answer in sorted(answers.items()):
        theirs = answer.reshape(mine.shape).astype(np.float64)
        steps = np.round(np.abs(mine - theirs) / scale)
        same = int(np.count_nonzero(mine.argmax(-1) == theirs.argmax(-1)))
        equal = int(np.count_nonzero(steps == 0))
        found.append(Agreement(name, equal, steps.size, int(steps.max()), same, len(mine)))
    return tuple(found)
