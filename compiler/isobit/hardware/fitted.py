"""LUTs and flip-flops of a unit as sums of terms, whose coefficients are fitted to what open synthesis made of it.

A formula names its kind and how much it has of each term: bits that it adds, multiplies, chooses among, counts with.
The data file (``fitted.toml``, written by ``benchmarks/rtl/fit.py`` from ``benchmarks/rtl/points.jsonl``) has the LUTs
and the flip-flops of one of each (docs/cost.md).
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal

from isobit.hardware.resources import Cost

Resource = Literal["lut", "ff"]


def fabric(kind: str, **terms: float) -> Cost:
    """LUTs and flip-flops of what has so much of every term of ``kind``."""
    return Cost(lut=_sum("lut", kind, terms), ff=_sum("ff", kind, terms))


def _sum(resource: Resource, kind: str, terms: Mapping[str, float]) -> int:
    known = coefficients(resource)[kind]
    return math.ceil(sum(known[name] * amount for name, amount in terms.items()))


@cache
def coefficients(resource: Resource) -> Mapping[str, Mapping[str, float]]:
    """By kind and term."""
    text = files("isobit.hardware").joinpath("fitted.toml").read_text(encoding="utf-8")
    return dict(tomllib.loads(text)[resource])
