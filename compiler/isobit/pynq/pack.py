"""Packaging a build for a board: sample vectors, the lint of its sources, and the package itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from isobit.build.folder import Build
from isobit.check.cosim.sources import rtl_sources
from isobit.check.csim.stimuli import float_samples, vectors_for
from isobit.check.lint.rules import lint_build
from isobit.errors import IsobitError
from isobit.hardware import Board
from isobit.pynq.package import Accelerator, write_package

SAMPLES = 64
MOST_VALUES = 4_000_000
"""Input elements in ``vectors.npz``: a large network gets fewer samples."""


def package(
    build: Build, destination: Path | str, board: Board | None = None, *, seed: int = 0, rtl: bool = False
) -> None:
    """Write a PYNQ package of ``build`` to ``destination``; without ``board`` for the one it was compiled for.

    Args:
        rtl: the accelerator is the design's SystemVerilog, made an IP by Vivado alone; else its Vitis HLS project.

    Raises:
        IsobitError: E507, E509, E601, E602 (:func:`isobit.pynq.package.write_package`); E612 where the lint finds
            anything.
    """
    accelerator = _in_systemverilog(build) if rtl else _in_cpp(build)
    values = sum(int(np.prod(node.outside_shape)) for node in build.graph.inputs)
    integers = vectors_for(build.graph, max(min(SAMPLES, MOST_VALUES // values), 2), seed)
    rng = np.random.default_rng(seed)
    samples = {node.outside: float_samples(node, integers[node.name], rng) for node in build.graph.inputs}
    write_package(build, board or build.manifest.board, Path(destination), samples, accelerator)


def _in_systemverilog(build: Build) -> Accelerator:
    design, texts = rtl_sources(build)
    return Accelerator(design.interval, texts)


def _in_cpp(build: Build) -> Accelerator:
    findings = lint_build(build)
    if findings:
        raise IsobitError("E612", str(findings[0]), hint=f"isobit lint lists all {len(findings)}")
    return Accelerator(build.manifest.estimate.interval)
