"""LUTs of a unit as a sum of terms, whose coefficients are fitted to what open synthesis made of the templates.

A formula names its kind and how much it has of each term: bits that it adds, multiplies, chooses among, counts with.
The data file (``fitted.toml``, written by ``benchmarks/rtl/fit.py`` from ``benchmarks/rtl/points.jsonl``) has the LUTs
of one of each (docs/cost.md).
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files


def luts(kind: str, **terms: float) -> int:
    """LUTs of what has so much of every term of ``kind``."""
    known = coefficients()[kind]
    return math.ceil(sum(known[name] * amount for name, amount in terms.items()))


@cache
def coefficients() -> Mapping[str, Mapping[str, float]]:
    """By kind and term."""
    return tomllib.loads(files("isobit.hardware").joinpath("fitted.toml").read_text(encoding="utf-8"))
