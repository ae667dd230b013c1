"""Packaging a build for a board: sample vectors, the lint of its sources, and the package itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from isobit.build.folder import Build
from isobit.check.cosim.sources import rtl_sources
from isobit.check.csim.stimuli import float_samples, vectors_for
from isobit.check.lint.rules import lint_build
from isobit.errors import IsobitError
from isobit.hardware import Board
from isobit.pynq.labelled import MOST_VALUES, labelled
from isobit.pynq.package import Accelerator, write_package

SAMPLES = 64
"""In ``vectors.npz``; a large network gets fewer."""


def package(
    build: Build, destination: Path | str, board: Board | None = None, *, seed: int = 0, rtl: bool = False,
    inputs: Any = None, labels: Any = None,
) -> None:  # fmt: skip
    """Write a PYNQ package of ``build`` to ``destination``; without ``board`` for the one it was compiled for.

    Args:
        rtl: the accelerator is the design's SystemVerilog, made an IP by Vivado alone; else its Vitis HLS project.
        inputs, labels: own samples, as :func:`isobit.accuracy` takes them, which the notebook classifies on the board.

    Raises:
        IsobitError: E607 where they do not fit; E613 for one without the other.
        IsobitError: E507, E509, E601, E602 (:func:`isobit.pynq.package.write_package`); E612 where the lint finds
            anything.
    """
    if (inputs is None) != (labels is None):
        raise IsobitError("E613", "samples and labels go together", hint="--inputs x.npy --labels y.npy")
    own = {} if inputs is None else labelled(build, inputs, labels)
    accelerator = _in_systemverilog(build) if rtl else _in_cpp(build)
    values = sum(int(np.prod(node.outside_shape)) for node in build.graph.inputs)
    integers = vectors_for(build.graph, max(min(SAMPLES, MOST_VALUES // values), 2), seed)
    rng = np.random.default_rng(seed)
    samples = {node.outside: float_samples(node, integers[node.name], rng) for node in build.graph.inputs}
    write_package(build, board or build.manifest.board, Path(destination), samples, accelerator, own)


def _in_systemverilog(build: Build) -> Accelerator:
    design, texts = rtl_sources(build)
    return Accelerator(design.interval, texts)


def _in_cpp(build: Build) -> Accelerator:
    findings = lint_build(build)
    if findings:
        raise IsobitError("E612", str(findings[0]), hint=f"isobit lint lists all {len(findings)}")
    return Accelerator(build.manifest.estimate.interval)
