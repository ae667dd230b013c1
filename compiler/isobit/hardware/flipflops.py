"""Flip-flops of what hls4ml makes, estimated from LUTs: the median factor of whole designs after implementation.

The designs (``flipflops.toml``, made by ``benchmarks/flipflops.py``) are others' and of FINN's architecture, which is
ours: streams between units, a pipeline in each. How far a design lies from a factor that was fitted without its project
is what :func:`spread` says. No part here has fewer than two flip-flops to a LUT, so they never decide what fits.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from statistics import median

Design = tuple[str, int, int]


@cache
def designs() -> tuple[Design, ...]:
    """Project, LUTs and flip-flops of every design."""
    data = tomllib.loads(files("isobit.hardware").joinpath("flipflops.toml").read_text(encoding="utf-8"))
    return tuple((str(project), int(lut), int(ff)) for project, lut, ff in data["designs"])


@cache
def factor(without: str = "") -> float:
    """Flip-flops per LUT: the median of all designs but those of one project."""
    return median(ff / lut for project, lut, ff in designs() if project != without)


def flipflops(luts: int) -> int:
    """About how many flip-flops go with so many LUTs."""
    return round(factor() * luts)


def spread() -> tuple[float, float, float]:
    """Least, median and greatest ratio of what a design has to what a factor without its project predicts."""
    found = [ff / (lut * factor(project)) for project, lut, ff in designs()]
    return min(found), median(found), max(found)
